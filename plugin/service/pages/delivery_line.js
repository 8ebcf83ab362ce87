// One delivery as a line: the picture, where it goes by which rule, and what became of it.

import { address } from './api.js';
import { STATES, whatBecame } from './delivery_sentences.js';
import { button, element, keepKeyboard } from './elements.js';
import { loadInTurn } from './in_turn.js';
import { t } from './language.js';
import { elsewhere } from './place.js';
import { NO_ANSWER, withSide } from './words.js';

const MAY = {
  waiting: ['cancel'], sending: [], delivered: [], failed: ['retry', 'cancel'], cancelled: ['retry'],
};
const NAMES = { retry: t('Retry'), cancel: t('Cancel') };

export class DeliveryLine {
  /** `name(label)` is a part's name; `act(id, action)` retries or cancels. */
  constructor(name, act) {
    Object.assign(this, { name, act });
    this.picture = element('img', { alt: '', decoding: 'async', error: () => this.picture.remove() });
    this.frame = element('span', { class: 'frame' }, this.picture);
    this.body = element('div', { class: 'told' });
    this.actions = element('div', { class: 'actions' });
    this.node = element('li', {}, this.frame, this.body, this.actions);
  }

  show(item) {
    const text = JSON.stringify(item);
    if (text === this.shown) return;
    this.shown = text;
    keepKeyboard(this.node, () => this.draw(item));
  }

  draw(item) {
    this.item = item;
    const [state, kind] = STATES[item.state];
    const { sentence, original } = whatBecame(item);
    this.node.dataset.state = item.state;
    this.body.replaceChildren(
      element('p', {}, element('a', { href: elsewhere('films', { instances: item.instance }) }, this.part(item)),
        ' ', element('span', { class: `chip ${kind}` }, state)),
      element('p', { class: 'quiet way' }, `${item.rule} → ${item.destination}`),
      element('p', {}, sentence),
      original ? element('p', { class: 'quiet', lang: 'en' }, element('small', {}, original)) : '');
    this.drawActions(item);
  }

  drawActions(item) {
    const may = MAY[item.state].join(' ');
    if (may === this.offered) return;
    this.offered = may;
    this.actions.replaceChildren(...MAY[item.state].map((action) => button(NAMES[action], { click: () => this.act(item.id, action) })));
  }

  /** What it was sent for: the answer's part and side. */
  part({ answer }) {
    const [label = '-', side = '-'] = answer.split(' ');
    if (!answer) return t('The answer before');
    return label === '-' ? NO_ANSWER.done : withSide(this.name(label), side === '-' ? null : side);
  }

  /** Fetch the picture once; called when the line stands in the page. */
  loadPicture() {
    if (this.asked) return;
    this.asked = true;
    loadInTurn(this.picture, address(`instances/${this.item.instance}/thumbnail`, { size: 96 }));
  }
}
