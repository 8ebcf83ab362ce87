// Who is signed in, queue and back-fill, live: asked every few seconds while the page is looked at.

import { get, post, remove } from './api.js';
import { askBeforeBackfill, timeLeft } from './backfill.js';
import { button, element, keepKeyboard, onlyOnce } from './elements.js';
import { count, t } from './language.js';
import { plainReason } from './sentences.js';

const PAUSE = 3000;

export class Progress extends EventTarget {
  /** `page` has reviewing and guarded(work); dispatches `moved` when more is annotated than at the last look, or the service is back. */
  constructor(node, page) {
    super();
    this.node = node;
    this.page = page;
    this.looks = [];
    document.addEventListener('visibilitychange', () => this.refresh());
    window.addEventListener('online', () => this.refresh());
    window.addEventListener('offline', () => this.refresh());
    this.refresh();
  }

  async refresh() {
    clearTimeout(this.timer);
    if (document.hidden) return;
    const asked = (this.asked = {});
    try {
      const [status, backfill] = await Promise.all([get('status'), get('backfill')]);
      if (this.asked !== asked) return;
      // What could not be asked for meanwhile is asked for now.
      const back = Boolean(this.failing);
      if (back || (this.done !== undefined && status.queue.done > this.done)) this.dispatchEvent(new CustomEvent('moved', { detail: { back } }));
      this.failing = '';
      this.done = status.queue.done;
      if (status.user) this.page.reviewing.belongTo(status.user);
      this.draw(status, backfill);
    } catch (error) {
      if (this.asked !== asked) return;
      if (this.failing !== error.message) this.node.replaceChildren(element('span', { class: 'chip bad', role: 'alert' }, error.message));
      this.drawn = null;
      this.failing = error.message;
    }
    this.timer = setTimeout(() => this.refresh(), PAUSE);
  }

  draw(status, backfill) {
    if (backfill.state === 'running') this.looks = [...this.looks.slice(-9), { at: Date.now(), done: backfill.done }];
    else this.looks = [];
    const left = timeLeft(this.looks, backfill.pending);
    const text = JSON.stringify([status, backfill, left]);
    if (text === this.drawn) return;
    this.drawn = text;
    const { pending, failed, done } = status.queue;
    const parts = [];
    if (!status.ready) parts.push(element('span', { class: 'chip bad' }, plainReason(status.reason ?? 'the service is starting')));
    if (backfill.state === 'running') {
      const bar = element('progress', { max: Math.max(backfill.total, 1), value: backfill.done, 'aria-label': t('Back-fill') });
      parts.push(element('span', {}, t('Back-fill {done} of {total}', { done: backfill.done, total: backfill.total })), bar,
        left ? element('span', { class: 'quiet' }, left) : '',
        this.order(t('Stop'), () => remove('backfill')));
    } else {
      parts.push(element('span', { class: pending ? 'chip' : 'chip done' }, pending
        ? t('{pending} waiting, {done} done', { pending, done }) : count('{count} done', '{count} done', done)));
    }
    if (failed) {
      parts.push(element('span', { class: 'chip warn' }, count('{count} failed', '{count} failed', failed)),
        this.order(t('Try again'), () => post('backfill', { Failed: true })));
    }
    if (backfill.state !== 'running') {
      parts.push(this.order(backfill.state === 'cancelled' ? t('Go on with back-fill') : t('Back-fill'),
        async () => await askBeforeBackfill(backfill, status.tags) && post('backfill')));
    }
    if (status.user && status.user !== 'anonymous') parts.push(element('span', { class: 'user', title: t('Signed in') }, status.user));
    // What is told every few seconds must not take the keyboard away.
    keepKeyboard(this.node, () => this.node.replaceChildren(...parts));
  }

  order(text, work) {
    const node = button(text, {
      class: 'small',
      click: () => onlyOnce(node, async () => {
        await this.page.guarded(work);
        await this.refresh();
      }),
    });
    return node;
  }
}
