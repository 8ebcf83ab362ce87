// The statistics view: what the archive holds, where header and picture differ, how often the
// machine was right.

import { address, get } from './api.js';
import { agreementChart, calibrationChart, legend } from './charts.js';
import { element, entry } from './elements.js';
import { naming } from './words.js';

export async function show(section) {
  const [found, name] = await Promise.all([get('statistics'), naming()]);
  section.replaceChildren(element('div', { class: 'cards' },
    overview(found), counts(found.examined, name), calibration(found.calibration),
    matrix(found.confusion, name), agreement(found.agreement), downloads()));
}

function card(title, text, kind, ...content) {
  return element('section', { class: `card ${kind}`, tabindex: 0, 'aria-label': title },
    element('h2', {}, title), element('p', {}, text), ...content);
}

function overview({ states, reviews }) {
  const figures = element('dl', { class: 'figures' });
  const figure = (term, value) => figures.append(element('div', {}, ...entry(term, value.toLocaleString())));
  figure('annotated', (states.done ?? 0) + (states.skipped ?? 0));
  figure('waiting for a review', reviews.waiting);
  figure('reviewed', reviews.reviewed);
  figure('of these corrected', reviews.corrected);
  figure('failed', states.failed ?? 0);
  return card('Overview', 'Instances in this archive.', 'wide', figures);
}

function counts(examined, name) {
  const most = Math.max(...examined.map((row) => row.instances), 1);
  const rows = examined.map((row) => {
    const bar = element('span', { class: 'bar' });
    bar.style.setProperty('--share', row.instances / most);
    return element('tr', {},
      element('th', { scope: 'row' }, element('a', { href: address('ui/', { show: 'all', label: row.label }) }, name(row.label))),
      element('td', {}, bar), element('td', {}, row.instances.toLocaleString()));
  });
  return card('Body parts', 'Examined part of each instance.', '',
    element('table', { class: 'counts' }, element('tbody', {}, rows)), empty(rows));
}

function calibration(bins) {
  return card('Calibration', 'Of the reviewed answers: how probable the machine held them, and how often people left them.', '',
    bins.length ? calibrationChart(bins) : '', empty(bins));
}

function matrix(confusion, name) {
  const text = 'Rows: what the header names; columns: what the picture shows. A number opens its instances.';
  const used = (key) => [...new Set(confusion.map((row) => row[key]))].sort((a, b) => name(a).localeCompare(name(b)));
  const columns = used('image');
  const most = Math.log1p(Math.max(...confusion.map((row) => row.instances), 1));
  const cell = (header, image) => {
    const found = confusion.find((row) => row.header === header && row.image === image);
    if (!found) return element('td');
    const node = element('td', { class: header === image ? 'same' : 'other' }, element('a', {
      href: address('ui/', { show: 'all', header, picture: image }),
      'aria-label': `header ${name(header)}, picture ${name(image)}: ${found.instances}`,
    }, found.instances.toLocaleString()));
    node.style.setProperty('--share', Math.log1p(found.instances) / most);
    return node;
  };
  return card('Header against picture', text, 'wide', element('table', { class: 'matrix' },
    element('thead', {}, element('tr', {}, element('td'),
      columns.map((label) => element('th', { scope: 'col' }, name(label))))),
    element('tbody', {}, used('header').map((header) => element('tr', {},
      element('th', { scope: 'row' }, name(header)), columns.map((image) => cell(header, image)))))), empty(confusion));
}

function agreement(rows) {
  return card('Agreement over time', 'By month of the study: do picture and header say the same?', 'wide',
    rows.length ? agreementChart(rows) : '', rows.length ? legend() : '', empty(rows));
}

function downloads() {
  const link = (text, path, format) => element('a', { href: address(path, { format }), download: `bodypart-${path}.${format}` }, text);
  return card('Export', 'What people confirmed, in the format of a training manifest; and who said what, when.', 'wide',
    element('div', { class: 'downloads' },
      link('Confirmed labels (CSV)', 'manifest', 'csv'), link('Confirmed labels (JSON)', 'manifest', 'json'),
      link('Audit trail (CSV)', 'audit', 'csv'), link('Audit trail (JSON)', 'audit', 'json')));
}

function empty(rows) {
  return rows.length ? '' : element('p', { class: 'quiet' }, 'Nothing yet.');
}
