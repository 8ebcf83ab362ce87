// The back-fill asks before it begins: how many pictures, and what becomes of their files.

import { ask } from './ask.js';
import { count, t } from './language.js';

const FEW_LOOKS = 3;

/** Ask a person; resolves to whether to begin. `progress` is the answer of `GET backfill`. */
export function askBeforeBackfill(progress, tags) {
  return ask(t('Annotate what has no annotation yet?'), [
    progress.open
      ? count('{count} picture of this archive has none.', '{count} pictures of this archive have none.', progress.open)
      : t('Every picture of this archive has one; the archive is looked through once more.'),
    tags === 'in-place'
      ? t('Sure answers are written into the stored DICOM files. The original values are kept and can be given back.')
      : t('The stored DICOM files stay as they are.'),
    t('It runs in the background, goes on after a restart, and can be stopped at any time.'),
  ], t('Begin'));
}

/** How fast it goes and how long it takes, of looks [{at, done}]; empty as long as nobody can tell. */
export function timeLeft(looks, pending) {
  if (looks.length < FEW_LOOKS) return '';
  const seconds = (looks.at(-1).at - looks[0].at) / 1000;
  const done = looks.at(-1).done - looks[0].done;
  if (done <= 0) return '';
  const minutes = Math.ceil(pending * seconds / done / 60);
  const rate = t('{rate} a minute', { rate: Math.round(done / seconds * 60) });
  const left = minutes < 90
    ? count('{count} minute left', '{count} minutes left', minutes)
    : count('{count} hour left', '{count} hours left', Math.round(minutes / 60));
  return `${rate}, ${left}`;
}
