// Which rules would take a picture, and which condition of the others fails. Nothing is sent.

import { post, postFile } from './api.js';
import { button, element } from './elements.js';
import { t } from './language.js';
import { query } from './place.js';
import { spokenCase, spokenFailure } from './rule_words.js';

export class RuleTester {
  /** `page` has known and guarded(work). */
  constructor(page) {
    this.page = page;
    this.name = page.known.name;
    this.id = element('input', {
      type: 'text', id: 'tester-id', spellcheck: 'false', autocomplete: 'off', maxlength: 60,
      placeholder: '6e2c0ec2-5d99c8ca-c1c21cee-79a09605-68391d12', value: query().instance ?? '',
    });
    this.file = element('input', { type: 'file', id: 'tester-file', change: () => this.file.files[0] && this.test(this.file.files[0]) });
    this.result = element('div', { class: 'verdicts', role: 'status' });
    this.node = element('div', {
      class: 'tester', dragover: (event) => this.over(event), dragleave: () => this.node.classList.remove('over'), drop: (event) => this.dropped(event),
    },
    element('p', { class: 'quiet' }, t('Nothing is sent, and a file that you drop here is not stored.')),
    element('form', { submit: (event) => { event.preventDefault(); this.test(); } },
      element('label', { for: 'tester-id' }, t('Orthanc’s id of an instance')),
      element('div', { class: 'pair' }, this.id, button(t('Try'), { type: 'submit' }))),
    element('label', { for: 'tester-file' }, t('or a DICOM file: drop it here, or choose it')), this.file, this.result);
  }

  over(event) {
    event.preventDefault();
    this.node.classList.add('over');
  }

  dropped(event) {
    event.preventDefault();
    this.node.classList.remove('over');
    const [file] = event.dataTransfer.files;
    if (file) this.test(file);
  }

  /** Ask what the rules make of a file, or of the instance whose id was typed. */
  test(file = null) {
    const id = this.id.value.trim();
    if (!file && !id) return undefined;
    const asked = (this.asked = {});
    this.result.replaceChildren(element('p', { class: 'quiet' }, t('One moment…')));
    return this.page.guarded(async () => {
      let found;
      try {
        found = await (file ? postFile('routes/test', file) : post('routes/test', { Instance: id }));
      } finally {
        if (this.asked === asked) this.result.replaceChildren();
      }
      if (this.asked === asked) this.result.replaceChildren(...this.verdicts(found, file));
    });
  }

  verdicts(found, file) {
    const taken = found.taken_by.length ? t('Taken by {rules}.', { rules: found.taken_by.join(', ') }) : t('No rule takes it.');
    return [
      element('p', {}, element('strong', {}, file ? `${file.name}: ${taken}` : taken)),
      element('p', { class: 'quiet' }, spokenCase(found.case, this.name)),
      element('ol', {}, found.rules.map((rule) => element('li', { 'data-takes': rule.takes ? 'yes' : 'no' },
        element('p', {}, element('span', { class: `chip ${rule.takes ? 'good' : ''}` }, rule.takes ? t('takes it') : t('does not')), ` ${rule.name}`),
        rule.failed.length ? element('ul', {}, rule.failed.map((failure) => element('li', {}, spokenFailure(failure, this.name)))) : '',
        rule.takes ? element('p', { class: 'quiet' }, `→ ${rule.to.join(', ')}`) : ''))),
    ];
  }
}
