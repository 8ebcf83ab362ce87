// The plugin's REST API, found from this file's own address: works behind any proxy prefix.

const ROOT = new URL('../', import.meta.url);
const ORTHANC = new URL('../', ROOT);

export class ApiError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
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

export async function get(path, query) {
  return (await send('GET', address(path, query))).json();
}

export async function getBytes(path, signal) {
  return (await send('GET', address(path), undefined, signal)).arrayBuffer();
}

export async function put(path, body) {
  return (await send('PUT', address(path), body)).json();
}

export async function post(path, body = {}) {
  return (await send('POST', address(path), body)).json();
}

export async function remove(path) {
  return (await send('DELETE', address(path))).json();
}

async function send(method, url, body, signal) {
  const request = { method, signal, credentials: 'same-origin' };
  // No other site's page can send this type: see refuse_cross_site.
  if (method !== 'GET') request.headers = { 'Content-Type': 'application/json' };
  if (body !== undefined) request.body = JSON.stringify(body);
  let response;
  try {
    response = await fetch(url, request);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'Orthanc does not answer');
  }
  if (!response.ok) throw new ApiError(response.status, await reason(response));
  return response;
}

async function reason(response) {
  try {
    return (await response.json()).details;
  } catch {
    return `Orthanc answered ${response.status}`;
  }
}
