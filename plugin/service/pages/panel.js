// The panel in the legacy Orthanc Explorer: what a resource shows, why, and putting it right.

import { address, get, post, put } from './api.js';
import { askForCorrection } from './correction.js';
import { button, element, entry } from './elements.js';
import { AGREEMENTS, SIDES, SOURCES, naming, percent } from './words.js';

const ASK_AGAIN = 2000;
const SEVERAL_NAMES = 12;

/** Show the panel on an Explorer page; a later call for the same page replaces it. */
export async function show(page, level, id) {
  const panel = new Panel(page, level, id);
  await panel.load();
}

class Panel {
  constructor(page, level, id) {
    this.level = level;
    this.id = id;
    this.path = `${level}/${id}`;
    this.node = element('section', { class: 'bodypart bodypart-panel', 'aria-label': 'Body part' });
    page.querySelector('.bodypart-panel')?.remove();
    const column = page.querySelector('.ui-block-b > div') ?? page.querySelector('[data-role="content"]');
    column.prepend(this.node);
  }

  async load() {
    try {
      // Whether a decoder runs may be told later than what the resource shows.
      const status = get('status').catch(() => null);
      const [name, annotation] = await Promise.all([naming(), get(this.path).catch(unlabelled)]);
      this.draw(name, annotation);
      if (annotation.status === 'pending') this.later();
      this.tellIfDown(await status);
    } catch (error) {
      this.node.replaceChildren(heading(), message(error.message));
    }
  }

  later() {
    setTimeout(() => {
      if (this.node.isConnected && this.node.offsetParent !== null) this.load();
    }, ASK_AGAIN);
  }

  draw(name, annotation) {
    this.annotation = annotation;
    this.node.replaceChildren(
      heading(annotation),
      element('div', { class: 'panel-body' }, this.facts(name), this.thumbnail(name)),
      this.actions(),
    );
  }

  tellIfDown(status) {
    if (status === null || status.ready) return;
    this.classify.disabled = true;
    this.node.querySelector('header').after(message(
      `The classifier is not running: ${status.reason ?? 'it is starting'}. `
      + 'What is shown was found before; corrections are kept.'));
  }

  facts(name) {
    const { examined, laterality, visible = [], image, header, parts = [], status, reason } = this.annotation;
    const facts = element('div', { class: 'facts' });
    if (examined) {
      const side = laterality?.value ? `, ${SIDES[laterality.value]}` : '';
      const certainty = examined.source === 'person' ? '' : `${percent(examined.probability)} `;
      facts.append(
        element('p', { class: 'answer' }, `${name(examined.label)}${side}`),
        element('p', { class: 'code' }, `SNOMED CT ${examined.code.value} · ${examined.body_part_examined}`),
        element('p', {}, `${certainty}${SOURCES[examined.source]}`),
      );
    } else {
      facts.append(element('p', { class: 'answer' }, NO_ANSWER[status] ?? 'Cannot be told'));
      if (reason) facts.append(element('p', {}, reason));
    }
    const list = element('dl');
    if (parts.length > 1) {
      list.append(...entry('Examined', parts.map((part) => `${name(part.label)} (${part.instances})`).join(', ')));
    }
    if (visible.length) {
      const seen = visible.slice(0, SEVERAL_NAMES).map((part) => `${name(part.label)} ${percent(part.probability)}`);
      list.append(...entry('Visible', seen.join(', ')));
    }
    if (image?.top?.length) {
      const guess = image.top[0];
      list.append(...entry('Picture', image.rejected ? image.reason : `${name(guess.label)} ${percent(guess.probability)}`));
    }
    for (const match of header?.evidence ?? []) {
      list.append(...entry(match.attribute, `“${match.value}”`));
    }
    if (this.annotation.instances) list.append(...entry('Instances', this.instances()));
    if (this.annotation.review) list.append(...entry('Reviewed', reviewLine(this.annotation.review)));
    facts.append(list);
    return facts;
  }

  instances() {
    const children = this.annotation.children ?? [];
    const open = children.filter((child) => child.needs_review).length;
    const states = Object.entries(this.annotation.instances).map(([state, count]) => `${count} ${state}`);
    return states.join(', ') + (open ? `; ${open} to review` : '');
  }

  thumbnail(name) {
    const label = this.level === 'instances' ? this.annotation.image?.top?.[0]?.label : undefined;
    if (!label) return '';
    const picture = element('img', {
      src: address(`${this.path}/heatmap`, { label }), alt: `Where the model looked for ${name(label)}`,
      error: () => figure.remove(),
    });
    const caption = element('figcaption', {}, `Where the model saw ${name(label)}`);
    const figure = element('figure', {}, picture, caption);
    return figure;
  }

  actions() {
    const { examined, review } = this.annotation;
    const done = (this.annotation.children ?? [this.annotation]).filter((child) => child.status === 'done');
    const single = ['instances', 'series'].includes(this.level) || done.length === 1;
    const bar = element('div', { class: 'actions' });
    if (examined && !review) bar.append(this.action('Confirm', 'primary', () => this.confirm(done)));
    if (done.length && single) bar.append(this.action('Correct…', '', () => this.correct(done)));
    this.classify = this.action('Classify again', '', () => post(this.path, { Asynchronous: true }));
    bar.append(this.classify, element('a', { href: address('ui/', { [this.level]: this.id }), target: '_blank', rel: 'noopener' }, 'Open the review page'));
    return bar;
  }

  action(text, kind, work) {
    const node = button(text, {
      class: kind, 'data-role': 'none',
      click: async () => {
        node.disabled = true;
        try {
          if (await work() !== null) await this.load();
        } catch (error) {
          this.node.append(message(error.message));
        } finally {
          node.disabled = false;
        }
      },
    });
    return node;
  }

  confirm(done) {
    if (this.level === 'instances') return put(this.path, { examined: this.annotation.examined.label });
    return this.review(done.filter((child) => child.examined), {});
  }

  async correct(done) {
    const { image, examined, laterality } = this.annotation;
    const body = await askForCorrection({
      title: done.length > 1 ? `Correct ${done.length} instances` : 'Correct the body part',
      suggestions: image?.top ?? [],
      current: { label: examined?.label, side: laterality?.value },
    });
    if (body === null) return null;
    return this.level === 'instances' ? put(this.path, body) : this.review(done, body);
  }

  review(children, body) {
    return post('reviews', { ...body, instances: children.map((child) => child.instance) });
  }
}

const NO_ANSWER = { pending: 'Waiting in the queue', failed: 'Failed', skipped: 'No radiograph', unlabelled: 'Not classified yet' };

function unlabelled(error) {
  if (error.status !== 404) throw error;
  return { status: 'unlabelled', examined: null };
}

function heading(annotation) {
  const chips = [];
  if (annotation?.review) chips.push(chip('Reviewed', 'good'));
  else if (annotation?.needs_review) chips.push(chip('To review', 'warn'));
  if (annotation?.examined && annotation.agreement) {
    chips.push(chip(AGREEMENTS[annotation.agreement], annotation.agreement === 'conflict' ? 'bad' : ''));
  }
  return element('header', {}, element('h2', {}, 'Body part'), ...chips);
}

function chip(text, kind) {
  return element('span', { class: `chip ${kind}` }, text);
}

function message(text) {
  return element('p', { class: 'message', role: 'status' }, text);
}

function reviewLine(review) {
  const was = review.previous?.examined;
  const change = was !== review.examined ? `, was ${was ?? 'nothing'}` : '';
  return `by ${review.by}, ${new Date(review.at).toLocaleString()}${change}`;
}
