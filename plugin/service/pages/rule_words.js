// How the pages say what a rule's conditions mean, and why one of them does not hold.

import { t } from './language.js';
import { SIDES, percent } from './words.js';

const CONDITIONS = {
  Examined: t('Body part'), Evidence: t('According to'), Visible: t('Visible'), Group: t('Group of the router'), View: t('View'),
  Modality: t('Modality'), Laterality: t('Side'), Child: t('Child'), MinProbability: t('Sure to at least'), NeedsReview: t('Waits for a review'),
};
const WORDS = {
  Evidence: { final: t('the answer'), image: t('the picture alone'), header: t('the header alone'), any: t('any of these sources'), both: t('picture and header') },
  Group: { abdominal: t('abdominal'), 'adult chest': t('adult chest'), 'pediatric chest': t('pediatric chest'), spine: t('spine'), others: t('others') },
  View: { frontal: t('frontal'), lateral: t('lateral'), oblique: t('oblique') },
  Laterality: SIDES,
};

/** The conditions of a rule as short texts: "Body part: Chest". */
export function spokenConditions(conditions, name) {
  return Object.keys(CONDITIONS).filter((key) => key in conditions).map((key) => `${CONDITIONS[key]}: ${spoken(key, conditions[key], name)}`);
}

/** Why a rule does not take a picture, in one sentence. */
export function spokenFailure({ condition, wanted, found }, name) {
  if (condition === 'Otherwise') return t('Another rule takes it: {rules}.', { rules: found.join(', ') });
  return t('{condition}: the rule wants {wanted}, the picture has {found}.', {
    condition: CONDITIONS[condition] ?? condition, wanted: spoken(condition, wanted, name), found: spoken(condition, found, name),
  });
}

/** What the rules look at in a picture, on one line. */
export function spokenCase(one, name) {
  const parts = {
    Examined: one.examined, MinProbability: one.examined ? one.probability : null, Laterality: one.laterality, Group: one.group,
    View: one.view, Modality: one.modality || null, Child: one.child, NeedsReview: one.needs_review,
  };
  return Object.entries(parts).filter(([, value]) => value !== null)
    .map(([key, value]) => (key === 'MinProbability' ? percent(value) : `${CONDITIONS[key]}: ${spoken(key, value, name)}`)).join(' · ');
}

function spoken(key, value, name) {
  if (value === null || value === undefined || value === '') return t('not known');
  if (typeof value === 'boolean') return value ? t('yes') : t('no');
  if (typeof value === 'number') return percent(value);
  // Where several sources were asked, what each of them said.
  const all = typeof value === 'object' && !Array.isArray(value) ? [...new Set(Object.values(value).flat())] : [value].flat();
  if (!all.length) return t('not known');
  return all.map((one) => WORDS[key]?.[one] ?? (['Examined', 'Visible'].includes(key) ? part(one, name) : one)).join(', ');
}

/** A label's name; a region or a code stays as the operator wrote it. */
function part(one, name) {
  return /^\d+$/.test(one) ? one : name(one);
}
