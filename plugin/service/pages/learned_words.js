// The words that are learned from, as small pictures; each can be taken back.

import { address, get, remove } from './api.js';
import { button, element } from './elements.js';
import { loadInTurn } from './in_turn.js';
import { moment, t } from './language.js';
import { elsewhere } from './place.js';

const PAGE = 24;
const GONE = 404;

export class LearnedWords {
  /** `page` has guarded(work), `name(label)` is a part's name; `forgotten()` is called after a word was taken back. */
  constructor(page, name, forgotten) {
    Object.assign(this, { page, name, forgotten });
    this.part = element('select', { id: 'word-part', change: () => page.guarded(() => this.load()) });
    this.list = element('ol', { class: 'taught' });
    this.more = button(t('More'), { hidden: true, click: () => page.guarded(() => this.append()) });
    this.node = element('div', {}, element('div', { class: 'field' }, element('label', { for: 'word-part' }, t('Part')), this.part),
      this.list, this.more);
    this.offer([]);
  }

  /** Offer the parts on which there are words. */
  offer(labels) {
    const chosen = this.part.value;
    const all = chosen && !labels.includes(chosen) ? [...labels, chosen] : labels;
    this.part.replaceChildren(element('option', { value: '' }, t('any')), ...all.map((label) => element('option', { value: label }, this.name(label))));
    this.part.value = chosen;
  }

  async load() {
    this.next = null;
    this.list.replaceChildren();
    await this.append();
  }

  async append() {
    const asked = (this.asked = {});
    const { words, next } = await get('memory/words', { label: this.part.value, after: this.next, limit: PAGE });
    if (this.asked !== asked) return;
    this.next = next;
    this.more.hidden = next === null;
    this.list.append(...words.map((word) => this.word(word)));
    if (!this.list.children.length) this.list.append(element('li', { class: 'quiet' }, t('Nothing yet.')));
  }

  word({ instance, label, at, seen }) {
    const picture = element('img', { alt: '', decoding: 'async', error: () => picture.remove() });
    const back = button(t('Take back'), { class: 'small', 'aria-label': t('Take back {part}', { part: this.name(label) }), click: () => this.takeBack(instance, node, back) });
    const node = element('li', { 'data-instance': instance },
      element('span', { class: 'frame' }, picture),
      element('a', { href: elsewhere('films', { instances: instance }) }, this.name(label)),
      element('span', { class: 'quiet' }, moment(at)),
      seen ? '' : element('span', { class: 'chip warn' }, t('Does not count yet')), back);
    // A picture is fetched only once it stands in the page.
    queueMicrotask(() => loadInTurn(picture, address(`instances/${instance}/thumbnail`)));
    return node;
  }

  takeBack(instance, node, back) {
    back.disabled = true;
    return this.page.guarded(async () => {
      try {
        // Of a picture that is gone nothing is left to take back but what was learned.
        await remove(`instances/${instance}/review`).catch((error) => {
          if (error.status !== GONE) throw error;
          return remove(`memory/words/${instance}`);
        });
        const next = node.nextElementSibling ?? node.previousElementSibling;
        node.remove();
        (next?.querySelector('button') ?? this.part).focus();
      } finally {
        back.disabled = false;
      }
      await this.forgotten();
    });
  }
}
