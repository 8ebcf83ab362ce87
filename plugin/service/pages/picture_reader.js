// Pictures are read by a worker, one after the other.

import { ApiError, getBytes } from './api.js';
import { t } from './language.js';

const waiting = new Map();
let worker = null;
let last = 0;

/**
 * Fetch and read an instance's picture: as `parseGraymap`, with `usual` where the file asks for no
 * window, and `drawn`, a bitmap of it through the one or the other.
 */
export async function readPicture(instance) {
  const { bytes, headers } = await getBytes(`instances/${instance}/picture`);
  const told = { values: headers.get('BodyPart-Values'), window: headers.get('BodyPart-Window') };
  return new Promise((resolve, reject) => {
    last += 1;
    waiting.set(last, { resolve, reject });
    worker ??= started();
    worker.postMessage({ number: last, bytes, told }, [bytes]);
  });
}

function started() {
  const made = new Worker(new URL('picture_worker.js', import.meta.url), { type: 'module' });
  made.addEventListener('message', ({ data: { number, picture, trouble } }) => {
    const { resolve, reject } = waiting.get(number);
    waiting.delete(number);
    if (picture) resolve(picture);
    else reject(new Error(trouble));
  });
  // It could not be loaded: the next picture tries it again.
  made.addEventListener('error', () => {
    made.terminate();
    worker = null;
    for (const { reject } of waiting.values()) reject(new ApiError(0, t('Orthanc does not answer.')));
    waiting.clear();
  });
  return made;
}
