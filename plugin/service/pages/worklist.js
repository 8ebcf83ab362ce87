// The work list beside a film: one page of lines from the server, worst first.

import { get } from './api.js';
import { button, element, unseen } from './elements.js';
import { count, date, isolated, personName, t } from './language.js';
import { meant } from './sentences.js';
import { AGREEMENTS, NO_ANSWER, TAGS, certainty, withSide } from './words.js';

const PAGE = 50;
const AGAIN = 3000;
/* Milliseconds until a list that was lost on its way is asked for again. */

export class WorkList {
  /**
   * `query()` gives the filters, `name(label)` a part's name; `guarded(work)` tells what goes wrong;
   * `chosen(line, next, trouble)` is called when another line becomes the current one, with null
   * for none and maybe why.
   */
  constructor({ head, lines, paging, query, name, guarded, chosen }) {
    Object.assign(this, { head, lines, paging, query, name, guarded, chosen });
    this.since = 0;
    this.items = [];
    this.nodes = [];
    this.at = -1;
  }

  /** Load a page; an answer that comes after another one was asked for is dropped. */
  async load(since = 0) {
    const asked = (this.asked = {});
    const query = this.query();
    this.lines.setAttribute('aria-busy', 'true');
    if (!this.items.length) this.head.textContent = t('Loading…');
    let page;
    try {
      page = await get('worklist', { ...query, since, limit: PAGE });
    } catch (error) {
      // What other filters gave does not stand under these.
      if (this.asked === asked && JSON.stringify(query) !== this.filled) {
        this.present({ items: [], total: 0 }, 0, error.message);
        if (error.mayPass) setTimeout(() => this.asked === asked && this.load(since).catch(() => undefined), AGAIN);
      }
      throw error;
    } finally {
      if (this.asked === asked) this.lines.removeAttribute('aria-busy');
    }
    if (this.asked !== asked) return;
    this.filled = JSON.stringify(query);
    this.present(page, since);
  }

  present(page, since, trouble = '') {
    this.since = since;
    this.total = page.total;
    this.items = page.items;
    this.nodes = page.items.map((item, number) => this.line(item, number));
    const focused = this.lines.contains(document.activeElement);
    this.lines.replaceChildren(...this.nodes);
    this.drawPaging();
    this.head.textContent = trouble || [count('{count} picture', '{count} pictures', this.total), page.meaning ? meant(page.meaning, this.name) : '']
      .filter(Boolean).join(' · ');
    this.at = -1;
    this.go(0, trouble);
    if (focused) this.focus();
  }

  get current() {
    return this.items[this.at] ?? null;
  }

  /** The next ones after the current one. */
  get following() {
    return this.items.slice(this.at + 1, this.at + 3);
  }

  go(at, trouble = '') {
    const focused = this.lines.contains(document.activeElement);
    this.mark(false);
    this.at = this.items.length ? Math.max(0, Math.min(at, this.items.length - 1)) : -1;
    this.mark(true);
    this.nodes[this.at]?.scrollIntoView({ block: 'nearest' });
    if (focused) this.focus();
    this.chosen(this.current, this.items[this.at + 1] ?? null, trouble);
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

  /** Go on; past the last line comes the next page. Tells whether there was anything. */
  async next() {
    if (this.at + 1 < this.items.length) return this.go(this.at + 1) ?? true;
    // Reviewed lines may have left the server's list.
    const left = this.items.filter((item) => !item.gone).length;
    if (this.since + left >= this.total - (this.items.length - left)) return false;
    await this.load(this.since + left);
    return true;
  }

  async previous() {
    if (this.at > 0) return this.go(this.at - 1);
    if (this.since > 0) return this.load(Math.max(0, this.since - PAGE));
    return undefined;
  }

  /** Go to an instance; tells whether it is on this page of the list. */
  goTo(instance) {
    const number = this.items.findIndex((item) => item.instance === instance);
    if (number >= 0) this.go(number);
    return number >= 0;
  }

  /** Show what stands for an instance now. */
  update(annotation) {
    const number = this.items.findIndex((item) => item.instance === annotation.instance);
    if (number < 0) return;
    const item = this.items[number];
    Object.assign(item, {
      examined: annotation.examined?.label ?? null, probability: annotation.examined?.probability ?? 0,
      source: annotation.examined?.source ?? null,
      laterality: annotation.laterality?.value ?? null, needs_review: annotation.needs_review,
      reviewed_at: annotation.review?.at ?? null, state: annotation.status, agreement: annotation.agreement,
      tags_state: annotation.tags?.state ?? 'none',
    });
    item.gone = Boolean(item.reviewed_at) && (this.query().show ?? 'review') === 'review';
    const focused = this.nodes[number].contains(document.activeElement);
    const fresh = this.line(item, number);
    this.nodes[number].replaceWith(fresh);
    this.nodes[number] = fresh;
    if (number === this.at) this.mark(true);
    if (focused) this.focus();
  }

  line(item, number) {
    const sure = item.examined ? certainty(item) : '';
    const [tags, kind] = TAGS[item.tags_state] ?? [];
    const about = [item.modality, date(item.study_date), personName(item.patient_name), isolated(item.study_description)];
    // What has the keyboard is what is shown: on that, and on nothing else, Enter is a word.
    const choose = () => number !== this.at && this.go(number);
    const line = element('button', {
      type: 'button', class: 'line', tabindex: -1, 'data-instance': item.instance, focusin: choose, click: choose,
    },
    element('span', { class: 'part' }, item.examined ? withSide(this.name(item.examined), item.laterality) : NO_ANSWER[item.state] ?? item.state),
    element('span', { class: 'certainty' }, ...(item.reviewed_at ? ['✓', unseen(t('Reviewed'))] : [sure])),
    element('span', { class: 'about' }, about.filter(Boolean).join(' · ')),
    element('span', { class: 'sources' }, this.sources(item)),
    tags && item.reviewed_at ? element('span', { class: `tags ${kind}` }, tags) : '');
    return element('li', { class: item.reviewed_at ? 'done' : item.side_in_doubt ? 'conflict' : item.agreement }, line);
  }

  sources(item) {
    if (item.agreement === 'conflict' && !item.reviewed_at) {
      const named = (label) => (label ? this.name(label) : t('several parts'));
      return t('header {header}, picture {picture}', { header: named(item.header_label), picture: named(item.image_label) });
    }
    if (item.side_in_doubt && !item.reviewed_at) return t('Side in doubt');
    return item.state === 'done' ? AGREEMENTS[item.agreement] : '';
  }

  drawPaging() {
    const last = this.since + this.items.length;
    const step = (text, since, possible) => button(text, { disabled: !possible, click: () => this.guarded(() => this.load(since)) });
    const steps = [step(`‹ ${t('Previous')}`, Math.max(0, this.since - PAGE), this.since > 0), step(`${t('Next')} ›`, this.since + PAGE, last < this.total)];
    const pressed = [...this.paging.querySelectorAll('button')].indexOf(document.activeElement);
    this.paging.replaceChildren(
      steps[0],
      element('span', {}, this.total ? t('{first}–{last} of {total}', { first: this.since + 1, last, total: this.total }) : t('Nothing here')),
      steps[1],
    );
    // Who turns pages by keyboard stays there; at the end, on the way back.
    if (pressed >= 0) (steps[pressed].disabled ? steps[1 - pressed] : steps[pressed]).focus();
  }
}
