// The dialog in which a person names body part and side: a search field over the 36 labels.

import { button, element } from './elements.js';
import { compared, folded, language, partName, t } from './language.js';
import { NO_ANSWER, SIDES, labels, percent } from './words.js';

let serial = 0;
/* What was typed last, until it is known to be saved: {instances, label, side, comment}. */
let typed = null;

/**
 * Ask a person; resolves to the body of a correction, or null if they changed their mind.
 *
 * `suggestions` are [{label, probability}], shown first; `current` is {label, side}, with `stands`
 * where the side that is signed already differs from the one to be offered. `notYet()` says why
 * nothing can be saved now, if so: the dialog stays until it can. What was typed of these very
 * `instances` before, and not saved, stands there again: see `saved`.
 */
export async function askForCorrection({ instances, suggestions = [], current = {}, title = t('Correct'), notYet = () => '' }) {
  const known = await labels();
  const before = typed && instances.every((one) => typed.instances.has(one)) ? typed : {};
  const body = await new Promise((resolve) => {
    const dialog = new CorrectionDialog(known, suggestions, { stands: current.side, was: current.label, ...current, ...before }, title, notYet, resolve);
    document.body.append(dialog.node);
    dialog.node.showModal();
    dialog.chosen?.node?.scrollIntoView({ block: 'nearest' });
    dialog.search.focus();
  });
  if (body) typed = { instances: new Set(instances), ...body.typed };
  else if (before === typed) typed = null;
  return body?.said ?? null;
}

/** What was typed of these is saved: it need not stand there again. */
export function saved(instances) {
  for (const one of instances) typed?.instances.delete(one);
  if (!typed?.instances.size) typed = null;
}

/** Said beside why a correction of some instances was not saved; empty where none of these was typed. */
export function keptAsTyped(instances) {
  return instances.some((one) => typed?.instances.has(one)) ? t('What you typed stands there again when you correct it once more.') : '';
}

class CorrectionDialog {
  constructor(known, suggestions, current, title, notYet, answer) {
    this.serial = ++serial;
    this.current = current;
    this.notYet = notYet;
    this.answer = answer;
    this.options = ordered(known, suggestions);
    this.chosen = this.options.find((option) => option.label === current.label) ?? null;
    this.build(title);
    this.filter();
  }

  build(title) {
    const id = (name) => `bodypart-${name}-${this.serial}`;
    // No search field: in Safari that keeps Escape to itself, and the dialog stays.
    this.search = element('input', {
      type: 'text', id: id('search'), role: 'combobox', autocomplete: 'off', spellcheck: 'false',
      'aria-expanded': 'true', 'aria-controls': id('list'), 'aria-autocomplete': 'list',
      'data-role': 'none', placeholder: t('Type to search, for example patella'),
      input: () => this.filter(), keydown: (event) => this.key(event),
    });
    this.list = element('ul', { id: id('list'), role: 'listbox', 'aria-label': t('Body parts'), class: 'options' });
    this.sides = ['', 'L', 'R', 'B'].map((side) => element('input', {
      type: 'radio', name: id('side'), value: side, 'data-role': 'none', checked: side === (this.current.side ?? ''),
    }));
    this.comment = element('input', { type: 'text', id: id('comment'), maxlength: 2000, 'data-role': 'none', value: this.current.comment ?? '' });
    this.why = element('p', { class: 'why', role: 'status' });
    this.save = button(t('Save'), { class: 'primary', 'data-role': 'none', click: () => this.finish() });
    const cancel = button(t('Cancel'), { 'data-role': 'none', click: () => this.close(null) });
    this.node = element('dialog', {
      class: 'bodypart correction', 'aria-labelledby': id('title'), lang: language,
      close: () => this.close(null), keydown: (event) => event.stopPropagation(),
    },
    element('h2', { id: id('title') }, title),
    element('label', { for: id('search') }, t('Body part')), this.search, this.list,
    element('fieldset', { class: 'sides' }, element('legend', {}, t('Side')),
      this.sides.map((radio) => element('label', {}, radio, SIDES[radio.value] ?? t('none')))),
    element('label', { for: id('comment') }, t('Comment')), this.comment, this.why,
    element('div', { class: 'actions' }, this.save, cancel));
  }

  filter() {
    const words = folded(this.search.value).split(/\s+/).filter(Boolean);
    const found = this.options.filter((option) => words.every((word) => option.text.includes(word)));
    this.list.replaceChildren(...found.map((option) => this.item(option)));
    // What nobody asked for, and nothing suggests, is no default.
    const first = words.length || found[0]?.probability !== undefined ? found[0] : null;
    this.choose(found.find((option) => option === this.chosen) ?? first ?? null);
    this.why.textContent = found.length ? '' : t('Nothing here');
  }

  item(option) {
    const hint = option.probability === undefined ? option.code : t('picture: {share}', { share: percent(option.probability) });
    option.node = element('li', {
      role: 'option', id: `bodypart-option-${this.serial}-${option.number}`, 'data-label': option.label ?? '',
      click: () => this.choose(option), dblclick: () => this.finish(),
    }, element('span', {}, option.name), element('small', {}, hint));
    return option.node;
  }

  choose(option) {
    this.chosen?.node?.removeAttribute('aria-selected');
    this.chosen = option;
    this.save.disabled = option === null;
    if (option === null) {
      this.search.removeAttribute('aria-activedescendant');
      return;
    }
    option.node.setAttribute('aria-selected', 'true');
    option.node.scrollIntoView({ block: 'nearest' });
    this.search.setAttribute('aria-activedescendant', option.node.id);
  }

  key(event) {
    // Enter and arrows belong to the input method while it converts what was typed.
    if (event.isComposing) return;
    const shown = [...this.list.children];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && shown.length) {
      event.preventDefault();
      const at = shown.indexOf(this.chosen?.node);
      const next = shown[(at + step + shown.length) % shown.length];
      this.choose(this.options.find((option) => option.node === next));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      this.finish();
    }
  }

  finish() {
    if (this.chosen === null) return;
    this.why.textContent = this.notYet();
    if (this.why.textContent) return;
    const side = this.sides.find((radio) => radio.checked).value || null;
    const comment = this.comment.value.trim();
    const said = { examined: this.chosen.label, comment };
    // Of another part, what stands may be the header's side of the one before.
    const inherited = side && this.chosen.paired && this.chosen.label !== this.current.was;
    if (inherited || side !== (this.current.stands ?? null)) said.laterality = side;
    this.close({ said, typed: { label: this.chosen.label, side, comment } });
  }

  close(body) {
    if (this.answer) this.answer(body);
    this.answer = null;
    // Closed, not only removed: then the browser gives the keyboard back to what had it.
    this.node.close();
    this.node.remove();
  }
}

/** What the picture suggests first, then all others by name, then "cannot be told". */
function ordered(known, suggestions) {
  const likely = new Map(suggestions.map((guess) => [guess.label, guess.probability]));
  const options = known.map((row) => ({
    label: row.label,
    name: partName(row.label) ?? row.code.meaning,
    code: row.code.value,
    paired: row.paired,
    probability: likely.get(row.label),
    // "Hüfte" is also found as "huefte".
    text: folded(`${partName(row.label) ?? ''} ${partName(row.label)?.replace(/[äöü]/gi, '$&e') ?? ''} ${row.label.replaceAll('_', ' ')} ${row.code.meaning} ${row.code.value} ${row.body_part_examined}`),
  }));
  options.sort((a, b) => (b.probability ?? 0) - (a.probability ?? 0) || compared(a.name, b.name));
  options.push({ label: null, name: NO_ANSWER.done, code: '', text: folded(`${NO_ANSWER.done} cannot be told none`) });
  return options.map((option, number) => ({ ...option, number }));
}
