// The letters and digits that are keys, as a person wants them (WCAG 2.1.4): off, or in other
// places. Kept in this browser.

import { element } from './elements.js';
import { t } from './language.js';
import { browser } from './storage.js';

const OFF = 'bodypart-keys-off';
const KEPT = 'bodypart-own-keys';
const NAMES = { ArrowDown: '↓', ArrowUp: '↑', ArrowLeft: '←', ArrowRight: '→', ' ': t('Space'), 'Shift+Click': t('Shift+Click') };

/** From the usual key to the one that a person pressed in its place. */
let own = new Map(kept());
relabel();
showWhetherOff();

function kept() {
  const pairs = browser.json(KEPT);
  return Array.isArray(pairs) ? pairs.filter(Array.isArray) : [];
}

/** Whether a key can be turned off and change its place: single characters slip, others do not. */
export function isLetter(key) {
  return key.length === 1 && key !== ' ';
}

export function areOff() {
  return browser.get(OFF) === 'yes';
}

export function turnOff(off) {
  browser.set(OFF, off ? 'yes' : 'no');
  showWhetherOff();
}

/** What is usually pressed for what this key does. */
export function usualKey(pressed) {
  return [...own].find(([, key]) => key === pressed)?.[0] ?? pressed;
}

/** Put what is usually on one key on another one; the two change places. */
export function changeKey(usual, pressed) {
  const other = usualKey(pressed);
  const before = own.get(usual) ?? usual;
  own.set(usual, pressed).set(other, before);
  own = new Map([...own].filter(([from, to]) => from !== to));
  browser.set(KEPT, JSON.stringify([...own]));
  relabel();
}

export function usualKeys() {
  own = new Map();
  browser.remove(KEPT);
  relabel();
}

/** How a key is called, wherever the person put it. */
export function keyName(usual) {
  const key = usual.toLowerCase();
  return NAMES[usual] ?? (isLetter(usual) ? (own.get(key) ?? key).toUpperCase() : usual);
}

/** A key as it is shown beside what it does. */
export function keycap(usual) {
  return element('kbd', { 'aria-hidden': 'true', 'data-key': isLetter(usual) ? usual.toLowerCase() : null }, keyName(usual));
}

function relabel() {
  for (const node of document.querySelectorAll('kbd[data-key]')) node.textContent = keyName(node.dataset.key);
}

function showWhetherOff() {
  document.body.dataset.letters = areOff() ? 'off' : 'on';
}
