// What the memory of confirmed pictures did to an answer, and more pictures that look like one.

import { get } from './api.js';
import { element } from './elements.js';
import { count, t } from './language.js';
import { elsewhere } from './place.js';

const ALIKE = 0.75;
/* What the service calls alike: see `least` of `GET instances/{id}/alike`. */
const MOST = 100;
const PAUSE = 700;
/* Milliseconds without another word before more of the kind are looked for. */

let waiting;

/** What the memory says of a picture, as lines under its answer; nothing where it did not speak. */
export function memoryTold(memory, name) {
  if (!memory?.alike?.length) return [];
  const words = count('like {count} picture confirmed here', 'like {count} pictures confirmed here', memory.alike.length);
  const told = [element('a', { href: elsewhere('sheet', { show: 'all', instances: memory.alike.join(',') }) }, words)];
  if (memory.changed) {
    const [before, after] = memory.changed.split(' -> ').map((label) => (label === 'none' ? t('Cannot be told') : name(label)));
    told.push(` · ${memory.applied === false ? t('they suggest: {part}', { part: after }) : t('without them: {part}', { part: before })}`);
  }
  return [element('p', { class: 'memory' }, told)];
}

/**
 * Once a person said something of a picture, offer those that look like it, to be checked together.
 * `toast` still says `text`, which stays.
 */
export function offerAlike(toast, instance, text) {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const { items } = await get(`instances/${instance}/alike`, { limit: MOST, least: ALIKE }).catch(() => ({ items: [] }));
    if (!items.length || !toast.says(text)) return;
    toast.tell(text, {
      undo: true,
      more: element('a', { href: elsewhere('sheet', { show: 'all', instances: items.map((item) => item.instance).join(',') }) },
        count('{count} more looks like this one', '{count} more look like this one', items.length)),
    });
  }, PAUSE);
}
