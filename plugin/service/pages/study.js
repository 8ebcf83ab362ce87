// A study: all its films side by side, series of slices folded to one tile, each signed by itself.

import { get } from './api.js';
import { askToSignUnseen } from './ask.js';
import { tagsOf, viewAndSide } from './corners.js';
import { askForCorrection } from './correction.js';
import { element } from './elements.js';
import { count, date, personName, t } from './language.js';
import { openLoupe } from './loupe.js';
import { elsewhere } from './place.js';
import { notDone } from './sentences.js';
import { SheetFilters } from './sheet_filters.js';
import { Tile } from './tile.js';
import { withSide } from './words.js';

const PAGE = 500;
const FOLDED_FROM = 8;
/* Pictures of one series with one answer, from which on they stand as one tile. */

const byId = (id) => document.getElementById(id);

export class Study {
  /** `page` has reviewing, toast, known, guarded(work) and undo(). */
  constructor(page) {
    this.page = page;
    this.node = byId('study');
    this.folds = [];
    this.at = 0;
    page.reviewing.addEventListener('undone', () => page.guarded(() => this.load()));
    page.reviewing.addEventListener('tags', () => page.guarded(() => this.load()));
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
    const lines = await Promise.all(studies.map((study) => get('worklist', { studies: study, show: 'all', limit: 1 })));
    if (this.asked !== asked) return;
    this.folds = [];
    this.node.replaceChildren(...studies.map((study, number) => this.study(study, items.filter((item) => item.study === study), lines[number].items[0])),
      items.length ? '' : element('p', { class: 'note' }, t('Nothing here is annotated yet.')));
    for (const { tile } of this.folds) tile.load();
  }

  study(study, items, line) {
    const folds = folded(items);
    this.folds.push(...folds);
    const about = [date(line?.study_date), personName(line?.patient_name), line?.study_description].filter(Boolean).join(' · ');
    return element('section', { class: 'study' },
      element('header', {}, element('h2', {}, this.headline(items)), element('p', { class: 'quiet' }, about)),
      element('ol', { class: 'tiles films' }, folds.map((fold) => this.fold(fold))));
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

  fold(fold) {
    const [first] = fold.items;
    const tile = new Tile(first, this.page.known.name, () => openLoupe(tile, { name: this.page.known.name }), () => {});
    fold.tile = tile;
    const many = fold.items.length > 1;
    const signed = fold.items.every((item) => item.reviewed_at);
    const kind = [first.modality, many ? count('{count} picture', '{count} pictures', fold.items.length) : ''].filter(Boolean).join(' · ');
    const named = element('p', { class: 'quiet' }, kind);
    if (!many) tagsOf(first.instance).then((tags) => named.append(viewAndSide(tags) && ` · ${viewAndSide(tags)}`));
    const actions = element('div', { class: 'actions' });
    if (tile.plain && !signed) {
      const text = many ? t('Confirm {count} as {part}', { count: fold.items.length, part: tile.answer }) : t('Confirm {part}', { part: tile.answer });
      actions.append(this.button(text, 'primary', () => this.confirm(fold)));
    } else if (tile.conflict && !many) {
      const as = (label, text) => this.button(t(text, { part: this.page.known.name(label) }), 'choice', () => this.sign(fold, { examined: label }));
      if (first.image_label) actions.append(as(first.image_label, '{part}, as in the picture'));
      if (first.header_label) actions.append(as(first.header_label, '{part}, as in the header'));
    }
    actions.append(this.button(t('Correct…'), '', () => this.correct(fold)),
      element('a', { href: elsewhere('films', many ? { series: first.series, show: 'all' } : { instances: first.instance }) }, t('Open the film')));
    tile.node.append(named, actions);
    return tile.node;
  }

  button(text, kind, click) {
    return element('button', { type: 'button', class: kind, click: (event) => event.detail < 2 && click() }, text);
  }

  confirm(fold) {
    return this.sign(fold, {});
  }

  /** Why no word on it is taken yet, if so. */
  notYet({ tile }) {
    return tile.loaded || tile.missing ? '' : t('The picture is not on the screen yet.');
  }

  sign(fold, body) {
    const why = this.page.reviewing.busy ? t('The word before is still on its way.') : this.notYet(fold);
    if (why) return this.page.toast.tell(why);
    return this.page.guarded(async () => {
      if (fold.tile.missing && !await askToSignUnseen()) return;
      const outcome = await this.page.reviewing.signMany(fold.items, body, (done) => done < fold.items.length
        && this.page.toast.tell(t('Signing… {done} of {all}', { done, all: fold.items.length })));
      if (outcome === null) return;
      this.page.toast.tell(count('{count} signed.', '{count} signed.', outcome.done.size)
        + notDone(Object.values(outcome.failed)),
      { undo: outcome.done.size > 0 });
      // Where the connection is lost, what was just said of it stays on the screen.
      await this.load().catch(() => undefined);
    });
  }

  correct(fold) {
    return this.page.guarded(async () => {
      const [first] = fold.items;
      const body = await askForCorrection({
        title: count('Correct {count} picture', 'Correct {count} pictures', fold.items.length),
        current: { label: first.examined, side: first.laterality }, notYet: () => this.notYet(fold),
      });
      if (!body) return;
      await this.page.reviewing.idle();
      await this.sign(fold, body);
    });
  }

  get keys() {
    return [[['z'], t('Undo'), () => this.page.undo()]];
  }
}

/** Films one by one; slices of one series with one answer, many of them, together. */
function folded(items) {
  const groups = new Map();
  for (const item of items) {
    const key = [item.series, item.examined, item.laterality, item.state, item.agreement, item.look_closer, Boolean(item.reviewed_at)].join(' ');
    groups.set(key, [...groups.get(key) ?? [], item]);
  }
  return [...groups.values()].flatMap((group) => (group.length >= FOLDED_FROM
    ? [{ items: group }] : group.map((item) => ({ items: [item] }))));
}
