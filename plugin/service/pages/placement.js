// How a film lies on its stage: zoomed, moved, turned, mirrored; by wheel, pinch, drag and key.

const LARGEST = 20;
const STEP = 1.25;
const NOTCH = 30;
/* Pixels that are a step; a notch of a wheel is more, and what a touchpad tells many times a second less. */

export class Placement {
  /** `film` is what is moved within `stage`; `changed()` is called after every change. */
  constructor(stage, film, changed) {
    Object.assign(this, { stage, film, changed });
    this.reset();
    stage.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    new ResizeObserver(() => this.apply()).observe(stage);
  }

  reset() {
    Object.assign(this, { zoom: 1, x: 0, y: 0, turns: 0, mirrored: false });
    this.apply();
  }

  get moved() {
    return this.zoom !== 1 || this.x !== 0 || this.y !== 0;
  }

  apply() {
    const mirror = this.mirrored ? -1 : 1;
    // Turned a quarter, a film that filled the stage would stick out of it.
    const fit = this.turns % 2 ? Math.min(1, this.fitTurned(this.stage.clientWidth, this.stage.clientHeight)) : 1;
    this.film.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.zoom * fit}) rotate(${90 * this.turns}deg) scaleX(${mirror})`;
    this.changed?.();
  }

  fitTurned(width, height) {
    const { columns = width, rows = height } = this.size ?? {};
    const shown = Math.min(width / columns, height / rows);
    return Math.min(width / (rows * shown), height / (columns * shown));
  }

  /** Zoom by a factor, keeping the point (x, y) of the stage where it is. */
  zoomBy(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const zoom = Math.max(1, Math.min(LARGEST, this.zoom * factor));
    const real = zoom / this.zoom;
    const [dx, dy] = [x - this.stage.clientWidth / 2, y - this.stage.clientHeight / 2];
    this.x = dx - (dx - this.x) * real;
    this.y = dy - (dy - this.y) * real;
    this.zoom = zoom;
    if (zoom === 1) this.x = this.y = 0;
    this.apply();
  }

  wheel(event) {
    event.preventDefault();
    const { left, top } = this.stage.getBoundingClientRect();
    const pixels = event.deltaMode ? NOTCH * Math.sign(event.deltaY) : event.deltaY;
    this.zoomBy(STEP ** -Math.max(-1, Math.min(1, pixels / NOTCH)), event.clientX - left, event.clientY - top);
  }

  in() {
    this.zoomBy(STEP);
  }

  out() {
    this.zoomBy(1 / STEP);
  }

  /** One pixel of the picture on one of the screen. */
  actualSize(x, y) {
    const { columns, rows } = this.size ?? {};
    if (!columns) return;
    const shown = Math.min(this.stage.clientWidth / columns, this.stage.clientHeight / rows);
    this.zoomBy(1 / (shown * this.zoom * devicePixelRatio), x, y);
  }

  /** Fit, or if it fits already the pixels as they are. */
  toggle(x, y) {
    if (this.moved) Object.assign(this, { zoom: 1, x: 0, y: 0 });
    else return this.zoomBy(2.5, x, y);
    return this.apply();
  }

  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.apply();
  }

  turn() {
    this.turns = (this.turns + 1) % 4;
    this.apply();
  }

  mirror() {
    this.mirrored = !this.mirrored;
    this.apply();
  }
}
