// A rule applied to what was stored before it: counted first, then sent, when a person says so.

import { post, remove } from './api.js';
import { button, element, onlyOnce } from './elements.js';
import { count, moment, t } from './language.js';

export class OldStock {
  /** `page` has guarded(work); `moved()` is called after something was started or stopped. */
  constructor(page, moved) {
    this.page = page;
    this.moved = moved;
    this.run = { state: 'idle' };
  }

  /** `run` is the answer of `GET routes/apply`. */
  tell(run) {
    this.run = run;
  }

  get running() {
    return this.run.state === 'running';
  }

  /** What stands at a rule: how far its count is, what it found, and the next step. */
  parts(rule) {
    // One rule at a time.
    if (this.run.state === 'idle' || this.run.rule !== rule) return [this.begin(rule, undefined, this.running)];
    const { state, dry_run: dry, looked_at: looked, taken, deliveries, counted, started_at: begun } = this.run;
    const far = t('{looked} looked at, {taken} fit', { looked, taken });
    if (state === 'running') {
      return [element('p', {}, dry ? t('Counting what is stored: {far}.', { far }) : t('Applied to what is stored: {far}.', { far })),
        this.order(t('Stop'), () => remove('routes/apply'))];
    }
    const added = count('{count} delivery was added.', '{count} deliveries were added.', deliveries);
    if (state === 'cancelled') {
      return [element('p', {}, dry ? t('Stopped: {far}.', { far }) : `${t('Stopped: {far}.', { far })} ${added}`), this.begin(rule)];
    }
    if (!dry) return [element('p', {}, added, deliveries < counted ? ` ${t('The others changed since they were counted, and stayed.')}` : ''), this.begin(rule)];
    const found = count('{count} stored picture fits this rule.', '{count} stored pictures fit this rule.', taken);
    if (!deliveries) return [element('p', {}, `${found} ${t('All of that was sent before.')}`), this.begin(rule)];
    return [element('p', {}, `${found} ${count('That is {count} delivery that was not sent yet.', 'Those are {count} deliveries that were not sent yet.', deliveries)}`),
      element('p', { class: 'quiet', 'data-count': begun }, t('Counted {when}.', { when: moment(begun) })),
      this.order(count('Send {count}', 'Send {count}', deliveries), () => this.start(rule, false, begun), 'primary'), this.begin(rule, t('Count again'))];
  }

  begin(rule, text = t('Count what is stored…'), disabled = false) {
    return this.order(text, () => this.start(rule, true), '', disabled);
  }

  /** `counted` tells which count a person saw: nothing else is sent. */
  start(rule, dry, counted) {
    return post('routes/apply', { Rule: rule, DryRun: dry, Count: counted });
  }

  order(text, work, kind = '', disabled = false) {
    const node = button(text, {
      class: `small ${kind}`,
      disabled,
      click: () => onlyOnce(node, async () => {
        const run = await this.page.guarded(work);
        if (run) this.tell(run);
        await this.moved();
      }),
    });
    return node;
  }
}
