// A picture of a sheet, large, as long as somebody looks at it.

import { address, get } from './api.js';
import { openSides } from './choices.js';
import { element } from './elements.js';
import { date, t } from './language.js';
import { areOff, keycap, usualKey } from './own_keys.js';
import { elsewhere } from './place.js';
import { headerLabels, reviewReason } from './sentences.js';
import { certainty } from './words.js';

const SIDE = 512;
const LOOK = 300;
/* Milliseconds that a picture must have been large before a word on it is taken. */

/**
 * Show a tile large; `step(by, tile)` gives the one beside it, `press` marks it, `decide(tile, label)`
 * signs one of the two parts of a conflict, `undo` takes the last word back. Without them it is only
 * looked at. Returns what is to be called once a word was taken back.
 */
export function openLoupe(tile, { name, step = () => null, press = null, decide = null, undo = null }) {
  let current = tile;
  let looked = null;
  let known = null;
  const decided = [];
  const picture = element('img', { alt: '', load: () => look(current), error: () => picture.classList.remove('waits') });
  const answer = element('h2', { id: 'loupe-title' });
  const facts = element('p', { class: 'quiet' });
  const why = element('p', {});
  const choices = element('div', { class: 'actions choices' });
  const mark = element('button', { type: 'button', hidden: !press, click: () => { press(current); draw(); } });
  const film = element('a', {}, t('Open the film'));
  const study = element('a', {}, t('Open the study'));
  const dialog = element('dialog', {
    class: 'bodypart loupe', 'aria-labelledby': 'loupe-title', close: () => close(),
    // The second click of a double click that opened it is no way out.
    click: (event) => event.target === dialog && event.detail < 2 && dialog.close(),
  },
  // Nothing is to be pressed by the key that opened it, and Space closes it again.
  element('div', { class: 'large', tabindex: -1, autofocus: true }, picture),
  // What arrows and X change is heard, though the keyboard stays where it is.
  element('div', { class: 'beside' }, element('div', { role: 'status' }, answer, facts, why), choices,
    element('div', { class: 'actions' }, mark, film, study, element('button', { type: 'button', click: () => dialog.close() }, t('Close')))));

  function key(event) {
    if (event.altKey) return;
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      current = step(by, current) ?? current;
      draw();
    } else if (event.key === ' ' && !event.repeat && !event.target.matches('button, a')) {
      event.preventDefault();
      dialog.close();
    } else if (!event.repeat && (event.ctrlKey || event.metaKey)) {
      if (!event.shiftKey && event.key.toLowerCase() === 'z') undo?.();
    } else if (!event.repeat && !areOff()) {
      letter(usualKey(event.key.toLowerCase()));
    }
  }

  /** Who presses twice has not looked at the second picture. */
  function look(shown) {
    picture.classList.remove('waits');
    setTimeout(() => {
      if (current !== shown || !dialog.open) return;
      looked = shown;
      shown.seen = true;
    }, LOOK);
  }

  function letter(pressed) {
    const { image_label: image, header_label: header } = current.item;
    if (pressed === 'x' && press) {
      press(current);
      draw();
    } else if (pressed === 'z') undo?.();
    else if (current.conflict && pressed === 'p' && image) sign(image);
    else if (current.conflict && pressed === 'h' && header) sign(header);
  }

  /** Sign what was looked at; once that is done, go on to the next one. */
  async function sign(label) {
    const signed = current;
    if (!decide) return;
    if (looked !== signed) {
      why.textContent = t('The picture is not on the screen yet.');
      return;
    }
    // What was lost on its way may say that the side is in doubt as well.
    const annotation = (await known) ?? await get(`instances/${signed.item.instance}`).catch((error) => { why.textContent = error.message; });
    if (!annotation) return;
    if (openSides(annotation)) {
      if (current === signed) why.textContent = t('Marker and header name different sides: please decide on the film.');
      return;
    }
    await decide(signed, label);
    if (!signed.conflict) decided.push(signed);
    if (current !== signed) return;
    if (!signed.conflict) current = step(1, signed) ?? current;
    draw();
  }

  function choice(text, cap, label) {
    return element('button', { type: 'button', click: (event) => event.detail < 2 && sign(label) }, `${t(text, { part: name(label) })} `, keycap(cap));
  }

  async function draw() {
    const shown = current;
    const { item } = shown;
    // As long as the picture is on its way, the one before does not stand beside this answer.
    picture.classList.add('waits');
    picture.src = address(`instances/${item.instance}/thumbnail`, { size: SIDE });
    picture.alt = shown.answer;
    if (picture.complete && picture.naturalWidth) look(shown);
    answer.textContent = shown.answer;
    facts.textContent = [item.modality, date(item.study_date), item.examined ? certainty(item) : '', shown.marked ? t('Not this') : ''].filter(Boolean).join(' · ');
    why.textContent = '';
    choices.replaceChildren();
    if (decide && shown.conflict) {
      if (item.image_label) choices.append(choice('{part}, as in the picture', 'P', item.image_label));
      if (item.header_label) choices.append(choice('{part}, as in the header', 'H', item.header_label));
    }
    mark.textContent = shown.marked ? t('Take the mark away') : t('Not this');
    film.href = elsewhere('films', { instances: item.instance });
    study.href = elsewhere('study', { studies: item.study });
    known = get(`instances/${item.instance}`).catch(() => null);
    const annotation = await known;
    if (!annotation || current !== shown) return;
    if (openSides(annotation)) choices.replaceChildren();
    const named = headerLabels(annotation);
    why.textContent = annotation.needs_review ? reviewReason(annotation, name)
      : named.length ? t('The header says {named}.', { named: named.map(name).join(', ') }) : t('The header names no part.');
  }

  /** Go back to what was decided last; its word was taken back. */
  function back() {
    if (!dialog.open) return;
    current = decided.pop() ?? current;
    draw();
  }

  function close() {
    document.removeEventListener('keydown', key);
    dialog.remove();
    // Not on the one with which it was opened, where the browser puts it.
    current.button.focus({ preventScroll: true });
  }

  document.body.append(dialog);
  // Not on the dialog: who clicks a button that goes with its picture has the keyboard nowhere.
  document.addEventListener('keydown', key);
  dialog.showModal();
  draw();
  return back;
}
