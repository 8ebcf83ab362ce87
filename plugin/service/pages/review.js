// The pages put together: views, keys, undo, progress, colours.

import { ApiError, askAhead, get, orthanc } from './api.js';
import { listen, showHelp } from './keys.js';
import { LANGUAGES, count, language, learn, speak, t } from './language.js';
import { Progress } from './progress.js';
import { Reviewing } from './reviewing.js';
import { notDone } from './sentences.js';
import { PAGE, sheetQuery } from './sheet_filters.js';
import { browser, tab } from './storage.js';
import { Toast } from './toast.js';
import { knowledge } from './words.js';

const byId = (id) => document.getElementById(id);
const reviewing = new Reviewing(tab);
const toast = new Toast(byId('message'), undo);
const page = { reviewing, toast, guarded, undo };
const VIEWS = { sheet: 'sheet-view', study: 'study', films: 'films', deliveries: 'deliveries', learned: 'learned', statistics: 'statistics' };
const MODULES = {
  sheet: ['./sheet.js', 'Sheet'], study: ['./study.js', 'Study'], films: ['./film.js', 'Film'],
  deliveries: ['./deliveries.js', 'Deliveries'], learned: ['./learned.js', 'Learned'],
};
const OWN_WORDS = { deliveries: 'deliveries', learned: 'learned', statistics: 'learned' };
const EXPLORER = { patients: 'patient', studies: 'study', series: 'series', instances: 'instance' };
const views = {};
const making = {};
const lost = new Set();
/* Modules that could not be loaded. */
const AGAIN = 2000;
let shown;
let shownSearch;

/** Do something; what goes wrong is told, with `further` words that only then are known. */
async function guarded(work, further = () => '') {
  try {
    return await work();
  } catch (error) {
    toast.tell([error.message, further()].filter(Boolean).join(' '));
    return undefined;
  }
}

function undo() {
  return guarded(async () => {
    toast.tellIfLate(t('Taking back… {done}', { done: 0 }));
    const outcome = await reviewing.undo((done) => toast.tell(t('Taking back… {done}', { done }), { stays: true }));
    if (!outcome) return toast.tell(t('There is nothing to undo.'));
    const failed = Object.values(outcome.failed);
    return toast.tell(count('{count} answer taken back.', '{count} answers taken back.', outcome.done.size)
      + notDone(failed));
  });
}

function keys() {
  return [
    ...(views[shown]?.keys ?? []),
    [['z'], null, undo],
    [['?'], t('This help'), help],
  ];
}

function help() {
  showHelp(keys().filter(([, text]) => text));
}

/** The view that the address names; one picture is a film, a study stands side by side. */
function wanted() {
  const name = location.hash.slice(1);
  if (Object.hasOwn(VIEWS, name)) return name;
  const given = new URLSearchParams(location.search);
  if (given.has('instances')) return given.get('instances').includes(',') ? 'sheet' : 'films';
  return given.has('studies') || given.has('series') ? 'study' : 'sheet';
}

async function route() {
  const name = wanted();
  for (const [one, id] of Object.entries(VIEWS)) {
    byId(id).hidden = one !== name;
    byId(`to-${one}`).setAttribute('aria-current', one === name ? 'page' : 'false');
  }
  document.title = `${byId(`to-${name}`).textContent} · ${t('Body parts')}`;
  // What was asked on another view is not answered on this one.
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
  // Another place of the same view is loaded anew; so is a view that was left.
  if (name === shown && shownSearch === location.search) return;
  [shown, shownSearch] = [name, location.search];
  try {
    if (OWN_WORDS[name]) await learn(OWN_WORDS[name]);
    if (name === 'statistics') await (await loaded('./statistics.js')).show(byId('statistics'), page);
    else await (await view(name)).open();
  } catch (error) {
    // It is opened anew once there is an answer again.
    shownSearch = undefined;
    throw error;
  }
}

/** What a browser kept when one left, and shows on the way back, is brought up to date where it stands. */
function returned() {
  // What is being typed stays; once it is sent, its revision tells whether it was about an old answer.
  if (document.querySelector('dialog[open]:not(.loupe)')) return undefined;
  document.querySelector('dialog.loupe')?.close();
  if (views[shown]?.returned && shownSearch !== undefined) return views[shown].returned();
  shownSearch = undefined;
  return route();
}

/** The views that were opened: each is made once, also for who comes again before it is there. */
async function view(name) {
  const [file, what] = MODULES[name];
  making[name] ??= loaded(file).then((module) => new module[what](page)).catch((error) => {
    delete making[name];
    throw error;
  });
  return (views[name] = await making[name]);
}

/** A module that is fetched when it is needed. */
async function loaded(file) {
  try {
    return await import(file);
  } catch {
    // Firefox asks for a module once as long as a page stands: what is lost comes with another one, if Orthanc answers.
    if (lost.has(file)) await get('status').then(() => location.reload());
    lost.add(file);
    throw new ApiError(0, t('Orthanc does not answer.'));
  }
}

/** Explorer's page of what the address names, else its start page. */
function whereOneCameFrom() {
  const given = new URLSearchParams(location.search);
  const level = Object.keys(EXPLORER).find((name) => given.get(name) && !given.get(name).includes(','));
  const place = level ? `#${EXPLORER[level]}?uuid=${encodeURIComponent(given.get(level))}` : '';
  return orthanc(`app/explorer.html${place}`);
}

function offerLanguages() {
  const select = byId('language');
  for (const [tag, name] of Object.entries(LANGUAGES)) select.append(new Option(name, tag, false, tag === language));
  select.addEventListener('change', () => speak(select.value));
}

function switchTheme() {
  const dark = getComputedStyle(document.body).colorScheme === 'dark'
    || (!document.body.dataset.theme && matchMedia('(prefers-color-scheme: dark)').matches);
  document.body.dataset.theme = dark ? 'light' : 'dark';
  browser.set('bodypart-theme', document.body.dataset.theme);
}

async function start() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll('[data-text]')) node.textContent = t(node.textContent.trim());
  for (const node of document.querySelectorAll('[aria-label]')) node.setAttribute('aria-label', t(node.getAttribute('aria-label')));
  const theme = browser.get('bodypart-theme');
  if (theme === 'light' || theme === 'dark') document.body.dataset.theme = theme;
  byId('theme').addEventListener('click', switchTheme);
  byId('help').addEventListener('click', help);
  offerLanguages();
  byId('to-explorer').href = whereOneCameFrom();
  if (wanted() === 'sheet') askAhead('sheet', { ...sheetQuery(), limit: PAGE });
  page.known = await lasting(knowledge);
  window.addEventListener('hashchange', () => guarded(route));
  window.addEventListener('pageshow', ({ persisted }) => persisted && guarded(returned));
  // Who leaves now leaves words behind that were not even sent.
  window.addEventListener('beforeunload', (event) => {
    if (!reviewing.unsent) return;
    event.preventDefault();
    // What browsers before 2024 go by.
    event.returnValue = true;
  });
  listen(keys);
  await guarded(route);
  // What stands at the top can wait for what was asked for.
  new Progress(byId('progress'), page).addEventListener('moved', ({ detail }) => {
    if (detail.back && shownSearch === undefined) guarded(route);
    else views[shown]?.moved?.(detail);
  });
}

/** Try until it is done: a service that just starts answers in a moment. */
async function lasting(work) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      toast.tell(error.message);
      await new Promise((resolve) => { setTimeout(resolve, AGAIN); });
    }
  }
}

guarded(start).then(() => { document.body.dataset.ready = 'yes'; });
