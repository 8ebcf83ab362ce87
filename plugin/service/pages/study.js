// A study: all its films side by side, series of slices folded to one tile, each signed by itself.

import { get } from './api.js';
import { askToSignUnseen } from './ask.js';
import { openSides } from './choices.js';
import { tagsOf, viewAndSide } from './corners.js';
import { askForCorrection, keptAsTyped, saved } from './correction.js';
import { element } from './elements.js';
import { turns } from './in_turn.js';
import { count, date, isolated, personName, t } from './language.js';
import { openLoupe } from './loupe.js';
import { elsewhere } from './place.js';
import { notDone } from './sentences.js';
import { SheetFilters } from './sheet_filters.js';
import { Tile } from './tile.js';
import { withSide } from './words.js';

const PAGE = 500;
const FOLDED_FROM = 8;
/* Pictures of one series with one answer, from which on they stand as one tile. */

const studyInTurn = turns(2);
const tagsInTurn = turns(2);

const byId = (id) => document.getElementById(id);

export class Study {
  /** `page` has reviewing, toast, known, guarded(work) and undo(). */
  constructor(page) {
    this.page = page;
    this.node = byId('study');
    /** What stands there, by its first picture; a film that stays keeps its picture and the keyboard. */
    this.folds = new Map();
    // A view that is not shown is loaded anew when one comes back.
    const again = () => this.node.hidden || page.guarded(() => this.load());
    page.reviewing.addEventListener('undone', again);
    page.reviewing.addEventListener('tags', again);
  }

  open() {
    return this.load();
  }

  async load() {
    const given = SheetFilters.within();
    if (!Object.keys(given).length) {
      this.node.replaceChildren(element('p', { class: 'note' }, t('Choose a picture in the sheet, then open its study.'), ' ',
        element('a', { href: elsewhere('sheet', {}) }, t('To the sheet'))));
      return;
    }
    const asked = (this.asked = {});
    const items = [];
    let after = '';
    do {
      const answer = await get('sheet', { ...given, show: 'all', order: 'old', limit: PAGE, after });
      if (this.asked !== asked) return;
      items.push(...answer.items);
      after = answer.next;
    } while (after);
    const studies = [...new Set(items.map((item) => item.study))];
    const lines = await Promise.all(studies.map((study) => studyInTurn(() => get('worklist', { studies: study, show: 'all', limit: 1 }))));
    if (this.asked !== asked) return;
    const before = this.folds;
    const focused = this.node.contains(document.activeElement) ? document.activeElement.closest('[data-fold]')?.dataset.fold : null;
    this.folds = new Map();
    this.node.replaceChildren(...studies.map((study, number) => this.study(items.filter((item) => item.study === study), lines[number].items[0], before)),
      items.length ? '' : element('p', { class: 'note' }, t('Nothing here is annotated: a back-fill looks at older pictures, and what was deleted is gone.')));
    if (focused) this.folds.get(focused)?.tile.button.focus({ preventScroll: true });
    for (const [first, { tile }] of this.folds) if (!before.has(first) || tile.missing) tile.load();
  }

  /** `before` are the folds that stood there until now. */
  study(items, line, before) {
    const folds = folded(items);
    const about = [date(line?.study_date), personName(line?.patient_name), isolated(line?.study_description)].filter(Boolean).join(' · ');
    return element('section', { class: 'study' },
      element('header', {}, element('h2', {}, this.headline(items)), element('p', { class: 'quiet' }, about)),
      element('ol', { class: 'tiles films' }, folds.map((fold) => this.fold(fold, before.get(fold.items[0].instance)?.tile))));
  }

  /** One part, with its side where all agree; else how many parts there are. */
  headline(items) {
    const parts = new Set(items.map((item) => item.examined).filter(Boolean));
    const sides = new Set(items.map((item) => item.laterality));
    const [part] = parts;
    const [side] = sides;
    if (!parts.size) return t('Cannot be told');
    if (parts.size > 1) return t('Several parts ({count})', { count: parts.size });
    return withSide(this.page.known.name(part), sides.size === 1 ? side : null);
  }

  fold(fold, kept) {
    const [first] = fold.items;
    const tile = kept ?? this.tile(first);
    if (kept) tile.update(first);
    fold.tile = tile;
    this.folds.set(first.instance, fold);
    const many = fold.items.length > 1;
    const signed = fold.items.every((item) => item.reviewed_at);
    const kind = [first.modality, many ? count('{count} picture', '{count} pictures', fold.items.length) : ''].filter(Boolean).join(' · ');
    const named = element('p', { class: 'quiet' }, kind);
    if (!many) tagsInTurn(() => tagsOf(first.instance)).then((tags) => named.append(viewAndSide(tags) && ` · ${viewAndSide(tags)}`));
    const actions = element('div', { class: 'actions' });
    if (tile.plain && !signed) {
      const text = many ? t('Confirm {count} as {part}', { count: fold.items.length, part: tile.answer }) : t('Confirm {part}', { part: tile.answer });
      actions.append(this.button(text, 'primary', () => this.confirm(fold)));
    } else if (tile.conflict && !many) {
      const as = (label, text) => this.button(t(text, { part: this.page.known.name(label) }), 'choice', () => this.decide(fold, label));
      if (first.image_label) actions.append(as(first.image_label, '{part}, as in the picture'));
      if (first.header_label) actions.append(as(first.header_label, '{part}, as in the header'));
    }
    actions.append(this.button(t('Correct…'), '', () => this.correct(fold)),
      element('a', { href: elsewhere('films', many ? { series: first.series, show: 'all' } : { instances: first.instance }) }, t('Open the film')));
    tile.node.dataset.fold = first.instance;
    tile.node.replaceChildren(tile.button, named, actions);
    return tile.node;
  }

  /** A tile that shows its picture large: nothing is marked here, and Tab leads to each. */
  tile(item) {
    const tile = new Tile(item, this.page.known.name, (one) => openLoupe(one, { name: this.page.known.name }), () => {});
    tile.button.removeAttribute('aria-pressed');
    tile.button.setAttribute('aria-haspopup', 'dialog');
    tile.button.tabIndex = 0;
    return tile;
  }

  button(text, kind, click) {
    return element('button', { type: 'button', class: kind, click: (event) => event.detail < 2 && click() }, text);
  }

  confirm(fold) {
    return this.sign(fold, {});
  }

  /** Sign one of the two parts of a conflict; where the sides are in doubt as well, the film shows both. */
  decide(fold, label) {
    return this.page.guarded(async () => {
      if (openSides(await get(`instances/${fold.items[0].instance}`))) {
        this.page.toast.tell(t('Marker and header name different sides: please decide on the film.'));
      } else await this.sign(fold, { examined: label });
    });
  }

  /** Why no word on it is taken yet, if so. */
  notYet({ tile }) {
    return tile.loaded || tile.missing ? '' : t('The picture is not on the screen yet.');
  }

  sign(fold, body, { waits = false } = {}) {
    const why = this.page.reviewing.busy && !waits ? t('The word before is still on its way.') : this.notYet(fold);
    if (why) return this.page.toast.tell(why);
    return this.page.guarded(async () => {
      if (fold.tile.missing && !await askToSignUnseen()) return;
      const progress = (done) => done < fold.items.length
        && this.page.toast.tell(t('Signing… {done} of {all}', { done, all: fold.items.length }), { stays: true });
      this.page.toast.tellIfLate(t('Signing… {done} of {all}', { done: 0, all: fold.items.length }));
      const outcome = await this.page.reviewing.signMany(fold.items, body, { progress, waits });
      if (outcome === null) return;
      const { failed } = outcome;
      saved(outcome.done);
      const told = count('{count} signed.', '{count} signed.', outcome.done.size) + notDone(Object.values(failed));
      this.page.toast.tell([told, keptAsTyped(Object.keys(failed))].filter(Boolean).join(' '), { undo: outcome.done.size > 0 });
      // Where the connection is lost, what was just said of it stays on the screen.
      await this.load().catch(() => undefined);
    });
  }

  correct(fold) {
    return this.page.guarded(async () => {
      const [first] = fold.items;
      const body = await askForCorrection({
        instances: fold.items.map((item) => item.instance),
        title: count('Correct {count} picture', 'Correct {count} pictures', fold.items.length),
        current: { label: first.examined ?? undefined, side: first.laterality }, notYet: () => this.notYet(fold),
      });
      if (body) await this.sign(fold, body, { waits: true });
    });
  }

  /** The service is back: pictures that could not be fetched are asked for again. */
  moved({ back }) {
    for (const { tile } of this.folds.values()) if (back && tile.missing) tile.load();
  }

  get keys() {
    return [[['z'], t('Undo'), () => this.page.undo()]];
  }
}

/** Films one by one; slices of one series with one answer, many of them, together. */
function folded(items) {
  const groups = new Map();
  for (const item of items) {
    const key = [item.series, item.examined, item.laterality, item.state, item.agreement, item.side_in_doubt, Boolean(item.reviewed_at)].join(' ');
    groups.set(key, [...groups.get(key) ?? [], item]);
  }
  return [...groups.values()].flatMap((group) => (group.length >= FOLDED_FROM
    ? [{ items: group }] : group.map((item) => ({ items: [item] }))));
}
