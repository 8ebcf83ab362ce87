// What stands below a sheet: how much was seen, and what can be done with it. Its parts stay where
// they are, and with them the keyboard; what is told is told again only when it changed.

import { element } from './elements.js';
import { count, t } from './language.js';
import { keycap } from './own_keys.js';

export class SheetBar {
  /** `act` has confirm, correct and clear. */
  constructor(node, act) {
    this.told = element('p', { role: 'status' });
    this.hint = element('p', { class: 'hint' });
    this.clear = order('', () => act.clear());
    this.correct = order('E', () => act.correct());
    this.confirm = order('C', () => act.confirm());
    node.replaceChildren(element('div', {}, this.told, this.hint),
      element('div', { class: 'actions' }, this.clear.node, this.correct.node, this.confirm.node));
    say(this.clear.text, t('Clear marks'));
  }

  /** Why there is nothing to confirm, where that is not only because nothing was seen yet. */
  nothing = '';

  /** `tiles` are all that are there, `ready` those that a confirmation signs, of `total` pictures. */
  draw(tiles, ready, total) {
    const marked = tiles.filter((tile) => tile.marked).length;
    const seen = tiles.filter((tile) => tile.seen);
    const conflicts = seen.filter((tile) => (tile.conflict || tile.closer) && !tile.marked).length;
    say(this.told, [
      count('{count} picture', '{count} pictures', total ?? 0), count('{count} seen', '{count} seen', seen.length),
      marked ? count('{count} marked', '{count} marked', marked) : '',
      conflicts ? count('{count} conflict stays open', '{count} conflicts stay open', conflicts) : '',
    ].filter(Boolean).join(' · '));
    this.nothing = conflicts && !ready.length ? t('Conflicts are decided one by one: Space or a double click shows one large.') : '';
    say(this.hint, tiles.length && !marked ? this.nothing || t('A click marks “not this”, a double click or Space shows a picture large.') : '');
    this.clear.node.hidden = this.correct.node.hidden = !marked;
    say(this.correct.text, count('Correct {count} marked…', 'Correct {count} marked…', marked));
    say(this.confirm.text, confirmation(ready));
    this.confirm.node.disabled = !ready.length;
    this.confirm.node.classList.toggle('primary', ready.length > 0);
  }
}

function confirmation(ready) {
  const [answer, ...others] = new Set(ready.map((tile) => tile.answer));
  if (!ready.length) return t('Nothing to confirm yet');
  return others.length
    ? t('Confirm {count} as they stand', { count: ready.length }) : t('Confirm {count} as {part}', { count: ready.length, part: answer });
}

function order(key, click) {
  const text = element('span', {});
  return { text, node: element('button', { type: 'button', click }, text, key ? ' ' : '', key ? keycap(key) : '') };
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
