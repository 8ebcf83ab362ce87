// Which tiles of a sheet are marked "not this", and where the keyboard is.

export class Marks {
  /** `tiles()` are the tiles in order; `changed()` is called after every change. */
  constructor(tiles, changed) {
    this.tiles = tiles;
    this.changed = changed;
    this.at = -1;
    this.anchor = -1;
    /** What was marked and is not shown at present: from instance to revision. */
    this.away = new Map();
  }

  get marked() {
    return this.tiles().filter((tile) => tile.marked);
  }

  /** What is marked, here or where one was before, as [[instance, revision]], for `again`. */
  get kept() {
    return [...this.away, ...this.marked.map(({ item }) => [item.instance, item.revision])];
  }

  /** Have these marked again once they are shown. */
  again(kept) {
    this.away = new Map([...this.away, ...kept]);
  }

  /** A tile comes: what still says what it said when it was marked is marked. */
  meet(tile) {
    const { instance, revision } = tile.item;
    if (this.away.get(instance) === revision) tile.mark(true);
    this.away.delete(instance);
  }

  get current() {
    return this.tiles()[this.at] ?? null;
  }

  /** Mark a tile, or take its mark away; with Shift, all that were seen from the last one on. */
  press(tile, { shiftKey = false } = {}) {
    const tiles = this.tiles();
    const at = tiles.indexOf(tile);
    if (shiftKey && this.anchor >= 0) {
      const [first, last] = [Math.min(this.anchor, at), Math.max(this.anchor, at)];
      for (const one of tiles.slice(first, last + 1)) if (one.seen || one === tile) one.mark(true);
    } else {
      tile.mark(!tile.marked);
    }
    this.anchor = at;
    this.go(at);
    this.changed();
  }

  clear() {
    for (const tile of this.marked) tile.mark(false);
    this.away.clear();
    this.anchor = -1;
    this.changed();
  }

  /** Put the keyboard on a tile. */
  go(at, { focus = true } = {}) {
    const tiles = this.tiles();
    if (!tiles.length) return;
    this.current?.button.setAttribute('tabindex', -1);
    this.at = Math.max(0, Math.min(at, tiles.length - 1));
    this.current.button.setAttribute('tabindex', 0);
    if (!focus) return;
    this.current.button.focus({ preventScroll: true });
    this.current.node.scrollIntoView({ block: 'nearest' });
  }

  step(number) {
    this.go(this.at + number);
  }

  /** A row up or down: to the nearest tile there. */
  row(direction) {
    const here = this.current?.node.getBoundingClientRect();
    if (!here) return;
    const middle = here.left + here.width / 2;
    const tiles = this.tiles();
    let best = -1;
    let closest = Infinity;
    for (let at = this.at + direction; at >= 0 && at < tiles.length; at += direction) {
      const there = tiles[at].node.getBoundingClientRect();
      const down = direction * (there.top - here.top);
      if (down <= here.height / 4) continue;
      const apart = down * 10 + Math.abs(there.left + there.width / 2 - middle);
      if (apart < closest) [best, closest] = [at, apart];
      else if (down > 2 * here.height + 200) break;
    }
    if (best >= 0) this.go(best);
  }
}
