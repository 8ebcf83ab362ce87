// The review page put together: list, picture, answer, keys.

import { get, post, put } from './api.js';
import { askForCorrection } from './correction.js';
import { Detail } from './detail.js';
import { Filters } from './filters.js';
import { listen, showHelp } from './keys.js';
import { Progress } from './progress.js';
import { Viewer } from './viewer.js';
import { WorkList } from './worklist.js';
import { naming } from './words.js';

const byId = (id) => document.getElementById(id);
const MESSAGE_TIME = 6000;
let annotation = null;

const viewer = new Viewer(byId('picture'));
const act = {
  confirm: () => review({ examined: annotation?.examined?.label ?? null }),
  takePicture: () => take(annotation.image?.rejected ? null : annotation.image?.top?.[0]?.label),
  takeHeader: () => take(annotation.header?.label),
  correct, classify,
  next: () => guarded(() => list.next()),
  explain: (label) => viewer.explain(label),
};
const detail = new Detail(byId('detail'), act);
const filters = new Filters(byId('filters'), () => guarded(() => list.load()));
const list = new WorkList({
  head: byId('list-head'), lines: byId('lines'), paging: byId('paging'),
  query: () => filters.query, chosen: (line, next) => guarded(() => show(line, next)),
  selected: (lines) => guarded(() => confirmAll(lines)),
});

async function show(line, next) {
  annotation = null;
  if (!line) {
    viewer.clear();
    detail.clear('Nothing to review here. Other filters may show more.');
    return;
  }
  const [found, name] = await Promise.all([get(`instances/${line.instance}`), naming()]);
  if (list.current !== line) return;
  annotation = found;
  const seen = found.image?.top?.[0]?.label ?? null;
  const description = `Radiograph: ${found.examined ? name(found.examined.label) : 'body part unknown'}`;
  await Promise.all([detail.show(found, line), viewer.show(line.instance, seen, description)]);
  if (next) viewer.prepare(next.instance);
}

function take(label) {
  return label ? review({ examined: label }) : undefined;
}

function review(body) {
  if (!annotation) return undefined;
  const { instance } = annotation;
  return guarded(async () => {
    const answer = await put(`instances/${instance}`, body);
    list.reviewed(instance, answer);
    await list.next();
    if (list.current?.instance === instance) await show(list.current, null);
  });
}

function correct() {
  if (!annotation) return undefined;
  return guarded(async () => {
    const { image, examined, laterality } = annotation;
    const body = await askForCorrection({
      suggestions: image?.top ?? [], current: { label: examined?.label, side: laterality?.value },
    });
    list.focus();
    if (body) await review(body);
  });
}

function classify() {
  if (!annotation) return undefined;
  const line = list.current;
  return guarded(async () => {
    const answer = await post(`instances/${annotation.instance}`);
    if (list.current !== line) return;  // Another picture is shown by now.
    annotation = answer;
    await detail.show(answer, list.current);
  });
}

async function confirmAll(lines) {
  const answer = await post('reviews', { instances: lines.map((line) => line.instance) });
  const failed = Object.keys(answer.failed).length;
  await list.load(list.since);
  tell(`${answer.reviewed} confirmed${failed ? `, ${failed} could not be confirmed` : ''}.`);
}

async function guarded(work) {
  try {
    return await work();
  } catch (error) {
    tell(error.message);
    return undefined;
  }
}

function tell(text) {
  const node = byId('message');
  node.textContent = text;
  node.hidden = false;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { node.hidden = true; }, MESSAGE_TIME);
}

const whenShown = (action) => () => (annotation ? action() : undefined);
const KEYS = [
  [['Enter', 'c'], 'Confirm and go on', whenShown(act.confirm)],
  [['e'], 'Correct: type to search, Enter to save', correct],
  [['p'], 'Take what the picture says', whenShown(act.takePicture)],
  [['h'], 'Take what the header says', whenShown(act.takeHeader)],
  [['j', 'ArrowDown'], 'Next', act.next],
  [['k', 'ArrowUp'], 'Previous', () => guarded(() => list.previous())],
  [['x'], 'Select for bulk confirmation', () => list.toggle()],
  [['m'], 'Heat map on or off', () => viewer.toggleHeat()],
  [['i'], 'Invert the picture', () => viewer.invert()],
  [['r'], 'Reset window and level', () => viewer.reset()],
  [['/'], 'Filters', openFilters],
  [['?'], 'This help', () => showHelp(KEYS)],
];

function openFilters() {
  byId('filters').open = true;
  byId('filter-show').focus();
}

function route() {
  const statistics = location.hash === '#statistics';
  byId('worklist').hidden = statistics;
  byId('statistics').hidden = !statistics;
  byId('to-worklist').setAttribute('aria-current', statistics ? 'false' : 'page');
  byId('to-statistics').setAttribute('aria-current', statistics ? 'page' : 'false');
  if (statistics) guarded(async () => (await import('./statistics.js')).show(byId('statistics')));
}

function switchTheme() {
  const dark = getComputedStyle(document.body).colorScheme === 'dark'
    || (!document.body.dataset.theme && matchMedia('(prefers-color-scheme: dark)').matches);
  document.body.dataset.theme = dark ? 'light' : 'dark';
  localStorage.setItem('bodypart-theme', document.body.dataset.theme);
}

const theme = localStorage.getItem('bodypart-theme');
if (theme === 'light' || theme === 'dark') document.body.dataset.theme = theme;
byId('theme').addEventListener('click', switchTheme);
byId('help').addEventListener('click', () => showHelp(KEYS));
window.addEventListener('hashchange', route);
listen(KEYS);
route();
new Progress(byId('progress'), (error) => tell(error.message));
guarded(() => list.load()).then(() => {
  list.focus();
  document.body.dataset.ready = 'yes';
});
guarded(async () => filters.offer((await get('statistics')).modalities));
