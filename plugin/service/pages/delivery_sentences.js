// What became of a delivery, in plain sentences.

import { count, moment, t } from './language.js';
import { asSentence } from './sentences.js';

/** The states of a delivery: [name, kind of chip]. */
export const STATES = {
  waiting: [t('Waiting'), ''],
  sending: [t('Being sent'), ''],
  delivered: [t('Delivered'), 'good'],
  failed: [t('Failed'), 'bad'],
  cancelled: [t('Cancelled'), 'warn'],
};

const PLAIN = [
  [/answer changed before/, 'The answer changed before it was sent; the new one goes its own way.'],
  [/annotation was removed/, 'Its annotation was removed before it was sent.'],
  [/back to where it came from/, 'It came from there, so it does not go back.'],
  [/cancelled by a person/, 'Somebody cancelled it.'],
  [/no rule asks/, 'No rule asks for it any more.'],
  [/instance is gone/, 'The picture is no longer in this archive.'],
  [/job is gone/, 'Orthanc lost track of it; it may have arrived.'],
  [/did not end within/, 'Sending took too long and was stopped.'],
  [/folder cannot be written/, 'The folder cannot be written to.'],
  [/redirects are not followed/, 'The web server points elsewhere, which is not followed: please correct the address in the rule.'],
  [/answers 40[137]/, 'The web server does not let us in.'],
  [/answers 4\d\d/, 'The web server refuses it.'],
  [/answers 5\d\d/, 'The web server is in trouble.'],
  [/no answer/, 'The web server does not answer.'],
  [/is the node configured/, 'Orthanc does not know this receiver: is it configured?'],
  [/out.?of.?resources|0xa7/i, 'The receiver has no room for it.'],
  [/reject|refused: |AE title not recognized/i, 'The receiver rejects us: does it know this Orthanc by its AET?'],
  [/presentation context|not supported|SOP class/i, 'The receiver does not take pictures of this kind.'],
  [/connect|TCP|timeout|unreachable|network protocol|resolve/i, 'The receiver does not answer: is it on, are address and port right?'],
  [/instances failed|STORE/i, 'The receiver did not take it.'],
];

/** What became of a delivery: {sentence, original}, where `original` is an error in its own words. */
export function whatBecame(item) {
  const [plain, original] = why(item.error);
  return { sentence: [how(item), plain].filter(Boolean).join(' '), original };
}

function why(error) {
  if (!error) return ['', ''];
  const found = PLAIN.find(([pattern]) => pattern.test(error));
  return found ? [t(found[1]), error] : [asSentence(error), ''];
}

function how({ state, attempts, error, due, changed_at: changed }) {
  const at = moment(changed);
  switch (state) {
    case 'waiting': return waits(attempts, error, due);
    case 'sending': return t('It is on its way.');
    case 'delivered': return t('It arrived: {at}.', { at });
    case 'failed': return attempts
      ? count('Tried once, then given up: {at}.', 'Tried {count} times, then given up: {at}.', attempts, { at })
      : t('Given up: {at}.', { at });
    default: return t('Not sent: {at}.', { at });
  }
}

function waits(attempts, error, due) {
  const later = new Date(due) > new Date();
  if (attempts && error) {
    return later
      ? count('Tried once; the next try: {at}.', 'Tried {count} times; the next try: {at}.', attempts, { at: moment(due) })
      : count('Tried once; the next try is due.', 'Tried {count} times; the next try is due.', attempts);
  }
  return later
    ? t('It leaves once its series is complete and its tags are written, not before {at}.', { at: moment(due) })
    : t('It leaves once its series is complete and its tags are written, and when it is its turn.');
}
