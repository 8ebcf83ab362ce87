// Where one is: view, filters and order stand in the address, so that a place can be kept and sent.

import { tab } from './storage.js';

const KEPT = 'bodypart-place';

/** What stands in the address, without empty values. */
export function query() {
  return Object.fromEntries([...new URLSearchParams(location.search)].filter(([, value]) => value));
}

/** Change what stands in the address; an empty value takes a name out. */
export function change(values) {
  const search = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === '' || value === null || value === undefined) search.delete(name);
    else search.set(name, value);
  }
  replace(search);
}

/** Take everything out of the address but the view. */
export function clear() {
  replace(new URLSearchParams());
}

function replace(search) {
  const text = search.toString();
  history.replaceState(history.state, '', `${location.pathname}${text && `?${text}`}${location.hash}`);
}

/** The address of a view with other filters than the present ones. */
export function elsewhere(view, values) {
  const search = new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
  return `${location.pathname}${search && `?${search}`}#${view}`;
}

/**
 * Where a sheet was scrolled to, for a reload to come back to: {instance, below}, null for its
 * beginning; and what was marked on it, as [[instance, revision]].
 */
export function remember(pages, top, marked) {
  tab.set(KEPT, JSON.stringify({ search: location.search, pages, top, marked }));
}

/** What was remembered of this very address: {pages, top, marked}. */
export function remembered() {
  const kept = tab.json(KEPT);
  return kept?.search === location.search ? kept : { pages: 1, top: null, marked: [] };
}
