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
  const answer = send('GET', url).then((response) => response.json());
  asked.set(url, { answer, at: Date.now() });
  if (asked.size > KEPT) asked.delete(asked.keys().next().value);
  answer.catch(() => asked.delete(url));
}

export async function get(path, query, signal) {
  const url = address(path, query);
  const ahead = asked.get(url);
  asked.delete(url);
  const fresh = ahead && Date.now() - ahead.at < FRESH;
  return fresh ? ahead.answer : (await send('GET', url, { signal })).json();
}

export async function getOrthanc(path) {
  return (await send('GET', orthanc(path))).json();
}

/** Bytes, and the headers that came with them. */
export async function getBytes(path, query) {
  const response = await send('GET', address(path, query));
  return { bytes: await response.arrayBuffer(), headers: response.headers };
}

/** `revision` is that of the annotation that the person saw; another one is refused with 412. */
export async function put(path, body, revision) {
  return (await send('PUT', address(path), { body, revision })).json();
}

export async function post(path, body = {}) {
  return (await send('POST', address(path), { body })).json();
}

/** A DICOM file as the body. */
export async function postFile(path, file) {
  return (await send('POST', address(path), { file })).json();
}

/** `revision` as of `put`. */
export async function remove(path, revision) {
  return (await send('DELETE', address(path), { revision })).json();
}

async function send(method, url, { body, file, signal, revision } = {}) {
  const request = { method, signal, credentials: 'same-origin', headers: {} };
  if (method !== 'GET') {
    // No other site's page can send this type: see service/routes/guard.py.
    request.headers['Content-Type'] = 'application/json';
    // What was asked for ahead may be another one after it; one picture's word is that picture's.
    if (method === 'PUT') asked.delete(url);
    else asked.clear();
  }
  if (revision) request.headers['If-Match'] = `"${revision}"`;
  if (body !== undefined) request.body = JSON.stringify(body);
  if (file) Object.assign(request, { body: file, headers: { 'Content-Type': 'application/dicom' } });
  let response;
  try {
    response = await fetch(url, request);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, t(navigator.onLine ? 'Orthanc does not answer.' : 'This computer is offline.'));
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  if (response.status === 412) throw new ApiError(412, t('Somebody else changed this meanwhile.'), answer);
  throw new ApiError(response.status, plainReason(answer.details) || t('Orthanc answered {status}.', { status: response.status }));
}
