// The work list: one page of lines from the server, worst first.

import { get } from './api.js';
import { button, element } from './elements.js';
import { AGREEMENTS, SIDES, date, naming, percent } from './words.js';

const PAGE = 50;

export class WorkList {
  /** `chosen(line)` is called when another line becomes the current one, null for none. */
  constructor({ head, lines, paging, query, chosen, selected }) {
    Object.assign(this, { lines, paging, query, chosen, selected });
    this.since = 0;
    this.items = [];
    this.at = -1;
    this.all = element('input', { type: 'checkbox', id: 'tick-all', change: () => this.tickAll(this.all.checked) });
    this.told = element('span');
    this.confirm = button('', { class: 'primary', hidden: true, click: () => this.selected(this.ticked()) });
    head.append(element('label', { for: 'tick-all' }, this.all, this.told), this.confirm);
  }

  async load(since = 0) {
    this.name = await naming();
    const page = await get('worklist', { ...this.query(), since, limit: PAGE });
    this.since = since;
    this.total = page.total;
    this.items = page.items;
    this.nodes = page.items.map((item, number) => this.line(item, number));
    this.lines.replaceChildren(...this.nodes);
    this.drawPaging();
    this.drawHead();
    this.at = -1;
    this.go(0);
  }

  get current() {
    return this.items[this.at] ?? null;
  }

  go(at) {
    const focused = this.lines.contains(document.activeElement);
    this.mark(false);
    this.at = this.items.length ? Math.max(0, Math.min(at, this.items.length - 1)) : -1;
    this.mark(true);
    this.nodes[this.at]?.scrollIntoView({ block: 'nearest' });
    if (focused) this.focus();
    this.chosen(this.current, this.items[this.at + 1] ?? null);
  }

  /** Put the keyboard on the current line. */
  focus() {
    this.nodes[this.at]?.querySelector('.line').focus({ preventScroll: true });
  }

  mark(current) {
    const line = this.nodes[this.at]?.querySelector('.line');
    line?.setAttribute('aria-current', current);
    line?.setAttribute('tabindex', current ? 0 : -1);
  }

  /** Go on; past the last line comes the next page. Reviewed lines left the server's list. */
  async next() {
    if (this.at + 1 < this.items.length) return this.go(this.at + 1);
    const left = this.items.filter((item) => !item.gone).length;
    if (this.since + left < this.total - (this.items.length - left)) return this.load(this.since + left);
    return undefined;
  }

  async previous() {
    if (this.at > 0) return this.go(this.at - 1);
    if (this.since > 0) return this.load(Math.max(0, this.since - PAGE));
    return undefined;
  }

  toggle() {
    const box = this.nodes[this.at]?.querySelector('input');
    if (!box) return;
    box.checked = !box.checked;
    this.drawHead();
  }

  ticked() {
    return this.items.filter((_, number) => this.nodes[number].querySelector('input').checked);
  }

  /** Show that a line's instance was reviewed. */
  reviewed(instance, annotation) {
    const number = this.items.findIndex((item) => item.instance === instance);
    if (number < 0) return;
    const item = this.items[number];
    Object.assign(item, {
      examined: annotation.examined?.label ?? null, probability: annotation.examined?.probability ?? 0,
      laterality: annotation.laterality.value, needs_review: false,
      reviewed_at: annotation.review?.at ?? null, state: annotation.status,
      gone: (this.query().show ?? 'review') === 'review',
    });
    const fresh = this.line(item, number);
    const focused = this.nodes[number].contains(document.activeElement);
    this.nodes[number].replaceWith(fresh);
    this.nodes[number] = fresh;
    if (number === this.at) this.mark(true);
    if (focused) this.focus();
    this.drawHead();
  }

  line(item, number) {
    const side = item.laterality ? `, ${SIDES[item.laterality]}` : '';
    const box = element('input', {
      type: 'checkbox', tabindex: -1, 'aria-label': `Select line ${number + 1}`, change: () => this.drawHead(),
    });
    const certainty = item.examined && item.probability < 1 ? percent(item.probability) : '';
    const line = element('button', {
      type: 'button', class: 'line', tabindex: -1, 'data-instance': item.instance, click: () => this.go(number),
    },
    element('span', { class: 'part' }, item.examined ? `${this.name(item.examined)}${side}` : STATES[item.state] ?? item.state),
    element('span', { class: 'certainty' }, item.reviewed_at ? '✓' : certainty),
    element('span', { class: 'about' }, [item.modality, date(item.study_date), item.patient_name, item.study_description].filter(Boolean).join(' · ')),
    item.agreement === 'conflict' && !item.reviewed_at
      ? element('span', { class: 'witnesses' }, `header ${nameOr(this.name, item.header_label)}, picture ${nameOr(this.name, item.image_label)}`)
      : element('span', { class: 'witnesses' }, item.state === 'done' ? AGREEMENTS[item.agreement] : ''));
    return element('li', { class: item.reviewed_at ? 'done' : item.agreement }, box, line);
  }

  drawHead() {
    const count = this.ticked().length;
    this.all.checked = count > 0 && count === this.items.length;
    this.all.disabled = !this.items.length;
    this.told.textContent = count ? `${count} selected` : `${this.total} ${this.total === 1 ? 'instance' : 'instances'}`;
    this.confirm.textContent = `Confirm ${count}`;
    this.confirm.hidden = !count;
  }

  tickAll(checked) {
    for (const node of this.nodes) node.querySelector('input').checked = checked;
    this.drawHead();
  }

  drawPaging() {
    const last = this.since + this.items.length;
    const step = (text, since, possible) => button(text, { disabled: !possible, click: () => this.load(since) });
    this.paging.replaceChildren(
      step('‹ Previous', Math.max(0, this.since - PAGE), this.since > 0),
      element('span', {}, this.total ? `${this.since + 1}–${last} of ${this.total}` : 'Nothing here'),
      step('Next ›', this.since + PAGE, last < this.total),
    );
  }
}

const STATES = { failed: 'Failed', skipped: 'No radiograph', done: 'Cannot be told', pending: 'Waiting' };

function nameOr(name, label) {
  return label ? name(label) : 'several parts';
}
