// The deliveries: what was sent on, what waits, what failed and why; and the rules behind it.

import { get, post } from './api.js';
import { DeliveryLine } from './delivery_line.js';
import { STATES } from './delivery_sentences.js';
import { button, element, keepKeyboard } from './elements.js';
import { count, t } from './language.js';
import { OldStock } from './old_stock.js';
import { change, query } from './place.js';
import { refresher } from './refresher.js';
import { RuleTester } from './rule_tester.js';
import { Rules, howToBegin } from './rules.js';

const PAGE = 50;
const PAUSE = 3000;
const FILTERS = ['state', 'rule', 'destination'];

export class Deliveries {
  /** `page` has toast, known and guarded(work). */
  constructor(page) {
    this.page = page;
    this.section = document.getElementById('deliveries');
    this.lines = new Map();
    /** Where the pages before this one begin, to go back to. */
    this.before = [];
    this.oldStock = new OldStock(page, () => this.seeNow());
    this.rules = new Rules(this.oldStock, page.known.name);
    this.tester = new RuleTester(page);
    this.build();
    this.refreshSoon = refresher(this.section, () => this.load(), () => (this.oldStock.running ? PAUSE / 3 : PAUSE));
  }

  build() {
    this.empty = element('div', {});
    this.summary = element('div', { class: 'receivers' });
    this.list = element('ol', { class: 'deliveries' });
    this.told = element('p', { class: 'quiet', role: 'status' });
    this.selects = Object.fromEntries(FILTERS.map((name) => [name, element('select', {
      id: `delivery-${name}`, change: () => this.filter({ [name]: this.selects[name].value }),
    })]));
    this.newer = button(t('Newer'), { click: () => this.goBack() });
    this.older = button(t('Older'), { click: () => this.goOn() });
    const field = (name, text) => element('div', { class: 'field' }, element('label', { for: `delivery-${name}` }, text), this.selects[name]);
    const folded = (title, ...content) => element('details', { open: matchMedia('(min-width: 1081px)').matches },
      element('summary', {}, element('h2', {}, title)), ...content);
    this.rulesCard = element('section', { class: 'card' }, folded(t('Rules'), this.rules.node));
    this.testerCard = element('section', { class: 'card' }, folded(t('Try the rules on a picture'), this.tester.node));
    this.listCard = element('section', { class: 'card', 'aria-label': t('Deliveries') },
      element('h2', {}, t('Deliveries')), this.summary,
      element('div', { class: 'fields' }, field('state', t('State')), field('rule', t('Rule')), field('destination', t('Receiver'))),
      this.told, this.list, element('div', { class: 'actions' }, this.newer, this.older));
    this.section.replaceChildren(this.empty, element('div', { class: 'columns' },
      this.listCard, element('div', { class: 'behind' }, this.rulesCard, this.testerCard)));
  }

  async open() {
    // Where the first answer is lost, the next one fills the page.
    try {
      await this.load();
    } finally {
      this.refreshSoon();
    }
  }

  /** What somebody did, or was refused, is seen at once. */
  async seeNow() {
    await this.load().catch(() => undefined);
    this.refreshSoon();
  }

  /** Ask for rules and page; an answer that comes after another one was asked for is dropped. */
  async load() {
    const asked = (this.asked = {});
    const given = query();
    const wanted = Object.fromEntries([...FILTERS, 'instance', 'after'].map((name) => [name, given[name]]));
    const [routes, listed, run] = await Promise.all([get('routes'), get('deliveries', { ...wanted, limit: PAGE }), get('routes/apply')]);
    if (this.asked !== asked) return;
    this.oldStock.tell(run);
    this.draw(routes, listed, given);
  }

  draw({ routes, open }, { deliveries, next }, given) {
    const none = !routes.length;
    if (none && !this.empty.firstChild) this.empty.append(howToBegin());
    this.empty.hidden = !none;
    this.rulesCard.hidden = this.testerCard.hidden = none;
    this.listCard.hidden = none && !deliveries.length && !FILTERS.some((name) => given[name]);
    this.rules.draw(routes);
    this.drawSummary(open);
    this.offer('state', Object.entries(STATES).map(([value, [text]]) => [value, text]), given.state);
    this.offer('rule', routes.map(({ Name }) => [Name, Name]), given.rule);
    this.offer('destination', Object.keys(open).map((name) => [name, name]), given.destination);
    this.drawLines(deliveries);
    this.next = next;
    this.newer.hidden = !given.after;
    this.older.hidden = !next;
  }

  /** One line a receiver: what waits, what failed, and the way to try that again. */
  drawSummary(open) {
    const text = JSON.stringify(open);
    if (text === this.summarised) return;
    this.summarised = text;
    const see = (destination, state, words, kind) => button(words, {
      class: `chip ${kind}`, click: () => this.filter({ state, destination, rule: '' }),
    });
    keepKeyboard(this.summary, () => this.summary.replaceChildren(...Object.entries(open).map(([destination, { waiting, sending, failed }]) => element('div', {},
      element('strong', {}, destination),
      waiting + sending ? see(destination, 'waiting,sending', count('{count} waits', '{count} wait', waiting + sending), '')
        : failed ? '' : element('span', { class: 'quiet' }, t('nothing waits')),
      failed ? see(destination, 'failed', count('{count} failed', '{count} failed', failed), 'bad') : '',
      failed ? button(t('Retry all that failed'), { class: 'small', click: () => this.retryFailed(destination) }) : ''))));
  }

  offer(name, options, value = '') {
    const select = this.selects[name];
    // Several states at once, or a rule that is gone, may be asked for by the address.
    const all = [['', t('any')], ...options];
    if (!all.some(([one]) => one === value)) all.push([value, value.split(',').map((one) => options.find(([own]) => own === one)?.[1] ?? one).join(', ')]);
    const text = JSON.stringify(all);
    if (text !== select.dataset.offered) {
      select.replaceChildren(...all.map(([one, words]) => element('option', { value: one }, words)));
      select.dataset.offered = text;
    }
    select.value = value;
  }

  /** Lines that stay keep their place in the page, and the keyboard's. */
  drawLines(deliveries) {
    const kept = new Map();
    const nodes = deliveries.map((item) => {
      const line = this.lines.get(item.id) ?? new DeliveryLine(this.page.known.name, (id, action) => this.act(id, action));
      line.show(item);
      kept.set(item.id, line);
      return line.node;
    });
    this.lines = kept;
    if (nodes.length !== this.list.children.length || nodes.some((node, at) => node !== this.list.children[at])) {
      keepKeyboard(this.list, () => this.list.replaceChildren(...nodes));
    }
    const told = nodes.length ? '' : t('Nothing fits these filters.');
    if (this.told.textContent !== told) this.told.textContent = told;
    for (const line of kept.values()) line.loadPicture();
  }

  filter(values) {
    this.before = [];
    change({ ...values, after: '' });
    return this.page.guarded(() => this.load());
  }

  goOn() {
    if (this.next) this.turn(this.next, [...this.before, query().after ?? '']);
  }

  goBack() {
    this.turn(this.before.at(-1) ?? '', this.before.slice(0, -1));
  }

  /** To another page; where that does not come, one is still on this one. */
  turn(after, before) {
    const stood = { after: query().after, before: this.before, next: this.next };
    // Until it is there, nobody knows what comes after it.
    Object.assign(this, { before, next: null });
    change({ after });
    return this.page.guarded(async () => {
      try {
        await this.load();
      } catch (error) {
        if ((query().after ?? '') === after) {
          change({ after: stood.after });
          Object.assign(this, { before: stood.before, next: stood.next });
        }
        throw error;
      }
      this.section.scrollTop = 0;
    });
  }

  act(id, action) {
    return this.page.guarded(async () => {
      try {
        this.lines.get(id)?.show(await post(`deliveries/${id}`, { Action: action }));
      } finally {
        await this.load();
      }
    });
  }

  retryFailed(destination) {
    return this.page.guarded(async () => {
      const { retried } = await post('deliveries', { Action: 'retry', Destination: destination });
      this.page.toast.tell(count('{count} is tried again.', '{count} are tried again.', retried));
      await this.load();
    });
  }

  get keys() {
    return [[['/'], t('Filters'), () => this.selects.state.focus()]];
  }
}
