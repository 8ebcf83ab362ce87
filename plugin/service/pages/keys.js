// The keyboard: one table for each view, which the help shows.

import { button, element } from './elements.js';
import { t } from './language.js';
import { areOff, changeKey, isLetter, keyName, turnOff, usualKey, usualKeys } from './own_keys.js';

/**
 * Listen; `table()` gives the rows of the view that is shown: [keys, what it does, action, again],
 * where `again` allows the key to repeat while it is held. Typing in a field is left alone.
 */
export function listen(table) {
  document.addEventListener('keydown', (event) => {
    // A button under a held key would be pressed again and again.
    if (event.repeat && ['Enter', ' '].includes(event.key) && event.target.matches('button, a, summary')) event.preventDefault();
    if (event.altKey || event.defaultPrevented || document.querySelector('dialog[open]')) return;
    const target = event.target;
    if (target.matches('input:not([type="checkbox"], [type="range"], [type="radio"]), select, textarea')) return;
    // With Shift it is what brings back what was undone, everywhere else.
    const undo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === 'z';
    if ((event.ctrlKey || event.metaKey) && !undo) return;
    // Enter and Space on a button or link belong to that; on a line or tile, to the view.
    if (['Enter', ' '].includes(event.key) && target.matches('button:not(.line, .tile), a, summary')) return;
    if (target.matches('[type="range"]') && /^(Arrow|Page)/.test(event.key)) return;
    const pressed = event.key.toLowerCase();
    if (!undo && isLetter(pressed) && areOff()) return;
    const key = undo ? 'z' : usualKey(pressed);
    const rows = table();
    const rowOf = (wanted) => rows.find(([keys, , action]) => action && keys.some((one) => one.toLowerCase() === wanted));
    // A French keyboard has its digits above other characters, with Shift.
    const digit = event.shiftKey ? null : /^Digit(\d)$/.exec(event.code)?.[1];
    const row = rowOf(key) ?? (digit && rowOf(usualKey(digit)));
    if (!row || (event.repeat && !row[3])) return;
    event.preventDefault();
    row[2](event);
  });
}

export function showHelp(table) {
  const rows = table.map(([keys, text]) => element('tr', {},
    element('td', {}, keys.flatMap((key) => [isLetter(key) ? changeable(key, text) : element('kbd', {}, keyName(key)), ' '])), element('td', {}, text)));
  const box = element('input', { type: 'checkbox', id: 'keys-on', checked: !areOff(), change: () => turnOff(!box.checked) });
  const dialog = element('dialog', { class: 'bodypart help', 'aria-labelledby': 'help-title', close: () => dialog.remove() },
    element('h2', { id: 'help-title' }, t('Keys')),
    element('table', {}, element('tbody', {}, rows)),
    element('p', { class: 'quiet' }, t('Click a letter or digit, then press the one that you want in its place; the two change places.')),
    element('label', { class: 'switch', for: 'keys-on' }, box, t('Letters and digits are keys')),
    element('p', { class: 'quiet' }, t('Turn this off if you dictate, or if your hand rests on the keyboard; arrows, Enter and Ctrl+Z still work.')),
    element('div', { class: 'actions' }, button(t('Close'), { class: 'primary', click: () => dialog.close() }),
      button(t('Usual keys'), { click: () => usualKeys() })));
  document.body.append(dialog);
  dialog.showModal();
}

/** A key that can be put elsewhere: it is clicked, and the next one that is pressed is it. */
function changeable(usual, text) {
  const node = element('button', {
    type: 'button', class: 'key', title: t('Put elsewhere'),
    click: () => { node.classList.add('waiting'); },
    blur: () => node.classList.remove('waiting'),
    keydown: (event) => {
      if (!node.classList.contains('waiting')) return;
      const escaped = event.key === 'Escape';
      if (!escaped && !isLetter(event.key)) return;
      // Escape ends the waiting, not the dialog.
      event.preventDefault();
      node.classList.remove('waiting');
      if (!escaped) changeKey(usual.toLowerCase(), event.key.toLowerCase());
    },
  }, element('kbd', { 'data-key': usual.toLowerCase() }, keyName(usual)), element('span', { class: 'hidden' }, ` ${text}`));
  return node;
}
