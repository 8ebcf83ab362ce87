// Which pictures of a sheet a person had the chance to look at.

const LOOK = 250;
/* Milliseconds that a tile must have been on the screen, with its picture, to count as seen. */
const MOST_OF_IT = 0.6;

export class Seen {
  /**
   * `filters` may stand over the tiles that scroll below them in `scroller`; `tiles()` are those that
   * are there, and `told()` is called after each that counts as seen.
   */
  constructor(scroller, filters, tiles, told) {
    Object.assign(this, { scroller, filters, tiles, told });
    const fits = new ResizeObserver(() => this.fit());
    for (const node of [scroller, filters]) fits.observe(node);
    this.fit();
  }

  /** What scrolls under the filters, which are high where all of them stand there, is not on the screen. */
  fit() {
    /** Pixels of the scroller in which nothing is seen. */
    this.covered = getComputedStyle(this.filters).position === 'sticky' ? this.filters.offsetHeight : 0;
    this.scroller.style.setProperty('--covered', `${this.covered}px`);
    const edge = this.covered && Math.round(this.scroller.getBoundingClientRect().top + this.covered);
    if (edge === this.edge) return;
    this.edge = edge;
    this.watch?.disconnect();
    this.watch = new IntersectionObserver((entries) => this.looked(entries), { rootMargin: `${-edge}px 0px 0px`, threshold: MOST_OF_IT });
    for (const tile of this.tiles()) if (!tile.seen) this.watch.observe(tile.button);
  }

  /** A tile has come, or says something else than what was seen. */
  begin(tile) {
    tile.seen = false;
    this.watch.unobserve(tile.button);
    this.watch.observe(tile.button);
  }

  /** The tiles are gone. */
  end() {
    this.watch.disconnect();
    for (const tile of this.tiles()) clearTimeout(tile.looking);
  }

  /** Count as seen what stayed on the screen for a moment with its picture drawn. */
  looked(entries) {
    for (const { target, isIntersecting } of entries) {
      const { tile } = target;
      clearTimeout(tile.looking);
      if (isIntersecting && !tile.seen) this.look(tile);
    }
  }

  look(tile) {
    const { loaded } = tile;
    tile.looking = setTimeout(() => {
      // A picture that came only meanwhile has not been there for all of that moment.
      if (!loaded) return this.look(tile);
      tile.seen = true;
      this.watch.unobserve(tile.button);
      return this.told();
    }, LOOK);
  }
}
