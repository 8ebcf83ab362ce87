// The reader's language: the words of the pages, dates, and names as people write them.
//
// English stands in the code; every other language is one file in `languages`, English to theirs,
// and one in `languages/{view}` for a view that is not opened every day.

export const LANGUAGES = {
  en: 'English', de: 'Deutsch', fr: 'Français', es: 'Español', it: 'Italiano', pt: 'Português', ja: '日本語', zh: '中文',
};
const KEPT = 'bodypart-language';

export const language = chosen();
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
  const kept = localStorage.getItem(KEPT);
  if (kept in LANGUAGES) return kept;
  return navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in LANGUAGES) ?? 'en';
}

/** Speak another language from now on. */
export function speak(tag) {
  localStorage.setItem(KEPT, tag);
  location.reload();
}

/** A sentence in the reader's language; `{name}` in it is replaced by the value of that name. */
export function t(text, values = {}) {
  return (words[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

/** One sentence for one, another one for any other number, which stands in it as `{count}`. */
export function count(one, many, number, values = {}) {
  return t(number === 1 ? one : many, { count: number.toLocaleString(language), ...values });
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
  return day.toLocaleDateString(language, { timeZone: 'UTC', year: 'numeric', month: 'short', day: 'numeric' });
}

/** 202601 as the reader writes months; what is no month stays as it is. */
export function month(text) {
  if (!/^\d{6}$/.test(text)) return text;
  const day = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(4)) - 1));
  return day.toLocaleDateString(language, { timeZone: 'UTC', year: 'numeric', month: 'short' });
}

/** 2026-11-20T12:00:00Z in the reader's own time. */
export function moment(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short' });
}

/**
 * A Person Name (PS3.5 section 6.2.1) as people write it: `Suzuki^Hanako=鈴木^花子` is
 * 鈴木 花子 (Suzuki, Hanako).
 */
export function personName(text) {
  const [alphabetic, ideographic] = (text ?? '').split('=').map((group) => group.split('^').map((part) => part.trim()));
  const plain = [alphabetic?.[0], [alphabetic?.[1], alphabetic?.[2]].filter(Boolean).join(' ')].filter(Boolean).join(', ');
  const own = (ideographic ?? []).slice(0, 2).filter(Boolean).join(' ');
  if (own && plain) return `${own} (${plain})`;
  return own || plain;
}
