// What a person says goes out here, one word at a time, and can be taken back.

import { ApiError, address, get, post, put, waits as waitsToBeSent } from './api.js';
import { t } from './language.js';

const AT_ONCE = 40;
const LOOK_AGAIN = 1500;
const LOOKS = 20;
const KEPT = `bodypart-said ${address('')}`;
/* Where it is kept: of this Orthanc, beside others at the same host. */
const MOST_KEPT = 20;
/* Actions that can still be taken back after a reload. */
const LOOKED_FOR = 100;
/* Pictures that are asked for by their ids in one address. */

export class Reviewing extends EventTarget {
  /**
   * What was said, the last one at the end: maps from instance to {revision, upon}, those of the word
   * and of what it was said on. A word that is not answered, or whose answer was lost, has none yet;
   * one that was `tried` to be taken back, and nobody answered, may not be there any more.
   */
  #said;
  #storage;
  #busy = false;
  #running = Promise.resolve();
  #unsent = 0;
  #waiting = 0;
  #user;

  /** `storage` keeps what can be taken back through a reload; without one nothing is kept. */
  constructor(storage = null) {
    super();
    this.#storage = storage;
    [this.#user, this.#said] = read(storage?.json(KEPT));
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
  sign(annotation, body, { waits = false } = {}) {
    const { instance, revision } = annotation;
    return this.#alone(waits, async () => {
      const said = new Map();
      this.#begin(said, [annotation]);
      try {
        const answer = await put(`instances/${instance}`, body, revision);
        this.#answered(said, instance, answer.revision);
        this.#follow(answer);
        return answer;
      } catch (error) {
        if (mayBeDone(error)) error.message += ` ${t('Your answer may have arrived all the same: sign it again, or take it back with Undo.')}`;
        else said.delete(instance);
        throw error;
      } finally {
        this.#keep();
      }
    });
  }

  /**
   * Say one thing of several instances, or with an empty body confirm what stands for each.
   * `items` are [{instance, revision}]; their revision becomes that of the word. `progress(done)` is
   * told how many are done. Resolves to {done: Set, failed: {instance: why}}, or to null as of `sign`.
   * Where the connection is lost on the way, what was done until then is done, and the rest has failed.
   */
  signMany(items, body, { progress, waits = false } = {}) {
    return this.#alone(waits, async () => {
      const said = new Map();
      const outcome = { done: new Set(), failed: {} };
      await this.#inPieces('reviews', items, body, outcome, {
        progress,
        before: (some) => this.#begin(said, some),
        after: (some, revisions) => {
          for (const item of some) {
            item.revision = revisions[item.instance] ?? item.revision;
            this.#answered(said, item.instance, revisions[item.instance]);
          }
          this.#keep();
        },
      });
      return outcome;
    });
  }

  /**
   * Take the last action back, one that is on its way included; resolves as `signMany`, to null
   * if there is none. Of a word whose answer was lost it is asked first whether it arrived.
   */
  undo(progress) {
    return this.#alone(true, async () => {
      const last = this.#said.at(-1);
      if (!last) return null;
      const outcome = { done: new Set(), failed: {} };
      await this.#lookFor(last, outcome);
      this.#said.pop();
      const items = [...last].map(([instance, { revision }]) => ({ instance, revision }));
      const after = (some, revisions) => this.#standAgain(last, revisions);
      const asked = await this.#inPieces('reviews/undo', items, {}, outcome, { progress, after });
      // What the connection lost can be taken back once it is there again, if it was not all the same.
      if (asked < items.length) this.#said.push(new Map([...last].slice(asked).map(([instance, word]) => [instance, { ...word, tried: true }])));
      this.#keep();
      this.dispatchEvent(new CustomEvent('undone', { detail: outcome }));
      return outcome;
    });
  }

  /** Some words go out now: whatever becomes of the page or of their answers, they may arrive. */
  #begin(said, items) {
    for (const item of items) this.#arrived(item);
    if (!said.size) this.#said.push(said);
    for (const { instance, revision } of items) said.set(instance, { revision: null, upon: revision });
    this.#keep();
  }

  /** What stands under the own name on another revision than before is the word whose answer was lost. */
  #arrived({ instance, revision, review, reviewed_by: by = review?.by }) {
    const lost = this.#said.findLast((words) => words.has(instance))?.get(instance);
    const known = this.#said.some((words) => words.get(instance)?.revision === revision);
    if (lost?.revision === null && lost.upon !== revision && by && by === this.#user && !known) lost.revision = revision;
  }

  /** A word stands, under a `revision`, or was refused and has none. */
  #answered(said, instance, revision) {
    if (!revision) {
      said.delete(instance);
      return;
    }
    said.get(instance).revision = revision;
    // It stands in place of one whose answer was lost, or is that one.
    for (const words of this.#said) if (words.get(instance)?.revision === null) words.delete(instance);
  }

  /** Ask for the words of which nobody knows; those that did not arrive, or were taken back, need not be taken back. */
  async #lookFor(words, outcome) {
    const lost = [...words.keys()].filter((instance) => words.get(instance).revision === null || words.get(instance).tried);
    if (lost.length && this.#user === undefined) this.belongTo((await get('status')).user);
    const found = new Map();
    for (let start = 0; start < lost.length; start += LOOKED_FOR) {
      const instances = lost.slice(start, start + LOOKED_FOR).join(',');
      const { items } = await get('sheet', { show: 'all', instances, limit: LOOKED_FOR });
      for (const item of items) found.set(item.instance, item);
    }
    for (const instance of lost) {
      const word = words.get(instance);
      const { revision, reviewed_by: by } = found.get(instance) ?? {};
      if (word.tried) {
        // Another person's word there is what the service refuses.
        if (!revision || revision === word.revision || (by && by !== this.#user)) continue;
        outcome.done.add(instance);
        words.delete(instance);
        this.#standAgain(new Map([[instance, word]]), { [instance]: revision });
      } else if (by && by === this.#user && revision !== word.upon) word.revision = revision;
      else {
        words.delete(instance);
        outcome.failed[instance] = t('What you said of it did not arrive.');
      }
    }
  }

  #keep() {
    this.#said = this.#said.filter((words) => words.size);
    const said = this.#said.slice(-MOST_KEPT).map((words) => [...words]);
    // Where there is no room, what was kept before would take back the wrong word.
    if (this.#storage && !this.#storage.set(KEPT, JSON.stringify({ user: this.#user, said }))) this.#storage.remove(KEPT);
  }

  /** Own words that stand again, since the ones on them were taken back, have another revision. */
  #standAgain(last, revisions) {
    for (const [instance, revision] of Object.entries(revisions)) {
      const word = this.#said.findLast((words) => words.has(instance))?.get(instance);
      if (word?.revision && word.revision === last.get(instance).upon) word.revision = revision;
    }
  }

  /** Resolves to how many were asked for and answered; `before` and `after` are told of each piece. */
  async #inPieces(path, items, body, outcome, { progress, before, after }) {
    for (let start = 0; start < items.length; start += AT_ONCE) {
      const some = items.slice(start, start + AT_ONCE);
      this.#unsent = Math.max(0, items.length - start - AT_ONCE);
      const revisions = Object.fromEntries(some.filter((item) => item.revision).map((item) => [item.instance, item.revision]));
      let answer;
      before?.(some);
      try {
        answer = await post(path, { ...body, instances: some.map((item) => item.instance), revisions });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (!mayBeDone(error)) after?.(some, {});
        const why = !mayBeDone(error) ? error.message : t('The connection was lost; some of these may be done all the same.');
        for (const item of items.slice(start)) outcome.failed[item.instance] = why;
        return start;
      }
      Object.assign(outcome.failed, answer.failed);
      for (const instance of Object.keys(answer.revisions)) outcome.done.add(instance);
      after?.(some, answer.revisions);
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
    const run = work().finally(() => {
      this.#busy = false;
      this.#unsent = 0;
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

/** Whether what was refused so may be done all the same: nobody who knows said that it is not. */
function mayBeDone(error) {
  return error instanceof ApiError && error.mayPass && !error.again;
}

/** What was kept, as [user, words]; anything else that stands in its place is none. */
function read(kept) {
  try {
    return [kept.user, kept.said.map((words) => new Map(words))];
  } catch {
    return [undefined, []];
  }
}
