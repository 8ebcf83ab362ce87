// The keyboard: one table for each view, which the help shows; it can be turned off, for people
// who dictate or whose keys slip (WCAG 2.1.4).

import { button, element } from './elements.js';
import { t } from './language.js';

const OFF = 'bodypart-keys-off';
const NAMES = { ArrowDown: '↓', ArrowUp: '↑', ArrowLeft: '←', ArrowRight: '→', Enter: 'Enter', ' ': 'Space', 'Shift+Click': 'Shift+Click' };
/** Keys that work without letters being turned on: they are no single characters. */
const ALWAYS = ['arrowdown', 'arrowup', 'arrowleft', 'arrowright', 'enter', ' ', 'escape'];

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
    const undo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z';
    if ((event.ctrlKey || event.metaKey) && !undo) return;
    // Enter and Space on a button or link belong to that; on a line or tile, to the view.
    if (['Enter', ' '].includes(event.key) && target.matches('button:not(.line, .tile), a, summary')) return;
    if (target.matches('[type="range"]') && event.key.startsWith('Arrow')) return;
    const key = event.key.toLowerCase();
    if (!undo && !ALWAYS.includes(key) && areOff()) return;
    const row = table().find(([keys, , action]) => action && keys.some((one) => one.toLowerCase() === key));
    if (!row || (event.repeat && !row[3])) return;
    event.preventDefault();
    row[2](event);
  });
}

function areOff() {
  return localStorage.getItem(OFF) === 'yes';
}

export function showHelp(table) {
  const rows = table.map(([keys, text]) => element('tr', {},
    element('td', {}, keys.map((key) => element('kbd', {}, NAMES[key] ?? key.toUpperCase()))), element('td', {}, text)));
  const box = element('input', {
    type: 'checkbox', id: 'keys-on', checked: !areOff(),
    change: () => localStorage.setItem(OFF, box.checked ? 'no' : 'yes'),
  });
  const dialog = element('dialog', { class: 'bodypart help', 'aria-labelledby': 'help-title', close: () => dialog.remove() },
    element('h2', { id: 'help-title' }, t('Keys')),
    element('table', {}, element('tbody', {}, rows)),
    element('label', { class: 'switch', for: 'keys-on' }, box, t('Letters and digits are keys')),
    element('p', { class: 'quiet' }, t('Turn this off if you dictate, or if your hand rests on the keyboard; arrows, Enter and Ctrl+Z still work.')),
    element('div', { class: 'actions' }, button(t('Close'), { class: 'primary', click: () => dialog.close() })));
  document.body.append(dialog);
  dialog.showModal();
}
