// The panel in the legacy Orthanc Explorer: what a resource shows, why, and putting it right.

import { address, get, post } from './api.js';
import { choices, word } from './choices.js';
import { askForCorrection, keptAsTyped, saved } from './correction.js';
import { button, element, entry, onlyOnce } from './elements.js';
import { count, isolated, language, moment, numeral, t } from './language.js';
import { Reviewing } from './reviewing.js';
import { plainReason, whyNone, whyNotWritten, whyUnseen } from './sentences.js';
import { AGREEMENTS, NO_ANSWER, SOURCES, TAGS, certainty, knowledge, percent, sideTold, withSide } from './words.js';

const ASK_AGAIN = 2000;
const SEVERAL_NAMES = 12;

/** Show the panel on an Explorer page; a later call for the same page replaces it. */
export async function show(page, level, id) {
  const panel = new Panel(page, level, id);
  await panel.load();
}

/** Put a way to the sheet on Explorer's start page; jQuery Mobile leaves external links alone. */
export function offerWayIn(page) {
  if (!page || page.querySelector('.bodypart-way-in')) return;
  const link = element('a', { href: address('ui/'), rel: 'external', 'data-role': 'none' }, t('Check body parts in the sheet'));
  page.querySelector('[data-role="content"]')?.prepend(element('p', { class: 'bodypart bodypart-way-in', lang: language }, link));
}

class Panel {
  constructor(page, level, id) {
    this.level = level;
    this.id = id;
    this.path = `${level}/${id}`;
    this.reviewing = new Reviewing();
    this.reviewing.addEventListener('tags', () => this.load());
    this.node = element('section', { class: 'bodypart bodypart-panel', 'aria-label': t('Body part'), lang: language, tabindex: -1 });
    page.querySelector('.bodypart-panel')?.remove();
    const column = page.querySelector('.ui-block-b > div') ?? page.querySelector('[data-role="content"]');
    column.prepend(this.node);
  }

  /** Ask for all of it; an answer that comes after another one was asked for is dropped. */
  async load() {
    const asked = (this.asked = {});
    try {
      // Whether a decoder runs may be told later than what the resource shows.
      const status = get('status').catch(() => null);
      const [known, annotation] = await Promise.all([knowledge(), get(this.path).catch(unlabelled)]);
      if (this.asked !== asked) return;
      this.known = known;
      this.draw(known.name, annotation);
      if (annotation.status === 'pending') this.later();
      const told = await status;
      if (told?.user) this.reviewing.belongTo(told.user);
      if (this.asked === asked) this.tellIfDown(told);
    } catch (error) {
      if (this.asked === asked) this.node.replaceChildren(heading(), message(error.message));
    }
  }

  later() {
    setTimeout(() => {
      if (this.node.isConnected && this.node.offsetParent !== null) this.load();
    }, ASK_AGAIN);
  }

  draw(name, annotation) {
    this.annotation = annotation;
    const focused = this.node.contains(document.activeElement);
    const pressed = focused && annotation.status === 'pending' ? document.activeElement.textContent : null;
    this.node.replaceChildren(
      heading(annotation),
      element('div', { class: 'panel-body' }, this.facts(name), this.thumbnail(name)),
      this.actions(),
    );
    // What is drawn anew while one waits keeps its place; else what was pressed may be gone, and who listens
    // or types is still in the panel.
    const same = [...this.node.querySelectorAll('button')].find((one) => one.textContent === pressed);
    if (focused) (same ?? this.node).focus({ preventScroll: true });
  }

  tellIfDown(status) {
    if (status === null || status.ready) return;
    this.classify.disabled = true;
    this.node.querySelector('header').after(message(
      `${t('The classifier is not running: {reason}', { reason: plainReason(status.reason ?? 'the service is starting') })} `
      + t('What is shown was found before; corrections are kept.')));
  }

  facts(name) {
    const { examined, laterality, visible = [], image, header, parts = [], status } = this.annotation;
    const facts = element('div', { class: 'facts' });
    if (this.mixed) {
      facts.append(element('p', { class: 'answer' }, t('Several parts')));
    } else if (examined) {
      facts.append(
        element('p', { class: 'answer' }, withSide(name(examined.label), laterality?.value)),
        element('p', { class: 'code' }, `SNOMED CT ${examined.code.value} · ${examined.body_part_examined}`),
        element('p', {}, [`${certainty(examined)} ${SOURCES[examined.source]}`.trim(), sideTold(laterality)].filter(Boolean).join(', ')),
      );
    } else {
      facts.append(element('p', { class: 'answer' }, NO_ANSWER[status] ?? NO_ANSWER.done));
      if (whyNone(this.annotation)) facts.append(element('p', {}, whyNone(this.annotation)));
    }
    const list = element('dl');
    if (parts.length > 1) {
      list.append(...entry(t('Examined'), parts.map((part) => `${name(part.label)} (${part.instances})`).join(', ')));
    }
    if (visible.length) {
      const seen = visible.slice(0, SEVERAL_NAMES).map((part) => `${name(part.label)}${part.probability < 1 ? ` ${percent(part.probability)}` : ''}`);
      list.append(...entry(t('Visible'), seen.join(', ')));
    }
    if (image?.top?.length) {
      const guess = image.top[0];
      list.append(...entry(t('Picture'), image.rejected ? whyUnseen(image.reason) : `${name(guess.label)} ${certainty(guess)}`));
    }
    for (const match of header?.evidence ?? []) {
      list.append(...entry(match.attribute, `“${isolated(match.value)}”`));
    }
    if (this.annotation.instances) list.append(...entry(t('Pictures'), this.instances()));
    if (this.annotation.review) list.append(...entry(t('Reviewed'), this.reviewLine()));
    const [tags] = TAGS[this.annotation.tags?.state] ?? [];
    if (tags) list.append(...entry(t('File'), [tags, whyNotWritten(this.annotation.tags.refused)].filter(Boolean).join('. ')));
    facts.append(list);
    return facts;
  }

  instances() {
    const children = this.annotation.children ?? [];
    const open = children.filter((child) => child.needs_review).length;
    const states = Object.entries(this.annotation.instances).map(([state, number]) => `${numeral(number)} ${t(state)}`);
    return states.join(', ') + (open ? `; ${count('{count} to review', '{count} to review', open)}` : '');
  }

  /** Whether one headline cannot stand for all of it. */
  get mixed() {
    return (this.annotation.parts ?? []).length > 1;
  }

  reviewLine() {
    const { review } = this.annotation;
    const was = review.previous?.examined;
    const by = t('by {by}, {at}', { by: isolated(review.by), at: moment(review.at) });
    return was === review.examined ? by : `${by}, ${t('was {part}', { part: was ? this.known.name(was) : NO_ANSWER.done })}`;
  }

  thumbnail(name) {
    const label = this.level === 'instances' ? this.annotation.image?.top?.[0]?.label : undefined;
    if (!label) return '';
    const picture = element('img', {
      src: address(`${this.path}/heatmap`, { label }), alt: t('Where the model looked for {part}', { part: name(label) }),
      error: () => figure.remove(),
    });
    const caption = element('figcaption', {}, t('Where the model saw {part}', { part: name(label) }));
    const figure = element('figure', {}, picture, caption);
    return figure;
  }

  actions() {
    const { examined, review, laterality, needs_review: open } = this.annotation;
    const done = (this.annotation.children ?? [this.annotation]).filter((child) => child.status === 'done');
    const single = ['instances', 'series'].includes(this.level) || done.length === 1;
    const bar = element('div', { class: 'actions' });
    const spoken = (label, side = laterality?.value) => withSide(this.known.name(label), this.known.sided(label) ? side : null);
    // Nothing is the default where picture and header contradict each other.
    const chosen = this.level === 'instances' ? choices(this.annotation) : [];
    bar.append(...chosen.map(({ source, label, side }) => {
      const part = spoken(label, side);
      const text = source === 'picture' ? t('{part}, as in the picture', { part }) : t('{part}, as in the header', { part });
      return this.action(text, '', () => this.sign(word(this.annotation, label, side, this.known.sided)));
    }));
    if (examined && !chosen.length && !review && done.length === 1 && !(open && this.level !== 'instances')) {
      // Of several, nobody has seen any here.
      bar.append(this.action(t('Confirm {part}', { part: spoken(examined.label) }), 'primary', () => this.confirm(done)));
    } else if (this.level !== 'instances' && done.length > 1) {
      bar.append(element('a', { class: 'look', href: this.reviewPage(), target: '_blank', rel: 'noopener' },
        count('Look at {count} picture', 'Look at {count} pictures', done.length)));
    }
    if (done.length && single) bar.append(this.action(t('Correct…'), '', () => this.correct(done)));
    this.undo = this.action(t('Undo'), '', () => this.reviewing.undo());
    this.undo.hidden = !this.reviewing.canUndo;
    this.classify = this.action(t('Classify again'), '', () => post(this.path, { Asynchronous: true }));
    bar.append(this.undo, this.classify, element('a', { href: this.reviewPage(), target: '_blank', rel: 'noopener' }, t('Open the review page')));
    return bar;
  }

  reviewPage() {
    return address('ui/', { [this.level]: this.id });
  }

  action(text, kind, work) {
    const node = button(text, {
      class: kind, 'data-role': 'none',
      click: () => onlyOnce(node, async () => {
        this.trouble?.remove();
        try {
          if (await work() !== null) await this.load();
        } catch (error) {
          this.trouble = message([error.message, keptAsTyped(this.corrected ?? [])].filter(Boolean).join(' '));
          this.node.append(this.trouble);
          // The answer of a word may be all that was lost of it.
          this.undo.hidden = !this.reviewing.canUndo;
        }
      }),
    });
    return node;
  }

  confirm(done) {
    if (this.level === 'instances') return this.sign({ examined: this.annotation.examined.label });
    return this.review(done.filter((child) => child.examined), {});
  }

  async correct(done) {
    const { image, examined, laterality } = this.annotation;
    const instances = this.level === 'instances' ? [this.id] : done.map((child) => child.instance);
    this.corrected = instances;
    const body = await askForCorrection({
      instances,
      title: done.length > 1
        ? count('Correct {count} picture', 'Correct {count} pictures', done.length) : t('Correct the body part'),
      suggestions: image?.top ?? [],
      current: { label: examined?.label, side: laterality?.value },
    });
    if (body === null) return null;
    const outcome = await (this.level === 'instances' ? this.sign(body, { waits: true }) : this.review(done, body, { waits: true }));
    if (outcome) saved(instances);
    return outcome;
  }

  async sign(body, { waits = false } = {}) {
    try {
      return await this.reviewing.sign(this.annotation, body, { waits });
    } catch (error) {
      if (error.status === 412) await this.load();
      throw error;
    }
  }

  async review(children, body, { waits = false } = {}) {
    const outcome = await this.reviewing.signMany(children, body, { waits });
    const why = Object.values(outcome?.failed ?? {})[0];
    if (!why) return outcome;
    await this.load();
    throw new Error(`${count('{count} could not be signed.', '{count} could not be signed.', Object.keys(outcome.failed).length)} ${plainReason(why)}`);
  }
}

function unlabelled(error) {
  if (error.status !== 404) throw error;
  return { status: 'unlabelled', examined: null };
}

function heading(annotation) {
  const chips = [];
  if (annotation?.review) chips.push(chip(t('Reviewed'), 'good'));
  else if (annotation?.needs_review) chips.push(chip(t('To review'), 'warn'));
  if (annotation?.examined && annotation.agreement) {
    chips.push(chip(AGREEMENTS[annotation.agreement], annotation.agreement === 'conflict' ? 'bad' : ''));
  }
  return element('header', {}, element('h2', {}, t('Body part')), ...chips);
}

function chip(text, kind) {
  return element('span', { class: `chip ${kind}` }, text);
}

function message(text) {
  return element('p', { class: 'message', role: 'alert' }, text);
}
