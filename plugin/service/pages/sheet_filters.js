// What a sheet shows: search, filters, order, groups and size, all of it in the address.

import { button, element } from './elements.js';
import { compared, count, dayField, t } from './language.js';
import { change, clear, query } from './place.js';
import { browser } from './storage.js';
import { AGREEMENTS, SIDES, SOURCES, percent, plain } from './words.js';

/** Pictures of one page of the sheet. */
export const PAGE = 200;

const SIZE = 'bodypart-tile-size';
const [SMALLEST, USUAL, LARGEST] = [90, 150, 320];
const SHOW = {
  open: t('Not reviewed yet'), review: t('To review'), reviewed: t('Reviewed'), corrected: t('Corrected'),
  failed: t('Failed'), all: t('All'),
};
const GROUPS = {
  '': t('not grouped'), answer: t('by answer'), picture: t('by picture’s part'), pair: t('by header and picture'), study: t('by study'),
  station: t('by station'),
};
const ORDERS = { odd: t('oddest first'), sure: t('surest first'), new: t('newest first'), old: t('oldest first') };
const LEAST = limits('≥');
const MOST = limits('≤');
const WITHIN = { patients: t('one patient'), studies: t('one study'), series: t('one series'), instances: t('one picture') };
const MORE = ['label', 'picture', 'header', 'agreement', 'source', 'side', 'least', 'most', 'modality', 'from', 'to'];
const NAMES = ['q', 'show', 'group', 'order', ...MORE, ...Object.keys(WITHIN)];

function limits(sign) {
  return { '': t('any'), ...Object.fromEntries([0.5, 0.8, 0.95].map((part) => [part, `${sign} ${percent(part)}`])) };
}

/** What the sheet asks the service for, as the address has it. */
export function sheetQuery() {
  const given = query();
  const known = Object.fromEntries(NAMES.filter((name) => given[name]).map((name) => [name, given[name]]));
  // Who comes from one study wants to see all of it.
  if (!known.show && Object.keys(WITHIN).some((name) => known[name])) known.show = 'all';
  return known;
}

export class SheetFilters {
  /** `known` are the labels; `changed()` is called after every change, `resized(pixels)` of the size. */
  constructor(node, known, changed, resized) {
    Object.assign(this, { node, known, changed, resized });
    this.build();
    this.fill();
  }

  get query() {
    return sheetQuery();
  }

  /** The patient, study, series or picture that the address names. */
  static within() {
    const given = query();
    return Object.fromEntries(Object.keys(WITHIN).filter((name) => given[name]).map((name) => [name, given[name]]));
  }

  build() {
    const parts = Object.fromEntries([['', t('any')], ...this.known.all
      .map((row) => [row.label, this.known.name(row.label)]).sort((a, b) => compared(a[1], b[1]))]);
    const sought = () => this.search.value.trim() !== (this.query.q ?? '') && this.set('q', this.search.value.trim());
    this.search = element('input', {
      type: 'search', id: 'sheet-q', placeholder: t('Part in any language, name, id or accession number'), maxlength: 100,
      // Its cross tells nothing of a change until the keyboard leaves.
      change: sought, search: sought,
    });
    this.size = element('input', {
      type: 'range', id: 'sheet-size', min: SMALLEST, max: LARGEST, value: Number(browser.get(SIZE)) || USUAL,
      input: () => this.resize(),
    });
    this.modality = this.select('modality', t('Modality'), { '': t('any') });
    this.told = element('span', { class: 'quiet' });
    this.within = element('span', { class: 'chip' });
    this.more = element('details', { class: 'more' }, element('summary', {}, t('Filters'), ' ', this.told),
      element('div', { class: 'fields' },
        this.select('label', t('Answer'), parts), this.select('picture', t('Picture'), parts), this.select('header', t('Header'), parts),
        this.select('side', t('Side'), { '': t('any'), ...SIDES, none: t('none') }),
        this.select('agreement', t('Agreement'), { '': t('any'), ...AGREEMENTS }),
        this.select('source', t('Known'), { '': t('any'), ...Object.fromEntries(Object.entries(SOURCES).map(([key, text]) => [key, plain(text)])) }),
        this.select('least', t('At least'), LEAST), this.select('most', t('At most'), MOST), this.modality,
        this.day('from', t('Studies from')), this.day('to', t('to')),
        button(t('Clear all'), { click: () => this.clear() })));
    this.node.replaceChildren(
      element('div', { class: 'row' },
        element('div', { class: 'search' }, element('label', { class: 'hidden', for: 'sheet-q' }, t('Search')), this.search),
        this.select('show', t('Show'), SHOW), this.select('group', t('Group'), GROUPS), this.select('order', t('Order'), ORDERS),
        element('div', { class: 'field size' }, element('label', { for: 'sheet-size' }, t('Size')), this.size), this.within),
      this.more);
    this.resize();
  }

  select(name, text, options) {
    const node = element('select', { id: `sheet-${name}`, name, change: () => this.set(name, node.value) },
      Object.entries(options).map(([value, words]) => element('option', { value }, words)));
    return element('div', { class: 'field' }, element('label', { for: node.id }, text), node);
  }

  day(name, text) {
    const node = element('input', { type: 'date', id: `sheet-${name}`, name, change: () => this.set(name, node.value.replaceAll('-', '')) });
    return element('div', { class: 'field' }, element('label', { for: node.id }, text), node);
  }

  /** Show in the fields what stands in the address. */
  fill() {
    const given = this.query;
    this.search.value = given.q ?? '';
    for (const node of this.node.querySelectorAll('select')) node.value = given[node.name] ?? { show: 'open', order: 'odd' }[node.name] ?? '';
    for (const node of this.node.querySelectorAll('[type="date"]')) node.value = dayField(given[node.name]);
    const set = MORE.filter((name) => given[name]).length;
    this.told.textContent = set ? count('{count} set', '{count} set', set) : '';
    const within = Object.keys(WITHIN).find((name) => given[name]);
    const number = within === 'instances' ? given.instances.split(',').length : 1;
    this.within.textContent = number > 1 ? count('{count} picture', '{count} pictures', number) : WITHIN[within] ?? '';
    this.within.hidden = !within;
    if (set) this.more.open = true;
  }

  /** Offer the modalities that the archive has. */
  offer(modalities) {
    const node = this.modality.querySelector('select');
    node.replaceChildren(...['', ...modalities].map((name) => element('option', { value: name }, name || t('any'))));
    node.value = this.query.modality ?? '';
  }

  set(name, value) {
    change({ [name]: value });
    this.fill();
    this.changed();
  }

  clear() {
    clear();
    this.fill();
    this.changed();
  }

  resize() {
    browser.set(SIZE, this.size.value);
    this.resized(Number(this.size.value));
  }
}
