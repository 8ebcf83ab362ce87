// The statistics: what the archive holds, where header and picture differ, how often the machine
// was right. Every number opens its pictures in a sheet.

import { get } from './api.js';
import { agreementChart, calibrationChart, legend } from './charts.js';
import { button, element, entry, onlyOnce } from './elements.js';
import { compared, numeral, t } from './language.js';
import { changesMeaning, changesTable } from './learned_changes.js';
import { elsewhere } from './place.js';
import { saveTable } from './tables.js';
import { naming } from './words.js';

const ENOUGH_REVIEWS = 50;
const ENOUGH_IN_A_BIN = 10;
const MOSTLY = 0.5;

/** `page` has guarded(work). */
export async function show(section, page) {
  section.replaceChildren(element('p', { class: 'note', role: 'status' }, t('Loading…')));
  const asked = Promise.all([get('statistics'), get('memory/changes').catch(() => null), naming()]);
  const [found, changes, name] = await asked.catch((error) => {
    section.replaceChildren(element('p', { class: 'note', role: 'status' }, error.message, ' ', button(t('Try again'), { click: () => page.guarded(() => show(section, page)) })));
    throw error;
  });
  section.replaceChildren(element('div', { class: 'cards' },
    overview(found), counts(found.examined, name), calibration(found),
    // Where others ask the same, it is not answered; the rest is.
    changes ? card(t('What was learned changed'), changesMeaning(), 'wide', changesTable(changes, name)) : '',
    matrix(found.confusion, name), agreement(found.agreement), downloads(page)));
}

function card(title, text, kind, ...content) {
  return element('section', { class: `card ${kind}`, tabindex: 0, 'aria-label': title },
    element('h2', {}, title), element('p', {}, text), ...content);
}

function overview({ states, reviews }) {
  const figures = element('dl', { class: 'figures' });
  const figure = (term, value, view) => figures.append(element('div', {}, ...entry(term,
    view ? element('a', { href: elsewhere('sheet', { show: view }) }, numeral(value)) : numeral(value))));
  figure(t('annotated'), (states.done ?? 0) + (states.skipped ?? 0), 'all');
  figure(t('waiting for a review'), reviews.waiting, 'review');
  figure(t('reviewed'), reviews.reviewed, 'reviewed');
  figure(t('of these corrected'), reviews.corrected, 'corrected');
  figure(t('failed'), states.failed ?? 0, 'failed');
  return card(t('Overview'), t('Pictures of this archive.'), 'wide', figures);
}

function counts(examined, name) {
  const most = Math.max(...examined.map((row) => row.series), 1);
  const rows = examined.map((row) => {
    const bar = element('span', { class: 'bar' });
    bar.style.setProperty('--share', row.series / most);
    return element('tr', {},
      element('th', { scope: 'row' }, element('a', { href: elsewhere('sheet', { show: 'all', label: row.label }) }, name(row.label))),
      element('td', {}, bar), element('td', {}, numeral(row.series)));
  });
  return card(t('Body parts'), t('Series by examined part; the slices of a CT count once.'), '',
    element('table', { class: 'counts' }, element('tbody', {}, rows)), empty(rows));
}

/** Nothing is drawn of so few cases that chance decides where the points lie. */
function calibration({ calibration: bins, reviews }) {
  const reviewed = bins.reduce((sum, bin) => sum + bin.reviewed, 0);
  const enough = bins.filter((bin) => bin.reviewed >= ENOUGH_IN_A_BIN);
  const notes = [];
  if (reviewed < ENOUGH_REVIEWS || !enough.length) {
    notes.push(t('{reviewed} answers were reviewed; the chart appears from {enough} on.', { reviewed, enough: ENOUGH_REVIEWS }));
  }
  if (reviews.reviewed && reviews.conflicts / reviews.reviewed > MOSTLY) {
    notes.push(t('{conflicts} of {reviewed} reviewed pictures were conflicts. Those are the hard ones: of all pictures, more are right.', { conflicts: reviews.conflicts, reviewed: reviews.reviewed }));
  }
  return card(t('Calibration'), t('Of the reviewed answers: how probable the machine held them, and how often people left them.'), '',
    reviewed >= ENOUGH_REVIEWS && enough.length ? calibrationChart(enough) : '', notes.map((text) => element('p', { class: 'message' }, text)));
}

function matrix(confusion, name) {
  const text = t('Rows: what the header names; columns: what the picture shows. Red: one exposure cannot be both.');
  const used = (key) => [...new Set(confusion.map((row) => row[key]))].sort((a, b) => compared(name(a), name(b)));
  const columns = used('image');
  const most = Math.log1p(Math.max(...confusion.map((row) => row.instances), 1));
  const cell = (header, image) => {
    const found = confusion.find((row) => row.header === header && row.image === image);
    if (!found) return element('td');
    const node = element('td', { class: found.compatible ? 'same' : 'other' }, element('a', {
      href: elsewhere('sheet', { show: 'all', header, picture: image }),
      'aria-label': t('header {header}, picture {picture}: {count}', { header: name(header), picture: name(image), count: found.instances }),
    }, numeral(found.instances)));
    node.style.setProperty('--share', Math.log1p(found.instances) / most);
    return node;
  };
  return card(t('Header against picture'), text, 'wide', element('table', { class: 'matrix' },
    element('thead', {}, element('tr', {}, element('td'),
      columns.map((label) => element('th', { scope: 'col' }, name(label))))),
    element('tbody', {}, used('header').map((header) => element('tr', {},
      element('th', { scope: 'row' }, name(header)), columns.map((image) => cell(header, image)))))), empty(confusion));
}

function agreement(rows) {
  return card(t('Agreement over time'), t('By month of the study: do picture and header say the same? A narrow bar stands for few pictures.'), 'wide',
    rows.length ? agreementChart(rows) : '', rows.length ? legend() : '', empty(rows));
}

function downloads(page) {
  const save = (text, table, format) => {
    const node = button(text, { click: () => onlyOnce(node, () => page.guarded(() => saveTable(table, format))) });
    return node;
  };
  return card(t('Export'), t('What people confirmed, in the format of a training manifest; and who said what, when.'), 'wide',
    element('div', { class: 'downloads' },
      save(t('Confirmed labels (CSV)'), 'manifest', 'csv'), save(t('Confirmed labels (JSON)'), 'manifest', 'json'),
      save(t('Audit trail (CSV)'), 'audit', 'csv'), save(t('Audit trail (JSON)'), 'audit', 'json')));
}

function empty(rows) {
  return rows.length ? '' : element('p', { class: 'quiet' }, t('Nothing yet.'));
}
