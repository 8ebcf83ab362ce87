// The reader's language: the words of the pages, dates, and names as people write them.
//
// English stands in the code; every other language is one file in `languages`, English to theirs,
// and one in `languages/{view}` for a view that is not opened every day.

import { browser } from './storage.js';

export const LANGUAGES = {
  en: 'English', de: 'Deutsch', fr: 'Français', es: 'Español', it: 'Italiano', pt: 'Português', ja: '日本語', zh: '中文',
};
const KEPT = 'bodypart-language';

export const language = chosen();
/* Numbers and dates as in the reader's own country, where that speaks this language. */
const locale = navigator.languages.find((tag) => new RegExp(`^${language}-[\\w-]+$`, 'i').test(tag)) ?? language;
const { words, parts } = language === 'en'
  ? { words: {}, parts: {} }
  : await import(`./languages/${language}.js`).catch(() => ({ words: {}, parts: {} }));

/** Learn the words of one view, from `languages/{view}/`; its modules are loaded after that. */
export async function learn(view) {
  if (language === 'en') return;
  const more = await import(`./languages/${view}/${language}.js`).catch(() => ({ words: {} }));
  Object.assign(words, more.words);
}

function chosen() {
  const kept = browser.get(KEPT);
  if (Object.hasOwn(LANGUAGES, kept)) return kept;
  return navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in LANGUAGES) ?? 'en';
}

/** Speak another language from now on. */
export function speak(tag) {
  browser.set(KEPT, tag);
  location.reload();
}

const plural = new Intl.PluralRules(locale);

/** A sentence in the reader's language; `{name}` in it is replaced by the value of that name. */
export function t(text, values = {}) {
  return filled(words[text] ?? text, values);
}

/**
 * One sentence for one, another one for any other number, which stands in it as `{count}`. Where
 * English has the same for both, another language may have two, with | between them.
 */
export function count(one, many, number, values = {}) {
  // In French, 0 is singular.
  const single = number === 1 || plural.select(number) === 'one';
  const sentence = single ? one : many;
  const forms = (words[sentence] ?? sentence).split('|');
  return filled(single ? forms[0] : forms.at(-1), { count: number, ...values });
}

function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => numeral(values[name] ?? ''));
}

/** A number as the reader writes it; anything else stays as it is. */
export function numeral(value) {
  return typeof value === 'number' ? value.toLocaleString(locale) : value;
}

/** A share as the reader writes it, rounded. */
export function share(value) {
  return value.toLocaleString(locale, { style: 'percent' });
}

/** How long ago somebody was born, `unit` being day, week, month or year. */
export function age(value, unit) {
  return value.toLocaleString(locale, { style: 'unit', unit, unitDisplay: 'long' });
}

/** The order of two names in the reader's language. */
export const compared = new Intl.Collator(locale).compare;

/** A text for comparisons: without case, accents and widths, so that `epaule` finds `Épaule`. */
export function folded(text) {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ß', 'ss');
}

/** The name of a body part, where this language has one of its own. */
export function partName(label) {
  return parts[label];
}

/** 20260131 as the reader writes dates; what is no date stays as it is. */
export function date(text) {
  const found = /^(\d{4})(\d\d)(\d\d)$/.exec(text ?? '');
  if (!found) return text ?? '';
  const day = new Date(Date.UTC(Number(found[1]), Number(found[2]) - 1, Number(found[3])));
  if (day.getUTCMonth() !== Number(found[2]) - 1) return text;
  return day.toLocaleDateString(locale, { timeZone: 'UTC', year: 'numeric', month: 'short', day: 'numeric' });
}

/** 20260131 as a date field has it, empty for none. */
export function dayField(text) {
  return (text ?? '').replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3');
}

/** 202601 as the reader writes months; what is no month stays as it is. */
export function month(text) {
  if (!/^\d{6}$/.test(text)) return text;
  const day = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(4)) - 1));
  return day.toLocaleDateString(locale, { timeZone: 'UTC', year: 'numeric', month: 'short' });
}

/** The last day of 202602: 20260228. */
export function lastDay(text) {
  return `${text}${new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(4)), 0)).getUTCDate()}`;
}

/** 2026-11-20T12:00:00Z in the reader's own time. */
export function moment(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'short' });
}

/**
 * A Person Name (PS3.5 section 6.2.1) as people write it: `Suzuki^Hanako=鈴木^花子` is
 * 鈴木 花子 (Suzuki, Hanako).
 */
export function personName(text) {
  const [alphabetic, ideographic] = (text ?? '').split('=').map((group) => group.split('^').map((part) => part.trim()));
  const plain = [alphabetic?.[0], [alphabetic?.[1], alphabetic?.[2]].filter(Boolean).join(' ')].filter(Boolean).join(', ');
  const own = (ideographic ?? []).slice(0, 2).filter(Boolean).join(' ');
  return isolated(own && plain ? `${own} (${plain})` : own || plain);
}

const ORDERS = /[\u202a-\u202e\u2066-\u2069]/g;
const OTHER_WAY = /[\u0590-\u08ff\u200e\u200f\ufb1d-\ufdff\ufe70-\ufeff]/;

/**
 * A text from outside as a part of a line: where it is written from right to left, nothing beside it
 * is turned round (Unicode UAX #9, first strong isolate). What it orders itself, with which it could
 * leave the isolate, is taken out.
 */
export function isolated(text) {
  const plain = (text ?? '').replace(ORDERS, '');
  return OTHER_WAY.test(plain) ? `\u2068${plain}\u2069` : plain;
}
