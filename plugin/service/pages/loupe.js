// A picture of a sheet, large, as long as somebody looks at it.

import { address, get } from './api.js';
import { element } from './elements.js';
import { date, t } from './language.js';
import { elsewhere } from './place.js';
import { headerLabels, reviewReason } from './sentences.js';
import { percent } from './words.js';

const SIDE = 512;

/** Show a tile large; `step(by)` gives the tile beside it, `press` marks it. */
export function openLoupe(tile, { name, step, press }) {
  let current = tile;
  const picture = element('img', { alt: '' });
  const answer = element('h2', { id: 'loupe-title' });
  const facts = element('p', { class: 'quiet' });
  const why = element('p', {});
  const mark = element('button', { type: 'button', click: () => { press(current); draw(); } });
  const film = element('a', {}, t('Open the film'));
  const study = element('a', {}, t('Open the study'));
  const dialog = element('dialog', {
    class: 'bodypart loupe', 'aria-labelledby': 'loupe-title', close: () => dialog.remove(), click: (event) => event.target === dialog && dialog.close(),
    keydown: (event) => key(event),
  },
  element('div', { class: 'large' }, picture),
  element('div', { class: 'beside' }, answer, facts, why,
    element('div', { class: 'actions' }, mark, film, study, element('button', { type: 'button', click: () => dialog.close() }, t('Close')))));

  function key(event) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      current = step(by) ?? current;
      draw();
    } else if (event.key === ' ' && !event.repeat) {
      event.preventDefault();
      dialog.close();
    } else if (event.key.toLowerCase() === 'x' && !event.repeat) {
      press(current);
      draw();
    }
  }

  async function draw() {
    const shown = current;
    const { item } = shown;
    picture.src = address(`instances/${item.instance}/thumbnail`, { size: SIDE });
    picture.alt = shown.answer;
    shown.seen = true;
    answer.textContent = shown.answer;
    facts.textContent = [item.modality, date(item.study_date), item.examined && item.probability < 1 ? percent(item.probability) : ''].filter(Boolean).join(' · ');
    why.textContent = '';
    mark.textContent = shown.marked ? t('Take the mark away') : t('Not this');
    film.href = elsewhere('films', { instances: item.instance });
    study.href = elsewhere('study', { studies: item.study });
    const annotation = await get(`instances/${item.instance}`).catch(() => null);
    if (!annotation || current !== shown) return;
    const named = headerLabels(annotation);
    why.textContent = annotation.needs_review ? reviewReason(annotation, name)
      : named.length ? t('The header says {named}.', { named: named.map(name).join(', ') }) : t('The header names no part.');
  }

  document.body.append(dialog);
  dialog.showModal();
  draw();
}
