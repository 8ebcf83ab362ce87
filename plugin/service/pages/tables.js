// Tables saved whole: the service gives so many rows at a time, and tells where to go on.

import { getBytes } from './api.js';
import { element } from './elements.js';

const ROWS = 10_000;
const KEPT = 60_000;
const GO_ON = { audit: 'since', manifest: 'after' };
const TYPES = { csv: 'text/csv', json: 'application/json' };

/** Have the browser save a table, `audit` or `manifest`, as `csv` or `json`. */
export async function saveTable(table, format) {
  const url = URL.createObjectURL(new Blob(joined(await pages(table, format), format), { type: TYPES[format] }));
  element('a', { href: url, download: `bodypart-${table}.${format}` }).click();
  // Only then is it surely on its way to the disk.
  setTimeout(() => URL.revokeObjectURL(url), KEPT);
}

async function pages(table, format) {
  const found = [];
  let from = '';
  do {
    const { bytes, headers } = await getBytes(table, { format, limit: ROWS, [GO_ON[table]]: from });
    found.push(new TextDecoder().decode(bytes));
    from = headers.get('BodyPart-Next');
  } while (from);
  return found;
}

/** The pages as one table: of CSV the first one's header line, of JSON one array. */
function joined(texts, format) {
  if (format === 'csv') return texts.map((text, number) => (number ? text.slice(text.indexOf('\n') + 1) : text));
  const rows = texts.map((text) => text.trim().slice(1, -1)).filter(Boolean);
  return ['[', rows.join(',\n'), ']'];
}
