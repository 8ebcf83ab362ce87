// Which answers the memory of confirmed pictures changed, as a table.

import { element } from './elements.js';
import { numeral, t } from './language.js';
import { elsewhere } from './place.js';

/** `changes` are the answer of `GET memory/changes`; `name(label)` is a part's name. */
export function changesTable(changes, name) {
  if (!changes.length) return element('p', { class: 'quiet' }, t('Nothing yet.'));
  return table([t('Change'), t('Pictures'), t('Reviewed'), t('Of these right')], changes.map((change) => [
    element('a', { href: elsewhere('sheet', { show: 'all', instances: change.examples.join(',') }) },
      `${named(change.before, name)} → ${named(change.after, name)}`),
    ...[change.instances, change.reviewed, change.right].map(numeral),
  ]));
}

export function changesMeaning() {
  return t('Answers of the machine, before and with what was learned. None of them counts as confirmed until somebody confirms it.');
}

/** A part's name; of some pictures no part can be told, and that is learned, too. */
export function named(label, name) {
  return label && label !== 'none' ? name(label) : t('Cannot be told');
}

/** A table whose rows begin with what they are of. */
export function table(head, rows) {
  return element('table', { class: 'learned' },
    element('thead', {}, element('tr', {}, head.map((text) => element('th', { scope: 'col' }, text)))),
    element('tbody', {}, rows.map(([first, ...rest]) => element('tr', {},
      element('th', { scope: 'row' }, first), rest.map((cell) => element('td', {}, cell))))));
}
