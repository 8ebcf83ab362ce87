// One film after the other: list, picture, answer, keys.

import { askAhead, get, post } from './api.js';
import { askToSignUnseen } from './ask.js';
import { choices, openSides, word } from './choices.js';
import { askForCorrection, keptAsTyped, saved } from './correction.js';
import { Detail, MOST_GUESSES } from './detail.js';
import { Filters } from './filters.js';
import { t } from './language.js';
import { offerAlike } from './memory_told.js';
import { headerLabels, seenLabel } from './sentences.js';
import { DRAWN, LOST, Viewer } from './viewer.js';
import { changedMeanwhile, withSide } from './words.js';
import { WorkList } from './worklist.js';

const LOOK_AGAIN = 1500;
const FETCH_AGAIN = 3000;
const LONGEST_PAUSE = 60_000;
const LOOK = 300;
/* Milliseconds that a film must have been on the screen before a word on it is taken: who presses
   twice has not looked at the second one. */

const byId = (id) => document.getElementById(id);

export class Film {
  /** `page` has reviewing, toast, known, guarded(work) and undo(). */
  constructor(page) {
    this.page = page;
    this.annotation = null;
    this.side = undefined;
    this.viewer = new Viewer(byId('picture'), page.known.name);
    this.detail = new Detail(byId('detail'), {
      confirm: () => this.confirm(),
      cannotTell: () => this.sign({ examined: null }),
      take: (label, side) => this.take(label, side),
      guess: (number) => this.guess(number),
      setSide: (side) => this.setSide(side),
      correct: () => this.correct(),
      classify: () => this.classify(),
      previous: () => this.previous(),
      next: () => this.next(),
      explain: (label) => this.viewer.explain(label),
    }, page.known);
    this.filters = new Filters(byId('filters'), () => page.guarded(() => this.list.load()));
    this.list = new WorkList({
      head: byId('list-head'), lines: byId('lines'), paging: byId('paging'), name: page.known.name,
      query: () => this.filters.query, guarded: page.guarded, chosen: (line, next, trouble) => page.guarded(() => this.show(line, next, trouble)),
    });
    // A view that is not shown is loaded anew when one comes back.
    const shown = (work) => (event) => byId('films').hidden || page.guarded(() => work(event.detail));
    page.reviewing.addEventListener('undone', shown(({ done }) => this.undone([...done])));
    page.reviewing.addEventListener('tags', shown((annotation) => this.followed(annotation)));
  }

  async open() {
    this.filters.refresh();
    await this.list.load();
    this.list.focus();
    this.page.guarded(async () => this.filters.offer(await get('modalities')));
  }

  async show(line, next, trouble = '') {
    this.annotation = null;
    this.failed = '';
    this.side = undefined;
    if (line !== this.line) Object.assign(this, { line, pause: FETCH_AGAIN });
    this.mayNotSign();
    this.asking?.abort();
    if (!line) {
      this.clear(trouble || t('Nothing to review here. Other filters may show more.'));
      return;
    }
    byId('detail').setAttribute('aria-busy', 'true');
    // A picture that is here already is drawn while the answer is on its way; of films that one
    // only passes, none is fetched.
    const early = this.viewer.has(line.instance) ? this.viewer.show(line.instance) : this.viewer.clear(t('Loading…'));
    this.asking = new AbortController();
    let found;
    try {
      found = await get(`instances/${line.instance}`, {}, this.asking.signal);
    } catch (error) {
      if (this.list.current !== line || error.name === 'AbortError') return;
      this.clear(error.message);
      this.failed = error.message;
      if (error.mayPass) this.later(() => this.show(line, next));
      throw error;
    }
    if (this.list.current !== line) return;
    this.annotation = found;
    // Somebody else may have been here since the list was asked for; what is reviewed left it, and the next page begins earlier.
    if (line.reviewed_at !== (found.review?.at ?? null)) this.list.update(found);
    this.detail.show(found, line, undefined);
    byId('detail').removeAttribute('aria-busy');
    if (found.status === 'pending') this.lookAgain(line, next);
    await this.look(line, early ?? this.viewer.show(line.instance));
    if (next && this.list.current === line) this.prepare(this.list.following.map((item) => item.instance));
  }

  /** Wait until the picture is on the screen, and for a moment longer: then a word on it is taken. */
  async look(line, drawn) {
    const { image, examined, laterality } = this.annotation;
    const part = examined ? withSide(this.page.known.name(examined.label), laterality?.value) : t('body part unknown');
    this.viewer.describe(image?.top?.[0]?.label ?? null, t('Radiograph: {part}', { part }), part);
    const shown = await drawn;
    if (this.list.current !== line || !this.annotation) return;
    this.mayNotSign();
    this.unseen = shown !== DRAWN;
    this.viewer.stage.dataset.shown = line.instance;
    this.looking = setTimeout(() => this.mayStillSign(), LOOK);
    if (shown === LOST) this.later(() => this.look(line, this.viewer.show(line.instance)));
  }

  /** Try again what the network lost, with longer and longer pauses, as long as the film is shown. */
  later(work) {
    this.lost = setTimeout(() => this.page.guarded(work), this.pause);
    this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
  }

  /** An answer that has just changed was not looked at. */
  lookAnew() {
    if (!byId('detail').dataset.maySign) return;
    byId('detail').removeAttribute('data-may-sign');
    this.looking = setTimeout(() => this.mayStillSign(), LOOK);
  }

  mayNotSign() {
    clearTimeout(this.looking);
    clearTimeout(this.lost);
    byId('detail').removeAttribute('data-may-sign');
  }

  mayStillSign() {
    byId('detail').dataset.maySign = 'yes';
  }

  /** Fetch what will probably be asked for next. */
  prepare(instances) {
    askAhead(`instances/${instances[0]}`);
    this.viewer.prepare(instances);
  }

  clear(why) {
    byId('detail').removeAttribute('aria-busy');
    this.viewer.clear();
    this.detail.clear(why);
  }

  /** More is annotated than before, or the service is back: what was empty fills by itself. */
  moved({ back }) {
    if (!this.list.items.length) this.page.guarded(() => this.list.load(this.list.since));
    else if (this.failed || (back && this.unseen)) this.list.go(this.list.at);
  }

  async returned() {
    const { since, current } = this.list;
    await this.list.load(since);
    if (current) this.list.goTo(current.instance);
  }

  /** What waits, or is just being rewritten, is shown as soon as it is there. */
  lookAgain(line, next) {
    setTimeout(() => {
      if (this.list.current === line && this.annotation?.status === 'pending') this.page.guarded(() => this.show(line, next));
    }, LOOK_AGAIN);
  }

  get maySign() {
    return this.annotation !== null && !this.page.reviewing.busy && byId('detail').dataset.maySign === 'yes';
  }

  confirm() {
    if (!this.annotation?.examined) return undefined;
    if (choices(this.annotation, this.side).length) {
      this.page.toast.tell(t('Picture and header contradict each other: please choose one of them.'));
      return undefined;
    }
    return this.take(this.annotation.examined.label);
  }

  /** Take what the picture or the header says: what its button shows where the two contradict each other. */
  takeFrom(source) {
    const chosen = choices(this.annotation, this.side).find((one) => one.source === source);
    if (chosen) return this.take(chosen.label, chosen.side);
    return this.take(source === 'picture' ? seenLabel(this.annotation) : headerLabels(this.annotation)[0]);
  }

  /** Sign a part, with the side that its button shows. */
  take(label, chosen = this.side) {
    if (!label || !this.annotation) return undefined;
    return this.sign(word(this.annotation, label, chosen, this.page.known.sided));
  }

  guess(number) {
    const label = (this.annotation?.image?.top ?? []).slice(0, MOST_GUESSES)[number]?.label;
    if (label && this.side === undefined && this.page.known.sided(label) && openSides(this.annotation)) {
      this.page.toast.tell(t('Marker and header name different sides: please set the side first.'));
      return undefined;
    }
    return this.take(label);
  }

  setSide(side) {
    if (!this.annotation) return;
    this.side = side;
    this.detail.show(this.annotation, this.list.current, side);
  }

  /** Why no word on the film is taken yet, if so. */
  notYet() {
    if (this.failed) return this.failed;
    return this.annotation && byId('detail').dataset.maySign ? '' : t('The picture is not on the screen yet.');
  }

  /** Who says something of a picture that is not there yet is told that it was not taken. */
  tellNotYet() {
    const shown = this.list.current?.instance;
    if (shown && this.viewer.stage.dataset.shown !== shown) this.page.toast.tell(this.notYet());
  }

  /** Who presses a key twice has not looked at the second film: only what was typed waits for its turn. */
  sign(body) {
    if (this.page.reviewing.busy) this.page.toast.tell(t('The word before is still on its way.'));
    else this.tellNotYet();
    return this.maySign ? this.page.guarded(() => this.signShown(this.annotation, body)) : undefined;
  }

  async signShown(shown, body) {
    this.mayNotSign();
    let answer = null;
    try {
      if (this.unseen && !await askToSignUnseen()) return;
      this.page.toast.tellIfLate(t('Signing… {done} of {all}', { done: 0, all: 1 }));
      answer = await this.page.reviewing.sign(shown, body, { waits: true });
    } catch (error) {
      if (error.status === 404) return await this.gone(shown);
      if (error.status !== 412) throw error;
      return this.changedMeanwhile(error.present);
    } finally {
      if (!answer && this.annotation === shown) this.mayStillSign();
    }
    saved([answer.instance]);
    this.list.update(answer);
    let told = this.said(answer);
    this.page.toast.tell(told, { undo: true });
    // Who went on by themselves meanwhile is looking at another one.
    const stays = () => this.list.current?.instance === shown.instance;
    if (stays() && !await this.list.next() && stays()) {
      await this.show(this.list.current, null);
      // Meanwhile it may have been taken back, which is the newer message.
      if (this.page.toast.says(told)) {
        told = `${told} ${t('That was the last one.')}`;
        this.page.toast.tell(told, { undo: true });
      }
    }
    offerAlike(this.page.toast, answer.instance, told);
  }

  said({ examined, laterality, tags }) {
    const part = examined ? withSide(this.page.known.name(examined.label), laterality?.value) : t('Cannot be told');
    const file = { written: t('written to the file'), refused: t('not written to the file'), pending: t('the file follows') }[tags?.state];
    return t('{part}: signed', { part }) + (file ? `, ${file}.` : '.');
  }

  /** It was deleted meanwhile: it is asked for again, which tells so, and nothing of it stays to be signed. */
  async gone({ instance }) {
    saved([instance]);
    const line = this.list.current;
    await (line?.instance === instance ? this.show(line, null) : get(`instances/${instance}`));
  }

  /** Somebody else was faster: show what stands now, and have the person decide again. */
  changedMeanwhile(present) {
    this.list.update(present);
    this.list.goTo(present.instance);
    this.page.toast.tell([changedMeanwhile(present, this.page.known.name), keptAsTyped([present.instance])].filter(Boolean).join(' '));
  }

  correct() {
    const line = this.list.current;
    if (!line || this.failed) return undefined;
    return this.page.guarded(async () => {
      // Who knows the answer need not wait for the machine's: what is typed meanwhile are no keys.
      const seen = this.annotation;
      const { image, examined, laterality } = seen ?? {};
      const side = this.side === undefined ? laterality?.value : this.side;
      const body = await askForCorrection({
        instances: [line.instance], suggestions: image?.top ?? [], current: { label: examined?.label, side, stands: laterality?.value },
        notYet: () => (this.list.current === line ? this.notYet() : ''),
      });
      this.list.focus();
      if (!body) return;
      if (this.list.current === line) await this.signShown(seen ?? this.annotation, body);
      else this.page.toast.tell([t('Nothing was saved: another picture is shown by now.'), keptAsTyped([line.instance])].join(' '));
    }, () => keptAsTyped([line.instance]));
  }

  classify() {
    if (!this.annotation) return undefined;
    const line = this.list.current;
    return this.page.guarded(async () => {
      const answer = await post(`instances/${this.annotation.instance}`);
      if (this.list.current !== line) return;  // Another picture is shown by now.
      this.annotation = answer;
      this.detail.show(answer, line, this.side);
      this.lookAnew();
    });
  }

  next() {
    return this.page.guarded(async () => {
      if (!await this.list.next()) this.page.toast.tell(t('This is the end of the list.'));
    });
  }

  previous() {
    return this.page.guarded(() => this.list.previous());
  }

  async undone(instances) {
    if (!instances.length) return undefined;
    if (instances.length > 1) return this.list.load(this.list.since);
    const present = await get(`instances/${instances[0]}`);
    this.list.update(present);
    if (!this.list.goTo(instances[0])) await this.list.load(this.list.since);
    return undefined;
  }

  followed(annotation) {
    this.list.update(annotation);
    if (annotation.tags.state === 'refused') this.page.toast.tell(`${this.said(annotation)} ${t('The list shows why.')}`, { undo: true });
    if (this.annotation?.instance !== annotation.instance) return;
    this.annotation = annotation;
    this.detail.show(annotation, this.list.current, this.side);
  }

  get keys() {
    const when = (action) => () => (this.annotation ? action() : this.tellNotYet());
    return [
      [['Enter', 'c'], t('Confirm and go on; not where picture and header conflict'), when(() => this.confirm())],
      [['p'], t('Take what the picture says'), when(() => this.takeFrom('picture'))],
      [['h'], t('Take what the header says'), when(() => this.takeFrom('header'))],
      [['1', '2', '3', '4', '5'], t('Take this guess'), null],
      ...[1, 2, 3, 4, 5].map((number) => [[String(number)], null, when(() => this.guess(number - 1))]),
      [['0'], t('Cannot be told'), when(() => this.sign({ examined: null }))],
      [['l', 'r', 'b', 'n'], t('Side: left, right, both, none; signed with the next answer'), null],
      [['l'], null, () => this.setSide('L')], [['r'], null, () => this.setSide('R')],
      [['b'], null, () => this.setSide('B')], [['n'], null, () => this.setSide(null)],
      [['e'], t('Correct: type to search, Enter to save'), () => this.correct()],
      [['z'], t('Undo'), () => this.page.undo()],
      [['j', 'ArrowDown'], t('Next'), () => this.next(), true],
      [['k', 'ArrowUp'], t('Previous'), () => this.previous(), true],
      ...this.viewer.keys,
      [['/'], t('Search'), () => this.filters.open()],
    ];
  }
}
