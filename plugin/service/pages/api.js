// The plugin's REST API, found from this file's own address: works behind any proxy prefix.

import { t } from './language.js';
import { plainReason } from './sentences.js';

const ROOT = new URL('../', import.meta.url);
const ORTHANC = new URL('../', ROOT);

export class ApiError extends Error {
  /** `present` is the annotation that stands now, where another one was expected (412). */
  constructor(status, text, present = null) {
    super(text);
    this.status = status;
    this.present = present;
  }

  /** Whether nobody answered, or nobody who knows: asked again in a moment, there may be an answer. */
  get mayPass() {
    return [0, 502, 503, 504].includes(this.status);
  }
}

/** The address of a route, with the non-empty ones among the query parameters. */
export function address(path, query = {}) {
  const url = new URL(path, ROOT);
  for (const [name, value] of Object.entries(query)) {
    if (value !== '' && value !== null && value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}

/** The address of one of Orthanc's own resources. */
export function orthanc(path) {
  return new URL(path, ORTHANC).href;
}

const asked = new Map();
const KEPT = 8;
const FRESH = 60_000;
/* Milliseconds for which an answer that was asked for ahead is as good as a new one: what changed
   meanwhile is found out by its revision, before anything is written. */

/** Ask now for what a `get` of the same will want in a moment: it need not wait for other things. */
export function askAhead(path, query) {
  const url = address(path, query);
  const answer = send('GET', url);
  asked.set(url, { answer, at: Date.now() });
  if (asked.size > KEPT) asked.delete(asked.keys().next().value);
  answer.catch(() => asked.delete(url));
}

export function get(path, query, signal) {
  const url = address(path, query);
  const ahead = asked.get(url);
  asked.delete(url);
  const fresh = ahead && Date.now() - ahead.at < FRESH;
  return fresh ? ahead.answer : send('GET', url, { signal });
}

export function getOrthanc(path) {
  return send('GET', orthanc(path));
}

/** Bytes, and the headers that came with them; many of them take as long as the line needs. */
export function getBytes(path, query) {
  return send('GET', address(path, query), { long: true, read: async (response) => ({ bytes: await response.arrayBuffer(), headers: response.headers }) });
}

/** `revision` is that of the annotation that the person saw; another one is refused with 412. */
export function put(path, body, revision) {
  return send('PUT', address(path), { body, revision });
}

export function post(path, body = {}) {
  return send('POST', address(path), { body });
}

/** A DICOM file as the body. */
export function postFile(path, file) {
  return send('POST', address(path), { file });
}

/** `revision` as of `put`. */
export function remove(path, revision) {
  return send('DELETE', address(path), { revision });
}

const TRIES = 4;
const LONGEST_PAUSE = 2;
const LONGEST_WAIT = 120_000;
/* Milliseconds after which nobody answers any more: a connection that sleeps does not say so. A file takes as long as it needs. */
const KEPT_ALIVE = 60_000;
/* UTF-16 units of a body that a browser still sends where the page is left meanwhile; the Fetch standard allows 64 KiB. */

let waiting = 0;

/** Whether something that is no mere question waits to be sent again. */
export function waits() {
  return waiting > 0;
}

/** Ask; what the service had no time for, and did not begin, is asked for again when it says so. */
async function send(method, url, { read = (response) => response.json(), signal, long = false, ...given } = {}) {
  // What was asked for ahead may be another one after it; one picture's word is that picture's.
  if (method === 'PUT') asked.delete(url);
  else if (method !== 'GET') asked.clear();
  for (let tries = 1; ; tries += 1) {
    try {
      return await once(url, request(method, given), read, { signal, long });
    } catch (error) {
      if (!error.again || tries === TRIES) throw error;
      const said = method !== 'GET';
      if (said) waiting += 1;
      await new Promise((resolve) => { setTimeout(resolve, 1000 * error.again); });
      if (said) waiting -= 1;
    }
  }
}

function request(method, { body, file, revision }) {
  // Whatever sends elsewhere is the login of a proxy: its page would pass for an answer.
  const made = { method, credentials: 'same-origin', headers: {}, redirect: 'manual' };
  // No other site's page can send this type: see service/routes/guard.py.
  if (method !== 'GET') made.headers['Content-Type'] = file ? 'application/dicom' : 'application/json';
  if (revision) made.headers['If-Match'] = `"${revision}"`;
  if (body !== undefined || file) made.body = file ?? JSON.stringify(body);
  // A word that is on its way arrives, whatever becomes of the page.
  made.keepalive = method !== 'GET' && !file && (made.body ?? '').length < KEPT_ALIVE;
  return made;
}

/** Ask once. The body of an answer can be lost on its way, too; a `long` one is waited for. */
async function once(url, made, read, { signal, long }) {
  // Not AbortSignal.any, which browsers before 2024 have not.
  const end = new AbortController();
  const leave = () => end.abort();
  if (signal?.aborted) leave();
  signal?.addEventListener('abort', leave);
  const late = made.body instanceof Blob ? null
    : setTimeout(() => end.abort(new DOMException('nobody answers', 'TimeoutError')), LONGEST_WAIT);
  let response;
  try {
    response = await fetch(url, { ...made, signal: end.signal });
    if (long) clearTimeout(late);
    if (response.ok && !isPage(response)) return await read(response);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, t(navigator.onLine ? 'Orthanc does not answer.' : 'This computer is offline.'));
  } finally {
    clearTimeout(late);
    signal?.removeEventListener('abort', leave);
  }
  const answer = await response.json().catch(() => ({}));
  if (response.status === 412) throw new ApiError(412, t('Somebody else changed this meanwhile.'), answer);
  if (response.ok || response.status === 401 || response.type === 'opaqueredirect') throw new ApiError(401, t('You are no longer signed in: sign in again in another tab, then try once more.'));
  const unsaid = response.status === 403 ? t('You are not allowed to do this.') : t('Orthanc answered {status}.', { status: response.status });
  const failure = new ApiError(response.status, plainReason(answer.details) || unsaid);
  const pause = Number(response.headers.get('Retry-After'));
  if (answer.error === 'Busy' && pause > 0 && pause <= LONGEST_PAUSE) failure.again = pause;
  throw failure;
}

/** Whether it is a page for people, as the login of some proxies, which comes in the place of an answer. */
function isPage(response) {
  return response.headers.get('Content-Type')?.startsWith('text/html') ?? false;
}
