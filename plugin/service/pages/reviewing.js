// What a person says goes out here, one word at a time, and can be taken back.

import { ApiError, address, get, post, put, waits as waitsToBeSent } from './api.js';
import { t } from './language.js';

const AT_ONCE = 40;
const LOOK_AGAIN = 1500;
const LOOKS = 20;
const KEPT = `bodypart-said ${address('')}`;
const UNDER_WAY = `bodypart-saying ${address('')}`;
/* What is kept, and the mark of a word that is not answered: of this Orthanc, beside others at the same host. */
const MOST_KEPT = 20;
/* Actions that can still be taken back after a reload. */

export class Reviewing extends EventTarget {
  /** What was said, the last one at the end: maps from instance to {revision, upon}, those of the word and of what it was said on. */
  #said;
  #storage;
  #busy = false;
  #running = Promise.resolve();
  #unsent = 0;
  #waiting = 0;
  #lost = false;
  #user;

  /** `storage` keeps what can be taken back through a reload; without one nothing is kept. */
  constructor(storage = null) {
    super();
    this.#storage = storage;
    // The page was left in the midst of a word: it may be the last one, and nobody knows its revision.
    const lost = storage?.get(UNDER_WAY);
    storage?.remove(UNDER_WAY);
    [this.#user, this.#said] = lost ? [undefined, []] : read(storage?.json(KEPT));
    if (lost) this.#keep();
  }

  /** Whose words these are; another person's are not theirs to take back. */
  belongTo(user) {
    if (this.#user !== undefined && this.#user !== user) this.#said = [];
    if (this.#user === user) return;
    this.#user = user;
    this.#keep();
  }

  /** Whether a word is on its way: until it is answered, no other one is taken. */
  get busy() {
    return this.#busy;
  }

  /** Whether some of what was said has not even left this page, or was sent back for now. */
  get unsent() {
    return this.#unsent > 0 || this.#waiting > 0 || waitsToBeSent();
  }

  get canUndo() {
    return this.#said.length > 0;
  }

  /**
   * Say what an instance shows; resolves to its annotation. While another word is on its way that
   * is null, or what was typed `waits` for its turn. Rejects with status 412 and the present
   * annotation if somebody else changed it.
   */
  sign({ instance, revision }, body, { waits = false } = {}) {
    return this.#alone(waits, async () => {
      const answer = await put(`instances/${instance}`, body, revision);
      this.#remember(new Map([[instance, { revision: answer.revision, upon: revision }]]));
      this.#follow(answer);
      return answer;
    });
  }

  /**
   * Say one thing of several instances, or with an empty body confirm what stands for each.
   * `items` are [{instance, revision}]; `progress(done)` is told how many are done. Resolves to
   * {done: Set, failed: {instance: why}}, or to null as of `sign`. Where the connection is lost on
   * the way, what was done until then is done, and the rest has failed.
   */
  signMany(items, body, { progress, waits = false } = {}) {
    return this.#alone(waits, async () => {
      const said = new Map();
      const outcome = { done: new Set(), failed: {} };
      await this.#inPieces('reviews', items, body, said, outcome, progress);
      if (said.size) this.#remember(said);
      return outcome;
    });
  }

  /**
   * Take the last action back, one that is on its way included; resolves as `signMany`, to null
   * if there is none.
   */
  undo(progress) {
    return this.#alone(true, async () => {
      const last = this.#said.pop();
      if (!last) return null;
      const outcome = { done: new Set(), failed: {} };
      const items = [...last].map(([instance, { revision }]) => ({ instance, revision }));
      const back = new Map();
      const asked = await this.#inPieces('reviews/undo', items, {}, back, outcome, progress);
      this.#standAgain(last, back);
      // What the connection lost can be taken back once it is there again.
      if (asked < items.length) this.#said.push(new Map([...last].slice(asked)));
      this.#keep();
      this.dispatchEvent(new CustomEvent('undone', { detail: outcome }));
      return outcome;
    });
  }

  #remember(words) {
    this.#said.push(words);
    this.#keep();
  }

  #keep() {
    const said = this.#said.slice(-MOST_KEPT).map((words) => [...words]);
    // Where there is no room, what was kept before would take back the wrong word.
    if (this.#storage && !this.#storage.set(KEPT, JSON.stringify({ user: this.#user, said }))) this.#storage.remove(KEPT);
  }

  /** Own words that stand again, since the ones on them were taken back, have another revision. */
  #standAgain(last, back) {
    for (const [instance, { revision }] of back) {
      const word = this.#said.findLast((words) => words.has(instance))?.get(instance);
      if (word && word.revision === last.get(instance).upon) word.revision = revision;
    }
  }

  /** Resolves to how many were asked for and answered. */
  async #inPieces(path, items, body, said, outcome, progress) {
    for (let start = 0; start < items.length; start += AT_ONCE) {
      const some = items.slice(start, start + AT_ONCE);
      this.#unsent = Math.max(0, items.length - start - AT_ONCE);
      const revisions = Object.fromEntries(some.filter((item) => item.revision).map((item) => [item.instance, item.revision]));
      let answer;
      try {
        answer = await post(path, { ...body, instances: some.map((item) => item.instance), revisions });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.#lost ||= !error.status;
        const why = error.status ? error.message : t('The connection was lost; some of these may be done all the same.');
        for (const item of items.slice(start)) outcome.failed[item.instance] = why;
        return start;
      }
      Object.assign(outcome.failed, answer.failed);
      for (const item of some) {
        const revision = answer.revisions[item.instance];
        if (!revision) continue;
        said.set(item.instance, { revision, upon: item.revision });
        outcome.done.add(item.instance);
      }
      progress?.(Math.min(start + AT_ONCE, items.length));
    }
    return items.length;
  }

  async #alone(waits, work) {
    // Nothing may come between the end of the wait and the mark: whoever waited as well would be lost.
    this.#waiting += 1;
    if (waits) while (this.#busy) await this.#running;
    this.#waiting -= 1;
    if (this.#busy) return null;
    this.#busy = true;
    this.#lost = false;
    this.#storage?.set(UNDER_WAY, 'yes');
    const run = work().catch((error) => {
      this.#lost ||= !error.status;
      throw error;
    }).finally(() => {
      this.#busy = false;
      this.#unsent = 0;
      // A page that is left hears that the connection is lost, and what it said may be done all the same.
      if (!this.#lost) this.#storage?.remove(UNDER_WAY);
    });
    this.#running = run.catch(() => {});
    return run;
  }

  /** Look until the file has followed the answer, and tell. */
  #follow(annotation, looks = LOOKS) {
    if (annotation.tags?.state !== 'pending' || !looks) return;
    setTimeout(async () => {
      const present = await get(`instances/${annotation.instance}`).catch(() => annotation);
      // While its file is rewritten, an instance has no annotation for a moment.
      if (present.status === 'pending') return this.#follow(annotation, looks - 1);
      if (present.revision !== annotation.revision) return;
      if (present.tags?.state === 'pending') this.#follow(present, looks - 1);
      else this.dispatchEvent(new CustomEvent('tags', { detail: present }));
    }, LOOK_AGAIN);
  }
}

/** What was kept, as [user, words]; anything else that stands in its place is none. */
function read(kept) {
  try {
    return [kept.user, kept.said.map((words) => new Map(words))];
  } catch {
    return [undefined, []];
  }
}
