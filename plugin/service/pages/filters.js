// The filters of the work list; they live in the page's address, so that a view can be kept.

import { button, element } from './elements.js';
import { compared, count, dayField, t } from './language.js';
import { change, clear, query } from './place.js';
import { AGREEMENTS, SOURCES, labels, naming, plain } from './words.js';

const SHOW = {
  review: t('To review'), open: t('Not reviewed yet'), reviewed: t('Reviewed'), corrected: t('Corrected'), failed: t('Failed'), all: t('All'),
};
const WITHIN = ['patients', 'studies', 'series', 'instances'];
const PASSED_ON = [...WITHIN, 'picture', 'header', 'side', 'least', 'most'];
const FIELDS = ['q', 'show', 'label', 'agreement', 'source', 'modality', 'from', 'to'];

export class Filters {
  /** `changed` is called after every change of a filter. */
  constructor(details, changed) {
    this.details = details;
    this.changed = changed;
    this.read();
    this.build();
    this.tell();
  }

  read() {
    const given = query();
    this.query = Object.fromEntries([...FIELDS, ...PASSED_ON].filter((name) => given[name]).map((name) => [name, given[name]]));
    // Who comes from one study wants to see all of it.
    if (!this.query.show && PASSED_ON.some((name) => this.query[name])) this.query.show = 'all';
  }

  build() {
    this.label = this.select('label', t('Body part'), []);
    this.modality = this.select('modality', t('Modality'), []);
    const sought = () => this.search.value.trim() !== (this.query.q ?? '') && this.set('q', this.search.value.trim());
    this.search = element('input', {
      type: 'search', id: 'filter-q', name: 'q', value: this.query.q ?? '', maxlength: 100,
      placeholder: t('Part in any language, name, id or accession number'), change: sought, search: sought,
    });
    this.details.before(element('div', { class: 'list-search' }, element('label', { class: 'hidden', for: 'filter-q' }, t('Search')), this.search));
    this.form = element('form', { submit: (event) => event.preventDefault() },
      ...this.select('show', t('Show'), Object.entries(SHOW), false),
      ...this.label, ...this.select('agreement', t('Agreement'), Object.entries(AGREEMENTS)),
      ...this.select('source', t('Answer'), Object.entries(SOURCES).map(([key, text]) => [key, plain(text)])),
      ...this.modality, ...this.day('from', t('Studies from')), ...this.day('to', t('to')),
      button(t('Clear all'), { click: () => this.clear() }));
    this.details.append(this.form);
    this.fillLabels();
  }

  select(name, text, options, optional = true) {
    const all = optional ? [['', t('any')]] : [];
    const node = element('select', { id: `filter-${name}`, name, change: () => this.set(name, node.value) });
    node.append(...[...all, ...options].map(([value, words]) => element('option', { value }, words)));
    node.value = this.query[name] ?? (optional ? '' : 'review');
    return [element('label', { for: `filter-${name}` }, text), node];
  }

  day(name, text) {
    const node = element('input', { type: 'date', id: `filter-${name}`, name, change: () => this.set(name, node.value.replaceAll('-', '')) });
    node.value = dayField(this.query[name]);
    return [element('label', { for: `filter-${name}` }, text), node];
  }

  async fillLabels() {
    const [known, name] = await Promise.all([labels(), naming()]);
    const options = known.map((row) => [row.label, name(row.label)]).sort((a, b) => compared(a[1], b[1]));
    fill(this.label[1], options, this.query.label);
  }

  /** Offer the modalities that the archive has. */
  offer(modalities) {
    fill(this.modality[1], modalities.map((name) => [name, name]), this.query.modality);
  }

  set(name, value) {
    if (value) this.query[name] = value;
    else delete this.query[name];
    this.apply();
  }

  clear() {
    clear();
    this.query = {};
    for (const node of this.form.elements) node.value = node.name === 'show' ? 'review' : '';
    this.search.value = '';
    this.apply();
  }

  /** Take over what another view put into the address. */
  refresh() {
    this.read();
    this.search.value = this.query.q ?? '';
    for (const node of this.form.elements) {
      if (node.type === 'date') node.value = dayField(this.query[node.name]);
      else if (node.name) node.value = this.query[node.name] ?? (node.name === 'show' ? 'review' : '');
    }
    this.tell();
  }

  apply() {
    change(Object.fromEntries(FIELDS.map((name) => [name, this.query[name]])));
    this.tell();
    this.changed();
  }

  open() {
    this.search.focus();
  }

  tell() {
    const set = Object.keys(this.query).filter((name) => name !== 'show').length;
    const within = WITHIN.find((name) => this.query[name]);
    const parts = [SHOW[this.query.show ?? 'review']];
    const number = within === 'instances' ? this.query.instances.split(',').length : 1;
    if (number > 1) parts.push(count('{count} picture', '{count} pictures', number));
    else if (within) parts.push({ patients: t('one patient'), studies: t('one study'), series: t('one series'), instances: t('one picture') }[within]);
    else if (set) parts.push(count('{count} more', '{count} more', set));
    document.getElementById('filters-set').textContent = parts.join(', ');
  }
}

function fill(select, options, value) {
  select.replaceChildren(element('option', { value: '' }, t('any')),
    ...options.map(([key, words]) => element('option', { value: key }, words)));
  select.value = value ?? '';
}
