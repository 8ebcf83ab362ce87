// The answer for one instance: what it is, why, what can be done, and what was done before.

import { orthanc } from './api.js';
import { button, element, entry } from './elements.js';
import { AGREEMENTS, SIDES, SOURCES, moment, naming, percent } from './words.js';

export class Detail {
  /** `act` has confirm, correct, takePicture, takeHeader, next, classify and explain. */
  constructor(section, act) {
    this.section = section;
    this.act = act;
  }

  clear(text) {
    this.section.replaceChildren(element('p', { class: 'note' }, text));
  }

  async show(annotation, line) {
    const name = await naming();
    this.section.replaceChildren(
      this.answer(annotation, name),
      this.actions(annotation, name),
      this.picture(annotation, name),
      this.header(annotation, name),
      this.visible(annotation, name),
      this.history(annotation, name),
      this.about(annotation, line),
    );
  }

  answer(annotation, name) {
    const { examined, laterality, status, reason, review } = annotation;
    const side = laterality?.value ? `, ${SIDES[laterality.value]}` : '';
    const answer = element('div', { class: 'answer' });
    if (examined) {
      const certainty = examined.source === 'person' ? '' : `${percent(examined.probability)} `;
      answer.append(
        element('h2', { id: 'examined' }, `${name(examined.label)}${side}`),
        element('p', { class: 'quiet' }, `SNOMED CT ${examined.code.value} · ${examined.body_part_examined}`),
        element('p', {}, `${certainty}${SOURCES[examined.source]}`),
      );
    } else {
      answer.append(element('h2', { id: 'examined' }, NO_ANSWER[status] ?? 'Cannot be told'), element('p', {}, reason ?? ''));
    }
    const kind = { conflict: 'bad', agree: 'good' }[annotation.agreement] ?? '';
    answer.append(element('p', { class: 'chips' },
      annotation.agreement ? element('span', { class: `chip ${kind}` }, AGREEMENTS[annotation.agreement]) : '',
      review ? element('span', { class: 'chip good' }, 'Reviewed') : '',
      annotation.needs_review ? element('span', { class: 'chip warn' }, annotation.review_reason ?? 'To review') : ''));
    return answer;
  }

  actions(annotation, name) {
    const { examined, image, header } = annotation;
    const seen = image?.rejected ? null : image?.top?.[0]?.label;
    const bar = element('div', { class: 'actions' },
      this.button(examined ? 'Confirm' : 'Cannot be told', 'Enter', this.act.confirm, 'primary'),
      this.button('Correct', 'E', this.act.correct),
      this.button('Next', 'J', this.act.next));
    if (annotation.agreement === 'conflict' && seen && header?.label) {
      bar.append(
        this.button(`Picture: ${name(seen)}`, 'P', this.act.takePicture, 'choice'),
        this.button(`Header: ${name(header.label)}`, 'H', this.act.takeHeader, 'choice'));
    }
    return bar;
  }

  button(text, key, click, kind = '') {
    return element('button', { type: 'button', class: kind, click: () => click() }, `${text} `, element('kbd', { 'aria-hidden': 'true' }, key));
  }

  picture({ image }, name) {
    if (!image) return block('Picture', element('p', { class: 'quiet' }, 'Not looked at.'));
    const guesses = element('ul', { class: 'guesses' }, (image.top ?? []).map((guess) => {
      const bar = element('span', { class: 'bar' });
      bar.style.setProperty('--share', guess.probability);
      return element('li', {}, button(name(guess.label), {
        title: 'Show where the model saw this', click: () => this.act.explain(guess.label),
      }), bar, element('span', {}, percent(guess.probability)));
    }));
    return block('Picture', image.rejected ? element('p', { class: 'message' }, `Rejected: ${image.reason}`) : '', guesses);
  }

  header({ header }, name) {
    if (!header?.evidence?.length) return block('Header', element('p', { class: 'quiet' }, 'Names no body part.'));
    return block('Header', element('dl', {}, header.evidence.flatMap((match) => entry(
      match.attribute, ...marked(match.value, match.matched),
      match.labels?.length ? element('span', { class: 'quiet' }, ` → ${match.labels.map(name).join(', ')}`) : ''))));
  }

  visible({ visible }, name) {
    if (!visible?.length) return '';
    return block('Visible', element('p', { class: 'chips' }, visible.map((part) => element(
      'span', { class: 'chip' }, `${name(part.label)}${part.probability < 1 ? ` ${percent(part.probability)}` : ''}`))));
  }

  history({ review }, name) {
    const lines = [];
    const named = (label) => (label ? name(label) : 'cannot be told');
    for (const word of review ? [review, ...[...(review.history ?? [])].reverse()] : []) {
      const was = word.previous ?? {};
      const change = was.examined === word.examined ? `confirmed ${named(word.examined)}` : `${named(was.examined)} → ${named(word.examined)}`;
      const side = word.laterality_given && word.laterality !== was.laterality
        ? `, side ${SIDES[was.laterality] ?? 'none'} → ${SIDES[word.laterality] ?? 'none'}` : '';
      lines.push(element('li', {}, element('strong', {}, `${change}${side}`),
        element('span', { class: 'quiet' }, `${word.by}, ${moment(word.at)}`),
        word.comment ? element('q', {}, word.comment) : ''));
    }
    return lines.length ? block('History', element('ol', { class: 'history' }, lines)) : '';
  }

  about(annotation, line) {
    const list = element('dl', {});
    if (line) {
      list.append(...entry('Patient', line.patient_name || '–'), ...entry('Study', line.study_description || '–'));
    }
    if (annotation.model) list.append(...entry('Model', `${annotation.model.name} ${annotation.model.version}`));
    if (annotation.annotated_at) list.append(...entry('Annotated', moment(annotation.annotated_at)));
    const explorer = orthanc(`app/explorer.html#instance?uuid=${encodeURIComponent(annotation.instance)}`);
    return block('Instance', list, element('div', { class: 'actions' },
      button('Classify again', { click: () => this.act.classify() }),
      element('a', { href: explorer, target: '_blank', rel: 'noopener' }, 'Open in Orthanc')));
  }
}

const NO_ANSWER = { failed: 'Failed', skipped: 'No radiograph', pending: 'Waiting in the queue' };

function block(title, ...content) {
  return element('section', { class: 'block' }, element('h3', {}, title), ...content);
}

/** The value with the piece that the vocabulary knew highlighted, wherever case allows. */
function marked(value, matched) {
  const at = matched ? value.toLowerCase().indexOf(matched.toLowerCase()) : -1;
  if (at < 0) return [element('mark', {}, value)];
  const end = at + matched.length;
  return [value.slice(0, at), element('mark', {}, value.slice(at, end)), value.slice(end)];
}
