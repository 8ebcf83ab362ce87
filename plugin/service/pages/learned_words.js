// The words that are learned from, as small pictures; each can be taken back.

import { ApiError, address, get, remove } from './api.js';
import { button, element, onlyOnce } from './elements.js';
import { loadInTurn } from './in_turn.js';
import { moment, t } from './language.js';
import { elsewhere } from './place.js';
import { NO_ANSWER, changedMeanwhile } from './words.js';

const PAGE = 24;
const GONE = 404;

export class LearnedWords {
  /** `page` has toast, known and guarded(work), `name(label)` is a part's name; `forgotten()` is called after a word was taken back. */
  constructor(page, name, forgotten) {
    Object.assign(this, { page, name, forgotten });
    this.part = element('select', { id: 'word-part', change: () => page.guarded(() => this.load()) });
    this.list = element('ol', { class: 'taught' });
    this.more = button(t('More'), { hidden: true, click: () => page.guarded(() => this.append()) });
    this.node = element('div', {}, element('div', { class: 'learned-part' }, element('label', { for: 'word-part' }, t('Part')), this.part),
      this.list, this.more);
    this.offer([]);
  }

  /** Offer the parts on which there are words. */
  offer(labels) {
    const chosen = this.part.value;
    const all = chosen && !labels.includes(chosen) ? [...labels, chosen] : labels;
    // A list that is open stays so.
    if (all.join() === this.offered) return;
    this.offered = all.join();
    this.part.replaceChildren(element('option', { value: '' }, t('any')), ...all.map((label) => element('option', { value: label }, this.name(label))));
    this.part.value = chosen;
  }

  async load() {
    this.next = null;
    this.list.replaceChildren();
    // Until they are there, they are lost: who refreshes the page asks for them again.
    this.lost = true;
    await this.append();
    this.lost = false;
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

  word(word) {
    const { instance, label, at, seen } = word;
    const picture = element('img', { alt: '', decoding: 'async', error: () => picture.remove() });
    const back = button(t('Take back'), { class: 'small', 'aria-label': t('Take back {part}', { part: this.name(label) }), click: () => onlyOnce(back, () => this.takeBack(word, node)) });
    const node = element('li', { 'data-instance': instance },
      element('span', { class: 'frame' }, picture),
      element('a', { href: elsewhere('films', { instances: instance }) }, this.name(label)),
      element('span', { class: 'quiet' }, moment(at)),
      seen ? '' : element('span', { class: 'chip warn' }, t('Does not count yet')), back);
    // A picture is fetched only once it stands in the page.
    queueMicrotask(() => loadInTurn(picture, address(`instances/${instance}/thumbnail`)));
    return node;
  }

  takeBack(word, node) {
    return this.page.guarded(async () => {
      const other = await takenBack(word);
      const review = other?.review;
      const next = review ? this.word({ instance: word.instance, label: review.examined, at: review.at, seen: false })
        : node.nextElementSibling ?? node.previousElementSibling;
      if (review) node.replaceWith(next);
      else node.remove();
      (next?.querySelector('button') ?? this.part).focus();
      if (other) this.page.toast.tell(changedMeanwhile(other, this.page.known.name));
      await this.forgotten();
    });
  }
}

/**
 * Take back the very word that a person saw; resolves to null once that is done, and to the
 * annotation that stands where somebody else was faster.
 */
async function takenBack({ instance, label, at }) {
  try {
    const stands = await get(`instances/${instance}`);
    if (stands.status === 'pending') throw new ApiError(0, NO_ANSWER.pending);
    const { review, revision } = stands;
    if (review && (review.at !== at || review.examined !== label)) return stands;
    if (review) {
      await remove(`instances/${instance}/review`, revision);
      return null;
    }
  } catch (error) {
    if (error.status === 412) return error.present;
    if (error.status !== GONE) throw error;
  }
  // Of a picture that is gone, or of which nothing is said any more, only what was learned is left.
  await remove(`memory/words/${instance}`);
  return null;
}
