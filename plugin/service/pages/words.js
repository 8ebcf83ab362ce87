// How the pages say what the annotation's keys mean.

import { get } from './api.js';
import { partName, share, t } from './language.js';

export const SIDES = { L: t('left'), R: t('right'), B: t('both sides') };

export const SOURCES = {
  image: t('from the picture'),
  header: t('from the header'),
  'image+header': t('from picture and header'),
  person: t('from a person'),
};

export const AGREEMENTS = {
  agree: t('Picture and header agree'),
  conflict: t('Picture and header conflict'),
  'image-only': t('Picture only'),
  'header-only': t('Header only'),
  none: t('Neither can tell'),
};

export const NO_ANSWER = {
  done: t('Cannot be told'),
  failed: t('Failed'),
  skipped: t('No radiograph'),
  pending: t('Waiting in the queue'),
  unlabelled: t('Not classified yet'),
  gone: t('No longer here'),
};

/** How far the file follows the answer, for lists and chips: [text, kind]. */
export const TAGS = {
  written: [t('Written to the file'), 'good'],
  pending: [t('Being written'), ''],
  refused: [t('Not written to the file'), 'warn'],
};

let table;

/** The 36 labels, in the table's order: [{label, code, paired, ...}]. */
export function labels() {
  table ??= get('labels').catch((error) => {
    table = undefined;
    throw error;
  });
  return table;
}

/** The label's name for people: the language's own, else its SNOMED CT meaning. */
export async function naming() {
  const names = new Map((await labels()).map((row) => [row.label, row.code.meaning]));
  return (label) => partName(label) ?? names.get(label) ?? plain(label);
}

export function plain(label) {
  const words = String(label).replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Where the side comes from, where a person should know: a marker in the picture was read. */
export function sideTold(laterality) {
  return laterality?.source === 'marker' ? t('side from the marker') : '';
}

/** A part with its side, as it is said: "Knee, left". */
export function withSide(name, side) {
  return side ? `${name}, ${SIDES[side]}` : name;
}

/** What a person is told whose word was refused, because somebody else was faster. */
export function changedMeanwhile({ examined, laterality, review }, name) {
  const part = examined ? withSide(name(examined.label), laterality?.value) : NO_ANSWER.done;
  return review
    ? t('{by} changed this meanwhile to: {part}. Please look again; nothing of yours was saved.', { by: review.by, part })
    : t('This changed meanwhile to: {part}. Please look again; nothing of yours was saved.', { part });
}

/** A share for people: nothing uncertain is 100 %, nothing possible is 0 %. */
export function percent(part) {
  if (part > 0.99 && part < 1) return `> ${share(0.99)}`;
  if (part > 0 && part < 0.01) return `< ${share(0.01)}`;
  return share(part);
}

/** How sure the machine is; it is rounded to 1 at times, and never certain. A person needs no figure. */
export function certainty({ probability, source }) {
  return source === 'person' ? '' : percent(Math.min(probability, 0.999));
}

/** What the pages ask of the labels: {name(label), sided(label), all}. */
export async function knowledge() {
  const [all, name] = await Promise.all([labels(), naming()]);
  const paired = new Set(all.filter((row) => row.paired).map((row) => row.label));
  return { all, name, sided: (label) => paired.has(label) };
}
