// What the service says in a specialist's words, in plain ones.

import { count, t } from './language.js';

const PLAIN = [
  // What names a rule comes first: a rule may be called like anything.
  [/^delivery \d+ is|^rule .* is being looked at/, 'Somebody else changed it meanwhile.'],
  [/^rule .* must be counted first/, 'Please count again first.'],
  [/^rule .* was counted again since/, 'It was counted again meanwhile: please look at the new number.'],
  [/^no rule .* sends to/, 'No rule asks for it any more.'],
  [/probability of none|shows? no body part that the model knows/, 'The picture shows no body part that the model knows.'],
  [/unlike the radiographs|not like a radiograph/, 'The picture is unlike the radiographs that the model knows.'],
  [/blank|one grey value|nothing was exposed/, 'The picture is blank.'],
  [/too small to be classified/, 'The picture is too small.'],
  [/colour picture is not a radiograph/, 'A colour picture is not a radiograph.'],
  [/is not a radiograph, and nothing in the header/, 'This is not a radiograph, and its header names no body part.'],
  [/is not a radiograph, and the header names/, 'This is not a radiograph, and its header names none of the parts known here.'],
  [/shows no body part|no pixel data/, 'There is no picture in this file.'],
  [/^quarantined|^given up after|(worker|decoder) (died|did not|took|was killed)|process died|^the network answered/, 'Reading this picture failed and was stopped. It can be tried again.'],
  [/decoder is starting|the service is starting|the service ended: status|did not answer/, 'The service is starting. What was said before is kept.'],
  [/too many requests/, 'Too much is asked at once. Please try again in a moment.'],
  [/cannot be read|cannot be decoded|pixels are all padding|no DICOM/, 'The file is damaged, or of a kind that cannot be read.'],
  [/digital signature|digitally signed/, 'The file is digitally signed, so it stays as it is. The answer is kept in Orthanc.'],
  [/another system changed/, 'Another system has changed this tag since. The answer is kept in Orthanc.'],
  [/contradicts the side|side of the .* would be invented|Laterality states a side/, 'The file names another side, which is never overwritten. Please have the side corrected at its source.'],
  [/not an image IOD|is stored as|odd length/, 'Files of this kind are never rewritten. The answer is kept in Orthanc.'],
  [/^storage full|disk is full/, 'Orthanc’s storage is full. The answer is kept; the file follows once there is room.'],
  [/^it could not be done|^Orthanc (answers|stores it)/, 'Writing the file failed. The answer is kept in Orthanc.'],
  [/^it is a copy/, 'The file is a copy that Orthanc made, and rewriting it would lose what it is a copy of. The answer is kept in Orthanc.'],
  [/changed since/, 'Somebody else changed it meanwhile.'],
  [/^Orthanc has no (such instance|instances|series|studies|patients)/, 'The picture is no longer in this archive.'],
  [/has no annotation/, 'This picture has no annotation yet: a back-fill gives it one.'],
  [/send \{"Instance"/, 'This is no id of an instance.'],
  [/exceeds \d+ (MB|bytes)/, 'The file is too large.'],
  [/nobody said anything/, 'There is nothing to take back.'],
  [/marker and header name different sides/, 'Marker and header name different sides: please decide on the film.'],
  [/^the header says left in one place/, 'The header says left in one place and right in another.'],
];

/** Why a person should look, where the sentence needs nothing but the reason. */
const DOUBTS = [
  [/^The header says (\d+) years, .* a child/, 'The header says {age} years, but the picture looks like a child’s.'],
  [/^The header says (\d+) years, .* an adult/, 'The header says {age} years, but the picture looks like an adult’s.'],
  [/age in the header cannot be believed/, 'The picture may be a child’s, and the age in the header cannot be believed.'],
  [/tells whether this is a child/, 'Neither the header nor the picture tells whether this is a child.'],
  [/^A person said .* of (other pixel data|another picture)/, 'What a person said was of another picture.'],
  [/^Pictures confirmed here/, 'Pictures confirmed here suggest another answer.'],
  [/uncertain/, 'The answer is uncertain.'],
];

const HEADER_DIFFERS = /The header says left in one place and right in another\.?/;
const SIDES_DIFFER = /The marker says (?<marker>[LR]), the header (?<header>[LR])\.?/;

/** A reason in plain words; one that nobody foresaw stays as it is, unless there are words for its kind. */
export function plainReason(text, otherwise = '') {
  if (!text) return '';
  const found = PLAIN.find(([pattern]) => pattern.test(text));
  return found ? t(found[1]) : otherwise || asSentence(text);
}

/** Why there is no answer; that one waits for it, or that nothing below has one, says enough. */
export function whyNone({ level, status, reason }) {
  if (level || status === 'pending') return '';
  return status === 'failed' ? whyUnseen(reason) : plainReason(reason);
}

/** Why no picture was looked at. */
export function whyUnseen(text) {
  return plainReason(text, t('The file is damaged, or of a kind that cannot be read.'));
}

/** Why a file does not follow its answer. */
export function whyNotWritten(text) {
  return plainReason(text, t('Files of this kind are never rewritten. The answer is kept in Orthanc.'));
}

/** A text with a capital at its beginning and a full stop at its end. */
export function asSentence(text) {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** Why a person should look: at the part, at the side, or at both. */
export function reviewReason(annotation, name) {
  const sides = sidesInDoubt(annotation);
  const reason = annotation.review_reason ?? '';
  const open = HEADER_DIFFERS.test(reason);
  const about = reason.replace(HEADER_DIFFERS, '').replace(SIDES_DIFFER, '').trim();
  const conflict = annotation.agreement === 'conflict';
  return [
    about || conflict || !(sides || open) ? partReason({ ...annotation, review_reason: about }, name) : '',
    open ? t('The header says left in one place and right in another.') : '',
    sides ? t('The marker in the picture says {marker}, the header says {header}.', { marker: side(sides.marker), header: side(sides.header) }) : '',
  ].filter(Boolean).join(' ');
}

function partReason(annotation, name) {
  const seen = seenLabel(annotation);
  const reason = annotation.review_reason;
  // A header that contradicts itself is told with all that it says.
  const named = / in one place and .* in another/.test(reason) ? annotation.header.labels : headerLabels(annotation);
  // A header that says breast names no label that the picture could be in conflict with.
  const differ = annotation.agreement === 'conflict' || reason.startsWith('The picture looks like');
  if (differ && seen) {
    return named.length
      ? t('The picture looks like {seen}, the header says {named}.', { seen: name(seen), named: named.map(name).join(', ') })
      : t('The picture looks like {seen}, the header says something else.', { seen: name(seen) });
  }
  for (const [pattern, sentence] of DOUBTS) {
    const found = pattern.exec(reason);
    if (found) return t(sentence, { age: found[1] });
  }
  const open = !annotation.examined || reason.endsWith('and no picture decides.');
  if (open && named.length) return t('The header says {named}, but no picture confirms it.', { named: named.map(name).join(', ') });
  if (!annotation.examined) return t('Neither picture nor header tells the body part.');
  const [, unseen] = /^The picture was not classified \((.*)\), and/.exec(reason) ?? [];
  if (unseen || reason.startsWith('Only the header')) return [whyUnseen(unseen), t('Only the header says {named}.', { named: named.map(name).join(', ') })].filter(Boolean).join(' ');
  return reason || t('To review');
}

/** The two sides that a marker in the picture and the header name, null where they do not contradict each other. */
export function sidesInDoubt({ review_reason: reason }) {
  return SIDES_DIFFER.exec(reason ?? '')?.groups ?? null;
}

/** A side in words, as `SIDES` of words.js, which stands on this module. */
function side(letter) {
  return letter === 'L' ? t('left') : t('right');
}

/** The part that the picture shows, null where the model was not sure of any. */
export function seenLabel({ image }) {
  return image && !image.rejected ? image.top?.[0]?.label ?? null : null;
}

/** The parts that the header names. */
export function headerLabels({ header }) {
  if (!header) return [];
  return header.label ? [header.label] : header.labels ?? [];
}

/** Whether picture and header contradict each other and nobody has decided. */
export function undecided(annotation) {
  return annotation.agreement === 'conflict' && !annotation.review && seenLabel(annotation) !== null;
}

/** How many of several were not done, and why; empty where all were. `failed` are the reasons. */
export function notDone(failed) {
  return failed.length ? ` ${count('{count} was not: {why}', '{count} were not: {why}', failed.length, { why: plainReason(failed[0]) })}` : '';
}

/** What a search took the text for; `meaning` is {labels, studies}. */
export function meant({ labels, studies }, name) {
  const parts = labels.map(name);
  if (studies) parts.push(count('{count} study', '{count} studies', studies));
  return parts.length ? t('Found: {parts}', { parts: parts.join(', ') }) : t('No part, patient or number is called so.');
}
