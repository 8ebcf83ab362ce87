// What a person chooses between where picture and header contradict each other, and what is sent then.

import { headerLabels, seenLabel, sidesInDoubt, undecided } from './sentences.js';

/**
 * What picture and header say, as [{source, label, side}], the picture first; empty where they
 * contradict each other neither in the part nor in the side. `set` is the side that the person
 * chose already, undefined for none; so is a `side` that is the standing one.
 */
export function choices(annotation, set) {
  const sides = set === undefined ? openSides(annotation) : null;
  const seen = (label) => ({ source: 'picture', label, side: sides ? sides.marker : set });
  const named = (label) => ({ source: 'header', label, side: sides ? sides.header : set });
  if (undecided(annotation)) return [seen(seenLabel(annotation)), ...headerLabels(annotation).map(named)];
  const { examined } = annotation;
  return sides && examined ? [seen(examined.label), named(examined.label)] : [];
}

/** The sides of marker and header where they contradict each other and nobody has decided, else null. */
export function openSides(annotation) {
  return annotation.review ? null : sidesInDoubt(annotation);
}

/**
 * The body of a word on the part, with the side that its button shows: one that was `chosen`, else
 * the standing one, which for another part would not be the header's any more. Where none is shown,
 * the header or a marker may still name one of that part.
 */
export function word({ examined, laterality }, label, chosen, sided) {
  const stands = laterality?.value ?? null;
  if (!sided(label)) return stands ? { examined: label, laterality: null } : { examined: label };
  const inherited = label === examined?.label || stands === null;
  if (chosen === undefined) return inherited ? { examined: label } : { examined: label, laterality: stands };
  return { examined: label, laterality: chosen };
}
