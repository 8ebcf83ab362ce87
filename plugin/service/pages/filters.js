// The filters of the work list; they live in the page's address, so that a view can be kept.

import { button, element } from './elements.js';
import { count, t } from './language.js';
import { AGREEMENTS, SOURCES, labels, plain } from './words.js';

const SHOW = {
  review: t('To review'), reviewed: t('Reviewed'), corrected: t('Corrected'), failed: t('Failed'), all: t('All'),
};
const WITHIN = ['patients', 'studies', 'series', 'instances'];
const PASSED_ON = [...WITHIN, 'picture', 'header'];
const FIELDS = ['show', 'label', 'agreement', 'source', 'modality', 'from', 'to'];

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
    const given = new URLSearchParams(location.search);
    this.query = {};
    for (const name of [...FIELDS, ...PASSED_ON]) {
      if (given.get(name)) this.query[name] = given.get(name);
    }
    // Who comes from one study wants to see all of it.
    if (!this.query.show && PASSED_ON.some((name) => this.query[name])) this.query.show = 'all';
  }

  build() {
    this.label = this.select('label', t('Body part'), []);
    this.modality = this.select('modality', t('Modality'), []);
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
    const node = element('input', { type: 'date', id: `filter-${name}`, change: () => this.set(name, node.value.replaceAll('-', '')) });
    const value = this.query[name] ?? '';
    node.value = value && `${value.slice(0, 4)}-${value.slice(4, 6)}-${value.slice(6)}`;
    return [element('label', { for: `filter-${name}` }, text), node];
  }

  async fillLabels() {
    const known = [...await labels()].sort((a, b) => a.code.meaning.localeCompare(b.code.meaning));
    fill(this.label[1], known.map((row) => [row.label, row.code.meaning]), this.query.label);
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
    this.query = {};
    for (const node of this.form.elements) node.value = node.name === 'show' ? 'review' : '';
    this.apply();
  }

  apply() {
    const search = new URLSearchParams(this.query).toString();
    history.replaceState(null, '', `${location.pathname}${search && `?${search}`}${location.hash}`);
    this.tell();
    this.changed();
  }

  open() {
    this.details.open = true;
    this.form.elements.show.focus();
  }

  tell() {
    const set = Object.keys(this.query).filter((name) => name !== 'show').length;
    const within = WITHIN.find((name) => this.query[name]);
    const parts = [SHOW[this.query.show ?? 'review']];
    if (within) parts.push({ patients: t('one patient'), studies: t('one study'), series: t('one series'), instances: t('one picture') }[within]);
    else if (set) parts.push(count('{count} more', '{count} more', set));
    document.getElementById('filters-set').textContent = parts.join(', ');
  }
}

function fill(select, options, value) {
  select.replaceChildren(element('option', { value: '' }, t('any')),
    ...options.map(([key, words]) => element('option', { value: key }, words)));
  select.value = value ?? '';
}
