// What was learned: by part how many words, what they changed and what that gained; every word can
// be taken back, and all of them be forgotten.

import { get, post, remove } from './api.js';
import { ask } from './ask.js';
import { button, element, entry } from './elements.js';
import { count, numeral, t } from './language.js';
import { changesMeaning, changesTable, named, table } from './learned_changes.js';
import { LearnedWords } from './learned_words.js';
import { refresher } from './refresher.js';
import { percent } from './words.js';

const PAUSE = 4000;
const LONG_PAUSE = 60_000;
const SWITCH = {
  on: t('What people say here is learned at once, and new pictures are read with it.'),
  suggest: t('What was learned changes no answer: it marks for review what it would change.'),
  off: t('Learning is off. Words are kept, so that it can be turned on later.'),
};

export class Learned {
  /** `page` has toast, known and guarded(work). */
  constructor(page) {
    this.page = page;
    this.name = (label) => named(label, page.known.name);
    this.section = document.getElementById('learned');
    this.state = element('div', {});
    this.parts = element('div', {});
    this.changes = element('div', {});
    this.words = new LearnedWords(page, this.name, () => this.load());
    this.since = element('input', { type: 'date', id: 'learned-since', value: today() });
    this.forget = button(t('Forget all…'), { click: () => this.forgetAll() });
    this.section.replaceChildren(element('div', { class: 'cards' },
      // What a person types or presses stays where it is, whatever is told above it.
      card(t('What was learned'), '', this.state, element('div', { class: 'actions again' },
        element('label', { for: 'learned-since' }, t('Words since')), this.since,
        button(t('Read again what they change'), { click: () => this.readAgain() }), this.forget)),
      card(t('By part'), t('How many of the confirmed pictures are read rightly: by the model alone, and with what was learned from other patients.'), this.parts),
      card(t('What it changed'), changesMeaning(), this.changes),
      card(t('Words'), t('What people said of which picture. What is taken back is forgotten.'), this.words.node)));
    this.refreshSoon = refresher(this.section, () => this.load(), () => PAUSE);
  }

  async open() {
    // Where the first answer is lost, the next one fills the page.
    try {
      await this.load();
      await this.words.load();
    } finally {
      this.refreshSoon();
    }
  }

  async load() {
    const asked = (this.asked = {});
    const told = await get('memory');
    // That looks at many pictures: not every few seconds.
    const old = this.changed?.revision !== told.revision || Date.now() - this.changed.at > LONG_PAUSE;
    // Where others ask the same, it is not answered; the rest is.
    const changes = old ? await get('memory/changes').catch(() => null) : null;
    if (this.asked !== asked) return;
    if (changes) this.changed = { changes, revision: told.revision, at: Date.now() };
    this.draw(told, this.changed?.changes);
    if (this.words.lost) await this.words.load();
  }

  draw(told, changes) {
    const text = JSON.stringify([told, changes]);
    if (text === this.drawn) return;
    this.drawn = text;
    this.drawState(told);
    this.drawParts(told.parts);
    if (changes) this.changes.replaceChildren(changesTable(changes, this.page.known.name));
    this.words.offer(told.parts.map((part) => part.label));
  }

  drawState({ learn, words, waiting, parts }) {
    const of = parts.reduce((sum, part) => sum + part.words, 0);
    const right = (key) => percent(parts.reduce((sum, part) => sum + part.words * part[key], 0) / of);
    const figures = element('dl', { class: 'figures' });
    const figure = (term, value) => figures.append(element('div', {}, ...entry(term, value)));
    figure(t('words'), numeral(words));
    if (of) figure(t('read rightly by the model alone'), right('before'));
    if (of) figure(t('with what was learned'), right('after'));
    this.state.replaceChildren(
      element('p', { class: 'switch-state' }, element('span', { class: `chip ${learn === 'on' ? 'good' : 'warn'}` }, `Learn: ${learn}`), ' ', SWITCH[learn] ?? ''),
      figures,
      waiting ? element('p', {}, count('{count} word counts once the model has looked at its picture.', '{count} words count once the model has looked at their pictures.', waiting)) : '',
      words || waiting ? '' : element('p', { class: 'message' }, t('Nothing was learned yet. Confirm and correct as ever; from about ten words on one kind of picture on, new ones are read with them.')));
    this.forget.disabled = !words && !waiting;
  }

  drawParts(parts) {
    const head = [t('Part'), t('Words'), t('Alone'), t('With'), t('Mended'), t('Broken')];
    this.parts.replaceChildren(parts.length ? table(head, parts.map((part) => [
      this.name(part.label), numeral(part.words), percent(part.before), percent(part.after), numeral(part.mended), numeral(part.broken),
    ])) : element('p', { class: 'quiet' }, t('Nothing yet.')));
  }

  readAgain() {
    const since = this.since.value;
    if (!since) return this.since.focus();
    return this.page.guarded(async () => {
      // The service counts in UTC; the day is the reader's own.
      const begun = new Date(`${since}T00:00`).toISOString().replace('.000', '');
      const { again } = await post('backfill', { LearnedSince: begun });
      this.page.toast.tell(again ? count('{count} picture is read again.', '{count} pictures are read again.', again)
        : t('These words change nothing that is stored.'));
    });
  }

  forgetAll() {
    return this.page.guarded(async () => {
      const sure = await ask(t('Forget all that was learned?'),
        [t('Every word is forgotten, and new pictures are read by the model alone. This cannot be undone.'),
          t('Answers, reviews and the audit trail stay.')], t('Forget all'));
      if (!sure) return;
      await remove('memory');
      await this.load();
      await this.words.load();
    });
  }
}

/** The reader's day, as a date field has it. */
function today() {
  const now = new Date();
  return new Date(now - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

function card(title, text, ...content) {
  return element('section', { class: 'card wide', tabindex: 0, 'aria-label': title },
    element('h2', {}, title), text ? element('p', {}, text) : '', ...content);
}
