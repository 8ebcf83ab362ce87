// The answer for one instance: what it is, why, what can be done, and what was done before.

import { orthanc } from './api.js';
import { choices } from './choices.js';
import { button, element, entry } from './elements.js';
import { isolated, moment, personName, t } from './language.js';
import { memoryTold } from './memory_told.js';
import { keycap } from './own_keys.js';
import { reviewReason, whyNone, whyNotWritten, whyUnseen } from './sentences.js';
import { AGREEMENTS, NO_ANSWER, SIDES, SOURCES, TAGS, certainty, percent, sideTold, withSide } from './words.js';

export const MOST_GUESSES = 5;

export class Detail {
  /**
   * `act` has confirm, cannotTell, correct, take, guess, setSide, previous, next, classify and explain. `known` has name(label) and sided(label).
   */
  constructor(section, act, known) {
    this.section = section;
    section.tabIndex = -1;
    this.act = act;
    this.known = known;
  }

  clear(text) {
    this.section.replaceChildren(element('p', { class: 'note' }, text));
  }

  /** `side` is what the person set but has not signed yet, undefined for nothing. */
  show(annotation, line, side) {
    this.annotation = annotation;
    this.side = side;
    const focused = this.section.contains(document.activeElement);
    const act = focused && document.activeElement.dataset.act;
    this.section.replaceChildren(
      this.answer(),
      this.actions(),
      this.sides(),
      this.guesses(),
      this.header(),
      this.visible(),
      this.history(),
      this.about(line),
    );
    // What was pressed is still under the keyboard, if the next film has it; a choice is made anew.
    if (focused) (this.section.querySelector(`[data-act="${act}"]`) ?? this.section).focus({ preventScroll: true });
  }

  /** A part with the side that signing it now would sign, if it is no other one. */
  spoken(label, side = this.side === undefined ? this.annotation.laterality?.value : this.side) {
    return withSide(this.known.name(label), this.known.sided(label) ? side : null);
  }

  answer() {
    const { examined, laterality, status, review } = this.annotation;
    const answer = element('div', { class: 'answer' });
    if (examined) {
      answer.append(
        element('h2', { id: 'examined' }, withSide(this.known.name(examined.label), laterality?.value)),
        element('p', { class: 'quiet' }, `SNOMED CT ${examined.code.value} · ${examined.body_part_examined}`),
        element('p', {}, [`${certainty(examined)} ${SOURCES[examined.source]}`.trim(), sideTold(laterality)].filter(Boolean).join(', ')),
        ...memoryTold(this.annotation.memory, this.known.name),
      );
    } else {
      answer.append(element('h2', { id: 'examined' }, NO_ANSWER[status] ?? NO_ANSWER.done), element('p', {}, whyNone(this.annotation)), ...memoryTold(this.annotation.memory, this.known.name));
    }
    const kind = { conflict: review ? '' : 'bad', agree: 'good' }[this.annotation.agreement] ?? '';
    const [tags, tagsKind] = TAGS[this.annotation.tags?.state] ?? [];
    answer.append(element('p', { class: 'chips' },
      this.annotation.agreement ? element('span', { class: `chip ${kind}` }, AGREEMENTS[this.annotation.agreement]) : '',
      review ? element('span', { class: 'chip good' }, t('Reviewed')) : '',
      tags ? element('span', { class: `chip ${tagsKind}` }, tags) : ''));
    if (this.annotation.tags?.state === 'refused') {
      answer.append(element('p', { class: 'message' }, whyNotWritten(this.annotation.tags.refused)));
    }
    if (this.annotation.needs_review) {
      answer.append(element('p', { class: 'why' }, reviewReason(this.annotation, this.known.name)));
    }
    return answer;
  }

  actions() {
    const { examined } = this.annotation;
    const bar = element('div', { class: 'actions' });
    // Nothing is the default where the two contradict each other.
    const chosen = choices(this.annotation, this.side);
    chosen.forEach(({ source, label, side }, number) => {
      const part = this.spoken(label, side);
      const text = source === 'picture' ? t('{part}, as in the picture', { part }) : t('{part}, as in the header', { part });
      bar.append(this.button(text, ['P', 'H'][number] ?? '', () => this.act.take(label, side), 'choice'));
    });
    if (examined && !chosen.length) {
      bar.append(this.button(t('Confirm {part}', { part: this.spoken(examined.label) }), 'Enter', this.act.confirm, 'primary'));
    }
    bar.append(this.button(t('Correct…'), 'E', this.act.correct));
    bar.append(this.button(t('Cannot be told'), '0', this.act.cannotTell));
    bar.append(this.button(t('Previous'), 'K', this.act.previous, 'back'), this.button(t('Next'), 'J', this.act.next));
    return bar;
  }

  sides() {
    const stands = this.side === undefined ? this.annotation.laterality?.value ?? null : this.side;
    const one = (value, text, key) => element('button', {
      type: 'button', 'data-act': `side ${value}`, 'aria-pressed': String(stands === value), click: () => this.act.setSide(value),
    }, text, ' ', keycap(key));
    return element('div', { class: 'side-bar', role: 'group', 'aria-label': t('Side') },
      one('L', SIDES.L, 'L'), one('R', SIDES.R, 'R'), one('B', SIDES.B, 'B'), one(null, t('none'), 'N'));
  }

  button(text, key, click, kind = '') {
    // The second click of a double click must not sign what the first one brought.
    return element('button', { type: 'button', class: kind, 'data-act': kind === 'choice' ? null : key, click: (event) => event.detail < 2 && click() },
      `${text} `, key ? keycap(key) : '');
  }

  guesses() {
    const { image } = this.annotation;
    if (!image) return block(t('Picture'), element('p', { class: 'quiet' }, t('Not looked at.')));
    const rows = (image.top ?? []).slice(0, MOST_GUESSES).map((guess, number) => {
      const bar = element('span', { class: 'bar' });
      bar.style.setProperty('--share', guess.probability);
      return element('li', {},
        element('button', { type: 'button', title: t('Sign this'), click: (event) => event.detail < 2 && this.act.guess(number) },
          keycap(String(number + 1)), ' ', this.spoken(guess.label)),
        bar, element('span', {}, certainty(guess)),
        button('◎', { class: 'explain', title: t('Show where the model saw this'), 'aria-label': t('Show where the model saw {part}', { part: this.known.name(guess.label) }), click: () => this.act.explain(guess.label) }));
    });
    return block(t('Picture'), image.rejected ? element('p', { class: 'message' }, whyUnseen(image.reason)) : '',
      element('ol', { class: 'guesses' }, rows));
  }

  header() {
    const { header } = this.annotation;
    if (!header?.evidence?.length) return block(t('Header'), element('p', { class: 'quiet' }, t('Names no body part.')));
    return block(t('Header'), element('dl', {}, header.evidence.flatMap((match) => entry(
      match.attribute, marked(match.value, match.matched),
      match.labels?.length ? element('span', { class: 'quiet' }, ` → ${match.labels.map(this.known.name).join(', ')}`) : ''))));
  }

  visible() {
    const { visible } = this.annotation;
    if (!visible?.length) return '';
    return block(t('Visible'), element('p', { class: 'chips' }, visible.map((part) => element(
      'span', { class: 'chip' }, `${this.known.name(part.label)}${part.probability < 1 ? ` ${percent(part.probability)}` : ''}`))));
  }

  history() {
    const { review } = this.annotation;
    const named = (label) => (label ? this.known.name(label) : NO_ANSWER.done);
    const sided = (side) => SIDES[side] ?? t('none');
    const lines = [];
    for (const word of review ? [review, ...[...(review.history ?? [])].reverse()] : []) {
      const was = word.previous ?? {};
      const change = was.examined === word.examined
        ? t('confirmed {part}', { part: named(word.examined) }) : `${named(was.examined)} → ${named(word.examined)}`;
      const side = word.laterality_given && word.laterality !== was.laterality
        ? `, ${t('side')} ${sided(was.laterality)} → ${sided(word.laterality)}` : '';
      lines.push(element('li', {}, element('strong', {}, `${change}${side}`),
        element('span', { class: 'quiet' }, `${isolated(word.by)}, ${moment(word.at)}`),
        word.comment ? element('q', {}, word.comment) : ''));
    }
    return lines.length ? block(t('History'), element('ol', { class: 'history' }, lines)) : '';
  }

  about(line) {
    const { model, annotated_at: at, instance } = this.annotation;
    const list = element('dl', {});
    if (line) {
      list.append(...entry(t('Patient'), personName(line.patient_name) || '–'), ...entry(t('Study'), isolated(line.study_description) || '–'));
    }
    if (model) list.append(...entry(t('Model'), `${model.name} ${model.version}`));
    if (at) list.append(...entry(t('Annotated'), moment(at)));
    const explorer = orthanc(`app/explorer.html#instance?uuid=${encodeURIComponent(instance)}`);
    return block(t('Instance'), list, element('div', { class: 'actions' },
      button(t('Classify again'), { click: () => this.act.classify() }),
      element('a', { href: explorer, target: '_blank', rel: 'noopener' }, t('Open in Orthanc'))));
  }
}

function block(title, ...content) {
  return element('section', { class: 'block' }, element('h3', {}, title), ...content);
}

/** The value with the piece that the vocabulary knew highlighted, wherever case allows. */
function marked(value, matched) {
  const at = matched ? value.toLowerCase().indexOf(matched.toLowerCase()) : -1;
  const end = at + (matched ?? '').length;
  const pieces = at < 0 ? [element('mark', {}, value)] : [value.slice(0, at), element('mark', {}, value.slice(at, end)), value.slice(end)];
  return element('bdi', {}, ...pieces);
}
