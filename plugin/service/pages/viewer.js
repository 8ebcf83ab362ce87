// The picture: window, zoom, heat map, and what stands in its corners.

import { address, orthanc } from './api.js';
import { Corners } from './corners.js';
import { button, element } from './elements.js';
import { rendered, usualWindow } from './graymap.js';
import { t } from './language.js';
import { keyName } from './own_keys.js';
import { readPicture } from './picture_reader.js';
import { Placement } from './placement.js';

const KEPT = 6;
const FULL = 65535;
const STEP = 255;
/* Of both sliders: an arrow key moves them as far as can be seen. */

export const DRAWN = 'drawn';
export const LOST = 'lost';
const NONE = 'none';
/* What became of a picture: it is on the screen; it could not be fetched; there is none. */

export class Viewer {
  /** `name(label)` is a part's name. */
  constructor(section, name) {
    this.section = section;
    this.name = name;
    this.pictures = new Map();
    this.pointers = new Map();
    this.inverted = false;
    this.heat = false;
    this.canvas = element('canvas', { role: 'img' });
    this.layer = element('img', {
      class: 'layer', alt: '', hidden: true, load: () => this.withHeat(), error: () => this.heatMissing(),
    });
    this.preview = element('img', { class: 'layer', hidden: true });
    this.note = element('p', { class: 'note', role: 'status' });
    this.corners = new Corners();
    this.film = element('div', { class: 'film' }, this.canvas, this.preview, this.layer);
    this.stage = element('div', {
      class: 'stage', pointerdown: (event) => this.grab(event), dblclick: (event) => this.toggleZoom(event),
    }, this.film, this.corners.nodes, this.note);
    this.placement = new Placement(this.stage, this.film, () => this.corners.place(this.placement ?? {}));
    section.append(this.stage, this.controls());
  }

  get keys() {
    return [
      [['m'], t('Heat map on or off'), () => this.toggleHeat()],
      [['i'], t('Invert the picture'), () => this.invert()],
      [['w'], t('Window as the file says, or reset'), () => this.reset()],
      [['a'], t('Window from the picture itself'), () => this.auto()],
      [['+', '='], t('Zoom in'), () => this.placement.in(), true],
      [['-'], t('Zoom out'), () => this.placement.out(), true],
      [['f'], t('Fit, upright'), () => this.placement.reset()],
      [['g'], t('One pixel on one of the screen'), () => this.placement.actualSize()],
      [['t'], t('Turn'), () => this.placement.turn()],
      [['v'], t('Mirror'), () => this.placement.mirror()],
      [['y'], t('Full screen'), () => this.fullScreen()],
    ];
  }

  controls() {
    const slider = (text, id, value) => {
      const input = element('input', { type: 'range', id, min: STEP, max: FULL, step: STEP, value, input: () => this.slide(input) });
      return element('label', { class: 'slider', for: id }, element('span', {}, text), input);
    };
    const level = slider(t('Level'), 'level', FULL / 2);
    const width = slider(t('Window'), 'width', FULL);
    this.level = level.querySelector('input');
    this.width = width.querySelector('input');
    this.units = element('span', { class: 'units quiet' });
    const pressed = (text, key, click) => button(text, { 'aria-pressed': 'false', title: keyName(key), click });
    this.heatButton = pressed(t('Heat map'), 'M', () => this.toggleHeat());
    this.invertButton = pressed(t('Invert'), 'I', () => this.invert());
    this.fileButton = button(t('File’s window'), { title: keyName('W'), click: () => this.reset() });
    const tool = (sign, name, key, click) => button(sign, { class: 'tool', 'aria-label': name, title: `${name} (${keyName(key)})`, click });
    return element('div', { class: 'controls' }, level, width, this.units,
      this.fileButton, button(t('Auto'), { title: keyName('A'), click: () => this.auto() }), this.invertButton, this.heatButton,
      element('span', { class: 'tools' },
        tool('+', t('Zoom in'), '+', () => this.placement.in()), tool('−', t('Zoom out'), '-', () => this.placement.out()),
        tool(t('Fit'), t('Fit, upright'), 'F', () => this.placement.reset()), tool('1:1', t('One pixel on one of the screen'), 'G', () => this.placement.actualSize()),
        tool('⟳', t('Turn'), 'T', () => this.placement.turn()), tool('⇋', t('Mirror'), 'V', () => this.placement.mirror()),
        tool('⤢', t('Full screen'), 'Y', () => this.fullScreen())));
  }

  /**
   * Draw an instance; what is known of it comes by `describe`. Resolves to what became of it. As
   * long as its picture is on the way, no other one stands there.
   */
  async show(instance) {
    if (!this.pictures.get(instance)?.ready) this.clear(t('Loading…'));
    this.instance = instance;
    this.label = null;
    this.drawHeat();
    this.corners.clear();
    const kept = this.picture(instance);
    const picture = kept.ready ?? await kept.picture;
    if (this.instance !== instance) return NONE;
    this.current = picture;
    this.canvas.hidden = !picture;
    this.note.textContent = '';
    this.placement.size = picture;
    this.placement.reset();
    if (!picture) return this.showPreview(instance, kept.lost);
    this.preview.hidden = true;
    this.fileButton.textContent = picture.window ? t('File’s window') : t('Reset');
    this.reset();
    return DRAWN;
  }

  async showPreview(instance, lost) {
    this.preview.src = orthanc(`instances/${instance}/preview`);
    const there = await this.preview.decode().then(() => true, () => false);
    if (this.instance !== instance) return NONE;
    this.preview.hidden = !there;
    const missing = lost ? t('The picture could not be fetched; it is asked for again.') : t('This instance has no picture.');
    this.note.textContent = there ? t('Orthanc’s own preview: window and level cannot be set.') : missing;
    if (there) return DRAWN;
    return lost ? LOST : NONE;
  }

  /** Say what is shown; `label` is what the heat map explains, null if the model saw nothing. */
  describe(label, description, part) {
    this.label = label;
    this.canvas.setAttribute('aria-label', description);
    this.preview.alt = description;
    this.heatButton.disabled = !label;
    this.drawHeat();
    this.corners.show(this.instance, part);
  }

  clear(note = '') {
    this.instance = this.current = null;
    this.canvas.hidden = this.preview.hidden = true;
    this.label = null;
    this.drawHeat();
    this.corners.clear();
    this.note.textContent = note;
  }

  /** Fetch what will probably be asked for next, one after the other, as long as nobody went on. */
  async prepare(instances) {
    const shown = this.instance;
    this.corners.prepare(instances[0]);
    for (const instance of instances) if (this.instance === shown) await this.picture(instance).picture;
  }

  has(instance) {
    return this.pictures.has(instance);
  }

  /**
   * {picture, ready, lost}: a promise, which gives null for none; the picture itself once it is
   * there. Those that were wanted last are kept.
   */
  picture(instance) {
    const kept = this.pictures.get(instance) ?? this.fetched(instance);
    this.pictures.delete(instance);
    this.pictures.set(instance, kept);
    if (this.pictures.size > KEPT) {
      const [[oldest, dropped]] = this.pictures;
      this.pictures.delete(oldest);
      // The memory of a bitmap is large, and no garbage collector counts it.
      dropped.picture.then((picture) => picture?.drawn.close());
    }
    return kept;
  }

  fetched(instance) {
    const kept = {};
    kept.picture = readPicture(instance).then((picture) => (kept.ready = picture), (error) => {
      kept.lost = Boolean(error.mayPass);
      if (this.pictures.get(instance) === kept) this.pictures.delete(instance);
      return null;
    });
    return kept;
  }

  /** The window that the file asks for; if it asks for none, the picture's own. */
  reset() {
    if (this.current?.window) this.setWindow(this.current.window);
    else this.auto();
  }

  auto() {
    if (this.current) this.setWindow(this.current.usual ??= usualWindow(this.current));
  }

  setWindow({ centre, width }) {
    this.window = { centre, width: Math.max(1, width) };
    this.level.value = this.window.centre;
    this.width.value = this.window.width;
    this.redraw();
  }

  slide(moved) {
    this.window = { ...this.window, [moved === this.level ? 'centre' : 'width']: Number(moved.value) };
    this.redraw();
  }

  redraw() {
    if (!this.current) return;
    const { columns, rows, drawn, low, high } = this.current;
    if (this.canvas.width !== columns || this.canvas.height !== rows) Object.assign(this.canvas, { width: columns, height: rows });
    const context = this.canvas.getContext('2d');
    if (this.asDrawn()) context.drawImage(drawn, 0, 0);
    else context.putImageData(rendered(this.current, this.window, this.inverted), 0, 0);
    const scale = (high - low) / FULL;
    const [centre, width] = [Math.round(low + this.window.centre * scale), Math.round(this.window.width * scale)];
    this.units.textContent = `C ${centre}  W ${width}`;
    this.level.setAttribute('aria-valuetext', centre);
    this.width.setAttribute('aria-valuetext', width);
  }

  /** Whether the picture is to be shown as it was drawn ahead. */
  asDrawn() {
    const { centre, width } = this.current.window ?? this.current.usual;
    return !this.inverted && this.window.centre === centre && this.window.width === width;
  }

  /**
   * A finger or the mouse goes down: two fingers zoom; on a film that is zoomed, or with the middle
   * button, one moves it; else one sets window (across) and level (up and down).
   */
  grab(start) {
    if (![0, 1].includes(start.button)) return;
    this.pointers.set(start.pointerId, { x: start.clientX, y: start.clientY });
    this.stage.setPointerCapture(start.pointerId);
    const moves = start.button === 1 || (this.placement.zoom > 1 && !start.shiftKey);
    const { centre, width } = this.window ?? {};
    const scale = FULL / Math.max(300, this.stage.clientWidth);
    let due = null;
    let alone = this.pointers.size === 1;
    const move = (event) => {
      const before = this.pointers.get(event.pointerId);
      if (!before || event.pointerId !== start.pointerId) return;
      const now = { x: event.clientX, y: event.clientY };
      // The last of two fingers, which came a long way while they zoomed, sets no window.
      alone &&= this.pointers.size === 1;
      if (this.pointers.size > 1) this.pinch(event.pointerId, before, now);
      else if (moves) this.placement.move(now.x - before.x, now.y - before.y);
      else if (alone && this.current && centre !== undefined) {
        due ??= requestAnimationFrame(() => {
          due = null;
          const { x, y } = this.pointers.get(start.pointerId) ?? now;
          this.setWindow({ centre: centre + (y - start.clientY) * scale / 2, width: width + (x - start.clientX) * scale });
        });
      }
      this.pointers.set(event.pointerId, now);
    };
    const end = (event) => {
      if (event.pointerId !== start.pointerId) return;
      this.pointers.delete(start.pointerId);
      for (const name of ['pointerup', 'pointercancel']) this.stage.removeEventListener(name, end);
      this.stage.removeEventListener('pointermove', move);
    };
    this.stage.addEventListener('pointermove', move);
    for (const name of ['pointerup', 'pointercancel']) this.stage.addEventListener(name, end);
  }

  pinch(id, before, now) {
    const other = [...this.pointers].find(([key]) => key !== id)[1];
    const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y);
    const { left, top } = this.stage.getBoundingClientRect();
    this.placement.zoomBy(apart(now) / Math.max(apart(before), 1), (now.x + other.x) / 2 - left, (now.y + other.y) / 2 - top);
  }

  toggleZoom(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    this.placement.toggle(event.clientX - left, event.clientY - top);
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.section.requestFullscreen?.();
  }

  invert() {
    this.inverted = !this.inverted;
    this.invertButton.setAttribute('aria-pressed', this.inverted);
    this.redraw();
  }

  toggleHeat() {
    this.heat = !this.heat;
    this.heatButton.setAttribute('aria-pressed', this.heat);
    this.drawHeat();
  }

  /** Explain another label than the model's first choice. */
  explain(label) {
    this.label = label;
    this.heat = true;
    this.heatButton.setAttribute('aria-pressed', true);
    this.drawHeat();
  }

  /** Where the model looked lies over the picture once it is there: never that of another one. */
  drawHeat() {
    const wanted = this.heat && this.label
      ? address(`instances/${this.instance}/heatmap`, { label: this.label, over: 'nothing' }) : '';
    if (wanted === this.explained) return;
    this.explained = wanted;
    this.layer.hidden = true;
    if (this.note.textContent === this.layer.alt) this.note.textContent = '';
    this.layer.alt = wanted && t('Where the model saw {part}', { part: this.name(this.label) });
    if (wanted) this.layer.src = wanted;
    else this.layer.removeAttribute('src');
  }

  /** What it explains is said as well: of several guesses, nobody sees which one it is. */
  withHeat() {
    this.layer.hidden = !(this.explained && this.layer.complete);
    if (!this.layer.hidden) this.note.textContent = this.layer.alt;
  }

  heatMissing() {
    this.explained = '';
    this.layer.hidden = true;
    this.note.textContent = t('There is no heat map for this picture.');
  }
}
