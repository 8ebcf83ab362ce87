// The sheet: many pictures at once. What is wrong is marked and corrected, what was seen and is
// right is confirmed; both can be undone.

import { get } from './api.js';
import { askForCorrection, keptAsTyped, saved } from './correction.js';
import { element } from './elements.js';
import { count, date, t } from './language.js';
import { openLoupe } from './loupe.js';
import { Marks } from './marks.js';
import { offerAlike } from './memory_told.js';
import { elsewhere, remember, remembered } from './place.js';
import { Seen } from './seen.js';
import { meant, notDone } from './sentences.js';
import { SheetBar } from './sheet_bar.js';
import { PAGE, SheetFilters } from './sheet_filters.js';
import { Tile } from './tile.js';

const AGAIN = 3000;
const AT_ONCE = 100;
/* Pictures that are asked for by their ids in one address. */
const GONE = { state: 'gone', examined: null, laterality: null, agreement: null, needs_review: false, side_in_doubt: false, reviewed_at: null };
/* What stands for a picture that was deleted meanwhile; its tile keeps its place, so that nothing moves under the pointer. */

const byId = (id) => document.getElementById(id);

export class Sheet {
  /** `page` has reviewing, toast, known, guarded(work) and undo(). */
  constructor(page) {
    this.page = page;
    this.tiles = [];
    /** What could not be brought up to date when it changed. */
    this.old = new Set();
    this.grid = byId('tiles');
    this.bar = new SheetBar(byId('sheet-bar'), {
      confirm: () => this.confirm(), correct: () => this.correct(), clear: () => this.marks.clear(),
    });
    this.end = byId('sheet-end');
    this.scroller = byId('sheet');
    this.filters = new SheetFilters(byId('sheet-filters'), page.known, () => page.guarded(() => this.load()),
      (pixels) => this.scroller.style.setProperty('--tile', `${pixels}px`));
    this.marks = new Marks(() => this.tiles, () => {
      this.drawBar();
      this.keepPlace();
    });
    this.seen = new Seen(this.scroller, byId('sheet-filters'), () => this.tiles, () => this.drawBarSoon());
    this.near = new IntersectionObserver((entries) => this.come(entries), { root: this.scroller, rootMargin: '600px' });
    this.more = new IntersectionObserver(([entry]) => entry.isIntersecting && page.guarded(() => this.append()), {
      root: this.scroller, rootMargin: '1200px',
    });
    this.more.observe(this.end);
    this.scroller.addEventListener('scroll', () => this.keepPlace(), { passive: true });
    // What a screen reader or a script put the keyboard on is what its keys are about.
    this.grid.addEventListener('focusin', ({ target }) => target.tile && this.marks.go(this.tiles.indexOf(target.tile), { focus: false }));
    page.reviewing.addEventListener('undone', ({ detail }) => this.undone([...detail.done, ...Object.keys(detail.failed)]));
    page.reviewing.addEventListener('tags', ({ detail }) => this.tileOf(detail.instance)?.update({ tags_state: detail.tags.state }));
  }

  async open() {
    this.filters.fill();
    const { pages, top, marked } = remembered();
    this.marks.again(marked);
    // As long as one comes back, where one is by now is not where one was.
    this.coming = true;
    try {
      await this.load();
      while (this.pages < pages && this.next) await this.append();
    } finally {
      this.coming = false;
    }
    this.comeBack(top);
    this.page.guarded(async () => this.filters.offer(await get('modalities')));
  }

  /** Load the first page; an answer that comes after another one was asked for is dropped. */
  async load() {
    const asked = (this.asked = {});
    this.next = null;
    this.grid.setAttribute('aria-busy', 'true');
    if (!this.tiles.length) this.end.textContent = t('Loading…');
    let answer;
    try {
      answer = await get('sheet', { ...this.filters.query, limit: PAGE });
    } catch (error) {
      // What other filters gave does not stand under these.
      if (this.asked === asked) this.clear({ trouble: error.message });
      this.again(error, asked, () => this.load());
      throw error;
    } finally {
      if (this.asked === asked) this.grid.removeAttribute('aria-busy');
    }
    if (this.asked !== asked) return;
    const { current } = this.marks;
    const focused = this.grid.contains(document.activeElement);
    this.clear(answer);
    this.take(answer);
    // Who moves by keyboard stays on their picture, wherever it stands by now.
    const at = this.tiles.findIndex((tile) => tile.item.instance === current?.item.instance);
    this.marks.go(Math.max(0, at), { focus: focused });
    this.keepPlace();
  }

  clear({ total = 0, meaning = null, trouble = '' }) {
    this.seen.end();
    this.near.disconnect();
    this.marks.again(this.marks.kept);
    this.tiles = [];
    this.group = undefined;
    this.pages = 0;
    Object.assign(this, { total, meaning, trouble });
    this.grid.replaceChildren();
    this.marks.at = this.marks.anchor = -1;
    this.drawBar();
  }

  async append() {
    const after = this.next;
    const asked = this.asked;
    if (!after) return;
    this.next = null;
    try {
      const answer = await get('sheet', { ...this.filters.query, limit: PAGE, after });
      if (this.asked === asked) this.take(answer);
    } catch (error) {
      if (this.asked === asked) this.next = after;
      this.again(error, asked, () => this.append());
      throw error;
    }
  }

  /** What was lost on its way is asked for again. */
  again(error, asked, work) {
    if (error.mayPass) setTimeout(() => this.asked === asked && work().catch(() => undefined), AGAIN);
  }

  /** Bring tiles up to date, some pictures first; the others follow, and nothing waits for them. */
  async refresh(instances) {
    const shown = new Map(this.tiles.map((tile) => [tile.item.instance, tile]));
    const first = new Set(instances.filter((one) => shown.has(one)));
    await this.ask([...first], shown);
    // On a slow line many words would ask for all of them at once, and the next word would wait behind that.
    const round = (this.round = {});
    this.ask([...shown.keys()].filter((one) => !first.has(one)), shown, () => this.round === round).catch(() => undefined);
  }

  /** Ask again for some pictures, as long as they are shown and `wanted()`: a view that one left is loaded anew. */
  async ask(instances, shown, wanted = () => true) {
    const { asked } = this;
    for (let start = 0; start < instances.length && wanted() && !byId('sheet-view').hidden; start += AT_ONCE) {
      const some = instances.slice(start, start + AT_ONCE);
      const { items } = await get('sheet', { show: 'all', instances: some.join(','), limit: AT_ONCE });
      if (this.asked !== asked) return;
      const there = new Map(items.map((item) => [item.instance, item]));
      for (const one of some) this.renew(shown.get(one), there.get(one) ?? GONE);
    }
    this.drawBar();
  }

  /** Where the connection is lost, what was just said of it stays on the screen until it is back. */
  async refreshQuietly(instances) {
    await this.refresh(instances).catch(() => { for (const one of instances) this.old.add(one); });
  }

  async undone(instances) {
    await this.refreshQuietly(instances);
    this.backInLoupe?.();
  }

  returned() {
    return this.refreshQuietly(this.tiles.map((tile) => tile.item.instance));
  }

  /** What says something else by now than what a person saw was not seen, and its mark meant that. */
  renew(tile, item) {
    const before = tile.answer;
    tile.update(item);
    if (tile.answer === before) return;
    tile.mark(false);
    this.seen.begin(tile);
  }

  take(answer) {
    const parts = [];
    for (const item of answer.items) {
      const group = this.groupOf(item);
      if (group !== this.group) {
        this.group = group;
        if (group) parts.push(element('li', { class: 'group' }, element('h2', {}, group)));
      }
      const tile = new Tile(item, this.page.known.name, (one, event) => this.press(one, event), (one) => this.opened(one));
      tile.button.tile = tile;
      this.marks.meet(tile);
      this.tiles.push(tile);
      this.seen.begin(tile);
      this.near.observe(tile.button);
      parts.push(tile.node);
    }
    this.grid.append(...parts);
    this.next = answer.next;
    this.pages += 1;
    this.drawBar();
    this.lookForEnd();
  }

  /** Where a page does not fill the screen, its end never leaves it, and only who looks anew is told. */
  lookForEnd() {
    this.more.unobserve(this.end);
    this.more.observe(this.end);
  }

  groupOf(item) {
    const name = (label) => (label ? this.page.known.name(label) : t('nothing'));
    switch (this.filters.query.group) {
      case 'answer': return item.examined ? name(item.examined) : t('Cannot be told');
      case 'picture': return t('Picture: {part}', { part: name(item.image_label) });
      case 'pair': return t('Header: {header}, picture: {picture}', { header: name(item.header_label), picture: name(item.image_label) });
      case 'study': return t('Study of {date}', { date: date(item.study_date) || '–' }) + `  ·  ${item.study.slice(0, 8)}`;
      case 'station': return item.station || t('No station named');
      default: return '';
    }
  }

  come(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      this.near.unobserve(target);
      target.tile.load();
    }
  }

  press(tile, event) {
    if (event?.detail > 1) return;
    this.marks.press(tile, event);
  }

  /** A double click looks; the mark that its first click made, or took away, is as before. */
  opened(tile) {
    this.marks.press(tile);
    this.loupe(tile);
  }

  loupe(tile = this.marks.current) {
    if (!tile) return;
    this.backInLoupe = openLoupe(tile, {
      name: this.page.known.name,
      press: (one) => this.marks.press(one),
      decide: (one, label) => this.sign([one], { examined: label }),
      step: (by, from) => { this.marks.go(this.tiles.indexOf(from) + by); return this.marks.current; },
      undo: () => this.page.undo(),
    });
  }

  /** What a confirmation signs: seen, not marked, with an answer that nobody has to decide on. */
  get ready() {
    return this.tiles.filter((tile) => tile.seen && !tile.marked && tile.plain);
  }

  drawBarSoon() {
    this.due ??= setTimeout(() => { this.due = null; this.drawBar(); }, 60);
  }

  drawBar() {
    this.bar.draw(this.tiles, this.ready, this.total);
    this.drawEnd();
  }

  drawEnd() {
    const lines = [];
    if (this.meaning) lines.push(meant(this.meaning, this.page.known.name));
    if (this.trouble) lines.push(this.trouble);
    else if (!this.tiles.length) lines.push(Object.keys(this.filters.query).length
      ? t('Nothing fits these filters.') : t('Nothing waits here. Pictures appear as they arrive; a back-fill looks at older ones.'));
    else if (!this.next) lines.push(t('This is the end of the list.'));
    byId('sheet-meaning').textContent = this.meaning ? lines.shift() : '';
    this.end.textContent = lines.join(' ');
  }

  confirm() {
    const { ready } = this;
    // Who presses the key may not have read what stands below.
    if (!ready.length) return this.page.toast.tell(this.bar.nothing || t('Nothing to confirm yet'));
    return this.sign(ready, {});
  }

  correct() {
    const { marked } = this.marks;
    const chosen = marked.length ? marked : this.marks.current ? [this.marks.current] : [];
    if (!chosen.length) return undefined;
    return this.page.guarded(async () => {
      const [one] = chosen;
      // What they do not have in common is no default.
      const common = (name) => (new Set(chosen.map((tile) => tile.item[name])).size === 1 ? one.item[name] : undefined);
      const body = await askForCorrection({
        instances: chosen.map((tile) => tile.item.instance),
        title: count('Correct {count} picture', 'Correct {count} pictures', chosen.length),
        current: { label: common('examined') ?? undefined, side: common('laterality') },
        notYet: () => (one.loaded || one.missing ? '' : t('The picture is not on the screen yet.')),
      });
      this.marks.current?.button.focus({ preventScroll: true });
      if (body) await this.sign(chosen, body, { alike: one.item.instance, waits: true });
    });
  }

  /** Sign some tiles; `alike` is one of them of which more may be wrong in the same way. */
  sign(tiles, body, { alike = null, waits = false } = {}) {
    if (this.page.reviewing.busy && !waits) return this.page.toast.tell(t('The word before is still on its way.'));
    return this.page.guarded(async () => {
      const progress = (done) => this.page.toast.tell(t('Signing… {done} of {all}', { done, all: tiles.length }), { stays: true });
      progress(0);
      const outcome = await this.page.reviewing.signMany(tiles.map((tile) => tile.item), body, { progress, waits });
      if (outcome === null) return;
      const failed = Object.keys(outcome.failed);
      saved(outcome.done);
      for (const tile of tiles) if (outcome.done.has(tile.item.instance)) tile.signed(body);
      this.drawBar();
      const told = count('{count} signed.', '{count} signed.', outcome.done.size) + notDone(Object.values(outcome.failed));
      this.page.toast.tell([told, keptAsTyped(failed)].filter(Boolean).join(' '), { undo: outcome.done.size > 0 });
      await this.refreshQuietly([...outcome.done, ...failed]);
      if (outcome.done.has(alike)) offerAlike(this.page.toast, alike, told);
    });
  }

  tileOf(instance) {
    return this.tiles.find((tile) => tile.item.instance === instance);
  }

  keepPlace() {
    clearTimeout(this.keeping);
    if (this.coming) return;
    this.keeping = setTimeout(() => remember(this.pages, this.scroller.scrollTop ? this.top() : null, this.marks.kept), 150);
  }

  /** The first picture on the screen, and how far it is below the edge: the heights above it are guesses after a reload. */
  top() {
    const edge = this.scroller.getBoundingClientRect().top;
    const tile = this.tiles.find(({ node }) => node.getBoundingClientRect().bottom > edge);
    return tile ? { instance: tile.item.instance, below: tile.node.getBoundingClientRect().top - edge } : null;
  }

  /** Some frames long: what comes to the screen gets its real height only there. */
  comeBack(top, frames = 4) {
    const node = top && this.tileOf(top.instance)?.node;
    if (!node || !frames) return;
    this.scroller.scrollTop += node.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top - top.below;
    requestAnimationFrame(() => this.comeBack(top, frames - 1));
  }

  /** More is annotated than before, or the service is back: what is not there yet is asked for. */
  moved({ back }) {
    for (const tile of this.tiles) if (back && tile.missing) tile.load();
    if (back) this.lookForEnd();
    const old = [...this.old];
    this.old.clear();
    if (old.length) this.refreshQuietly(old);
    // Who marks, looks closer or types has the pictures that are there before them.
    const occupied = this.marks.marked.length || this.scroller.scrollTop > 0 || document.querySelector('dialog[open]');
    if (occupied || this.page.reviewing.busy) return;
    if (!this.tiles.length || this.tiles.length < PAGE) this.page.guarded(() => this.load());
  }

  get keys() {
    const { marks } = this;
    return [
      [['x', 'Enter'], t('Mark as “not this”, or take the mark away'), (event) => marks.current && marks.press(marks.current, event)],
      [['Shift+Click'], t('Mark all from the last mark on'), null],
      [['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'], t('Move'), null],
      [['ArrowRight'], null, () => marks.step(1), true], [['ArrowLeft'], null, () => marks.step(-1), true],
      [['ArrowDown'], null, () => marks.row(1), true], [['ArrowUp'], null, () => marks.row(-1), true],
      [['PageDown', 'PageUp'], t('A screen on, or back'), ({ key }) => this.scroller.scrollBy(0, (key === 'PageDown' ? 0.9 : -0.9) * (this.scroller.clientHeight - this.seen.covered)), true],
      [[' '], t('Large, as long as you look; there P and H decide a conflict'), () => this.loupe()],
      [['e'], t('Correct what is marked'), () => this.correct()],
      [['c'], t('Confirm what was seen and not marked'), () => this.confirm()],
      [['o'], t('Open the film'), () => marks.current && location.assign(elsewhere('films', { instances: marks.current.item.instance }))],
      [['z'], t('Undo'), () => this.page.undo()],
      [['/'], t('Search'), () => byId('sheet-q').focus()],
    ];
  }
}
