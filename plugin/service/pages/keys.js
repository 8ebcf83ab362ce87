// The keyboard: one table, which the help shows.

import { button, element } from './elements.js';

/** Listen; `table` is [[keys, what it does, action]]. Typing in a field is left alone. */
export function listen(table) {
  const actions = new Map(table.flatMap(([keys, , action]) => keys.map((key) => [key.toLowerCase(), action])));
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector('dialog[open]')) return;
    const target = event.target;
    if (target.matches('input:not([type="checkbox"]), select, textarea')) return;
    // Enter on a button or link belongs to that; on a line of the work list it confirms.
    if (event.key === 'Enter' && target.matches('button:not(.line), a, summary')) return;
    const action = actions.get(event.key.toLowerCase());
    if (!action) return;
    event.preventDefault();
    action();
  });
}

export function showHelp(table) {
  const rows = table.map(([keys, text]) => element('tr', {},
    element('td', {}, keys.map((key) => element('kbd', {}, NAMES[key] ?? key.toUpperCase()))), element('td', {}, text)));
  const dialog = element('dialog', { class: 'bodypart help', 'aria-labelledby': 'help-title', close: () => dialog.remove() },
    element('h2', { id: 'help-title' }, 'Keys'),
    element('table', {}, element('tbody', {}, rows)),
    element('p', { class: 'quiet' }, 'Drag on the picture: across for the window’s width, up and down for its level.'),
    element('div', { class: 'actions' }, button('Close', { class: 'primary', click: () => dialog.close() })));
  document.body.append(dialog);
  dialog.showModal();
}

const NAMES = { ArrowDown: '↓', ArrowUp: '↑', Enter: 'Enter' };
