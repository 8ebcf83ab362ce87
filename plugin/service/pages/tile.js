// One picture of a sheet: thumbnail, answer, and what the header says where that differs.

import { address } from './api.js';
import { element, unseen } from './elements.js';
import { loadInTurn } from './in_turn.js';
import { t } from './language.js';
import { NO_ANSWER, TAGS, certainty, withSide } from './words.js';

const AGAIN = 3000;
const TRIES = 3;
/* What a tile tells by colour and sign alone, for those who listen. */
const STATES = { done: t('Reviewed'), doubt: t('To review') };

export class Tile {
  /** `name(label)` is a part's name; `press(tile, event)` is called when it is clicked. */
  constructor(item, name, press, open) {
    this.item = item;
    this.name = name;
    this.marked = false;
    /** Whether a person has had the chance to look at it. */
    this.seen = false;
    this.loaded = false;
    /** Whether its picture could not be fetched. */
    this.missing = false;
    this.tries = 0;
    this.picture = element('img', {
      alt: '', decoding: 'async', load: () => this.withPicture(), error: () => this.withoutPicture(),
    });
    this.button = element('button', {
      type: 'button', class: 'tile', tabindex: -1, 'data-instance': item.instance, 'aria-pressed': 'false',
      click: (event) => press(this, event), dblclick: () => open(this),
    });
    this.node = element('li', {}, this.button);
    this.draw();
  }

  /** Whether it may be confirmed together with others: an answer stands, and nobody has to decide. */
  get plain() {
    const { examined, reviewed_at: reviewed, state, agreement } = this.item;
    return Boolean(examined) && state === 'done' && !reviewed && agreement !== 'conflict' && !this.closer;
  }

  /** Whether marker and header, or two places of the header, name different sides: that is seen on the film only. */
  get closer() {
    return this.item.side_in_doubt && !this.item.reviewed_at;
  }

  get answer() {
    return this.item.examined ? withSide(this.name(this.item.examined), this.item.laterality) : NO_ANSWER[this.item.state] ?? this.item.state;
  }

  /** What the source says that the answer does not follow. */
  other() {
    const { examined, header_label: header, image_label: image } = this.item;
    if (header && header === examined && image) return t('Picture: {part}', { part: this.name(image) });
    return t('Header: {part}', { part: header ? this.name(header) : t('several parts') });
  }

  get conflict() {
    return this.item.agreement === 'conflict' && !this.item.reviewed_at;
  }

  /** Fetch the picture; called once the tile is, or will soon be, on the screen. */
  load() {
    loadInTurn(this.picture, address(`instances/${this.item.instance}/thumbnail`));
  }

  withPicture() {
    this.loaded = true;
    if (!this.missing) return;
    this.missing = false;
    this.draw();
  }

  /** Nobody has seen what could not be fetched; it may come later. */
  withoutPicture() {
    this.missing = true;
    this.draw();
    this.tries += 1;
    if (this.tries < TRIES) setTimeout(() => this.missing && this.load(), AGAIN * this.tries);
  }

  mark(marked) {
    this.marked = marked;
    this.button.setAttribute('aria-pressed', marked);
    this.node.classList.toggle('marked', marked);
  }

  /** What a person just said stands, before it is asked for again. */
  signed({ examined = this.item.examined, laterality = this.item.laterality }) {
    this.mark(false);
    this.update({ examined, laterality, reviewed_at: new Date().toISOString() });
  }

  update(item) {
    Object.assign(this.item, item);
    this.draw();
  }

  draw() {
    const { item } = this;
    const sure = item.examined ? certainty(item) : '';
    const told = [];
    if (this.conflict) told.push(this.other());
    if (this.closer) told.push(t('Side in doubt'));
    const [tags, kind] = item.reviewed_at ? TAGS[item.tags_state] ?? [] : [];
    this.node.className = this.conflict || this.closer ? 'conflict' : item.reviewed_at ? 'done' : item.needs_review ? 'doubt' : '';
    this.node.classList.toggle('marked', this.marked);
    this.button.replaceChildren(
      element('span', { class: 'frame' }, this.picture, this.missing ? element('span', { class: 'no-picture' }, t('No picture')) : ''),
      element('span', { class: 'caption' },
        element('span', { class: 'part' }, this.answer),
        element('span', { class: 'certainty' }, item.reviewed_at ? '✓' : sure, unseen(STATES[this.node.classList[0]]))),
      told.length ? element('span', { class: 'told' }, told.join(', ')) : '',
      kind === 'warn' ? element('span', { class: 'told' }, tags) : '');
  }
}
