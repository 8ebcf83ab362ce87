// Two small charts, drawn as SVG.

import { element } from './elements.js';
import { lastDay, month as named, t } from './language.js';
import { elsewhere } from './place.js';
import { AGREEMENTS, percent } from './words.js';

const NAMESPACE = 'http://www.w3.org/2000/svg';

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Stacked shares by month: rows of {month, agreement, instances}. */
export function agreementChart(rows) {
  const [width, height, left, bottom] = [720, 220, 44, 30];
  const months = [...new Set(rows.map((row) => row.month))].sort();
  const step = (width - left) / months.length;
  const every = Math.ceil(75 / step);
  const totals = months.map((month) => rows.filter((row) => row.month === month).reduce((sum, row) => sum + row.instances, 0));
  const most = Math.sqrt(Math.max(...totals));
  const chart = svg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'chart', role: 'group', 'aria-label': describeMonths(rows, months) });
  for (const share of [0, 0.5, 1]) chart.append(...gridLine(share, percent(share), left, width, height - bottom));
  months.forEach((month, number) => {
    const here = rows.filter((row) => row.month === month);
    const total = totals[number];
    // As wide as the month has pictures, so that one picture does not look like a thousand.
    const wide = Math.max(2, step * 0.85 * Math.sqrt(total) / most);
    let top = height - bottom;
    for (const key of Object.keys(AGREEMENTS)) {
      const row = here.find((one) => one.agreement === key);
      if (!row) continue;
      const tall = ((height - bottom - 10) * row.instances) / total;
      top -= tall;
      const title = svg('title', {}, `${named(month)}: ${AGREEMENTS[key]}, ${row.instances} / ${total}`);
      const bar = svg('rect', { x: left + (number + 0.5) * step - wide / 2, y: top, width: wide, height: tall, class: key }, title);
      const href = elsewhere('sheet', { show: 'all', agreement: key, from: `${month}01`, to: lastDay(month) });
      chart.append(svg('a', { href, 'aria-label': title.textContent }, bar));
    }
    if (number % every === 0) {
      chart.append(svg('text', { x: left + (number + 0.5) * step, y: height - 10, 'text-anchor': 'middle' },
        named(month)));
    }
  });
  return chart;
}

/** A reliability diagram: bins of {probability, right, reviewed}. */
export function calibrationChart(bins) {
  const [width, height, left, bottom] = [420, 280, 44, 40];
  const x = (share) => left + share * (width - left - 12);
  const y = (share) => height - bottom - share * (height - bottom - 10);
  const said = bins.map((bin) => t('held for {held}, right {right} of {reviewed}', { held: percent(bin.probability), right: percent(bin.right), reviewed: bin.reviewed }));
  const chart = svg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'chart', role: 'img', 'aria-label': said.join('; ') });
  for (const share of [0, 0.5, 1]) {
    chart.append(...gridLine(share, percent(share), left, width, height - bottom),
      svg('text', { x: x(share), y: height - bottom + 16, 'text-anchor': 'middle' }, percent(share)));
  }
  chart.append(svg('line', { x1: x(0), y1: y(0), x2: x(1), y2: y(1), class: 'ideal' }));
  chart.append(svg('text', { x: x(0.5), y: height - 4, 'text-anchor': 'middle' }, t('probability the machine gave')));
  const most = Math.max(...bins.map((bin) => bin.reviewed));
  bins.forEach((bin, number) => chart.append(svg('circle', {
    cx: x(bin.probability), cy: y(bin.right), r: 4 + 8 * Math.sqrt(bin.reviewed / most), class: 'point',
  }, svg('title', {}, said[number]))));
  return chart;
}

export function legend() {
  return element('ul', { class: 'legend' }, Object.entries(AGREEMENTS).map(([key, text]) => element(
    'li', {}, element('i', { class: key }), text)));
}

function gridLine(share, text, left, right, base) {
  const y = base - share * (base - 10);
  return [svg('line', { x1: left, x2: right, y1: y, y2: y, class: 'axis' }),
    svg('text', { x: left - 6, y: y + 4, 'text-anchor': 'end' }, text)];
}

function describeMonths(rows, months) {
  return months.map((month) => {
    const here = rows.filter((row) => row.month === month);
    return `${named(month)}: ${here.map((row) => `${AGREEMENTS[row.agreement]} ${row.instances}`).join(', ')}`;
  }).join('; ');
}
