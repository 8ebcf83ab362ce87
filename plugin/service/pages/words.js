// How the page says what the annotation's keys mean.

import { get } from './api.js';

export const SIDES = { L: 'left', R: 'right', B: 'both sides' };

export const SOURCES = {
  image: 'from the picture',
  header: 'from the header',
  'image+header': 'from picture and header',
  person: 'from a person',
};

export const AGREEMENTS = {
  agree: 'Picture and header agree',
  conflict: 'Picture and header conflict',
  'image-only': 'Picture only',
  'header-only': 'Header only',
  none: 'Neither can tell',
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

/** The label's name for people: its SNOMED CT meaning, else the label itself. */
export async function naming() {
  const names = new Map((await labels()).map((row) => [row.label, row.code.meaning]));
  return (label) => names.get(label) ?? plain(label);
}

export function plain(label) {
  const words = String(label).replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A share for people: nothing uncertain is 100 %, nothing possible is 0 %. */
export function percent(share) {
  if (share > 0.99 && share < 1) return '> 99 %';
  if (share > 0 && share < 0.01) return '< 1 %';
  return `${Math.round(100 * share)} %`;
}

/** 20260131 as 2026-01-31; what is no date stays as it is. */
export function date(text) {
  const parts = /^(\d{4})(\d\d)(\d\d)$/.exec(text ?? '');
  return parts ? parts.slice(1).join('-') : text ?? '';
}

/** 2026-11-20T12:00:00Z in the reader's own time. */
export function moment(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toLocaleString();
}
