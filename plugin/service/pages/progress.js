// Queue and back-fill, live: asked every few seconds while the page is looked at.

import { get, post, remove } from './api.js';
import { button, element } from './elements.js';

const PAUSE = 3000;

export class Progress {
  constructor(node, failed) {
    this.node = node;
    this.failed = failed;
    document.addEventListener('visibilitychange', () => this.refresh());
    this.refresh();
  }

  async refresh() {
    clearTimeout(this.timer);
    if (document.hidden) return;
    try {
      const [status, backfill] = await Promise.all([get('status'), get('backfill')]);
      this.draw(status, backfill);
    } catch (error) {
      this.node.replaceChildren(element('span', { class: 'chip bad' }, error.message));
    }
    this.timer = setTimeout(() => this.refresh(), PAUSE);
  }

  draw(status, backfill) {
    const text = JSON.stringify([status, backfill]);
    if (text === this.drawn) return;
    this.drawn = text;
    const { pending, failed, done } = status.queue;
    const parts = [element('span', { class: 'chip' }, pending ? `${pending} waiting, ${done} done` : `${done} done`)];
    if (failed) parts.push(element('span', { class: 'chip warn' }, `${failed} failed`));
    if (!status.ready) parts.push(element('span', { class: 'chip bad' }, `Classifier down: ${status.reason ?? 'starting'}`));
    if (backfill.state === 'running') {
      const bar = element('progress', { max: Math.max(backfill.total, 1), value: backfill.done, 'aria-label': 'Back-fill' });
      parts.push(element('span', {}, `Back-fill ${backfill.done} of ${backfill.total}`), bar,
        this.order('Stop', () => remove('backfill')));
    } else {
      parts.push(this.order(backfill.state === 'cancelled' ? 'Go on with back-fill' : 'Back-fill', () => post('backfill')));
    }
    this.node.replaceChildren(...parts);
  }

  order(text, work) {
    const node = button(text, {
      class: 'small',
      click: async () => {
        node.disabled = true;
        try {
          await work();
        } catch (error) {
          this.failed(error);
        }
        this.drawn = null;
        this.refresh();
      },
    });
    return node;
  }
}
