// The picture: window and level by dragging or sliders, inversion, heat map on and off.

import { address, getBytes, orthanc } from './api.js';
import { button, element } from './elements.js';
import { draw, parseGraymap, usualWindow } from './graymap.js';

const KEPT = 6;
const FULL = 65535;

export class Viewer {
  constructor(section) {
    this.pictures = new Map();
    this.inverted = false;
    this.heat = false;
    this.canvas = element('canvas', { role: 'img' });
    this.layer = element('img', { class: 'layer', alt: '', hidden: true, error: () => this.heatMissing() });
    this.preview = element('img', { class: 'layer', hidden: true, error: () => this.nothing() });
    this.note = element('p', { class: 'note', role: 'status' });
    this.stage = element('div', { class: 'stage', pointerdown: (event) => this.grab(event) },
      this.canvas, this.preview, this.layer, this.note);
    section.append(this.stage, this.controls());
  }

  controls() {
    const slider = (text, id, value) => {
      const input = element('input', { type: 'range', id, min: 1, max: FULL, value, input: () => this.slide() });
      return [element('label', { for: id }, text), input];
    };
    const [levelLabel, level] = slider('Level', 'level', FULL / 2);
    const [widthLabel, width] = slider('Window', 'width', FULL);
    this.level = level;
    this.width = width;
    this.heatButton = button('Heat map', { 'aria-pressed': 'false', title: 'M', click: () => this.toggleHeat() });
    this.invertButton = button('Invert', { 'aria-pressed': 'false', title: 'I', click: () => this.invert() });
    return element('div', { class: 'controls' }, levelLabel, level, widthLabel, width,
      this.heatButton, this.invertButton, button('Reset', { title: 'R', click: () => this.reset() }));
  }

  /** Show an instance; `label` is what the heat map explains, null if the model saw nothing. */
  async show(instance, label, description) {
    this.instance = instance;
    this.label = label;
    this.canvas.setAttribute('aria-label', description);
    this.preview.alt = description;
    this.heatButton.disabled = !label;
    this.drawHeat();
    const picture = await this.picture(instance);
    if (this.instance !== instance) return;
    this.current = picture;
    this.canvas.hidden = !picture;
    this.preview.hidden = Boolean(picture);
    this.note.textContent = '';
    if (picture) {
      this.reset();
    } else {
      this.preview.src = orthanc(`instances/${instance}/preview`);
      this.note.textContent = 'Orthanc’s own preview: window and level cannot be set.';
    }
    this.stage.dataset.shown = instance;
  }

  clear() {
    this.instance = this.current = null;
    this.canvas.hidden = this.preview.hidden = this.layer.hidden = true;
    this.note.textContent = '';
  }

  /** Fetch what will probably be asked for next. */
  prepare(instance) {
    this.picture(instance);
  }

  picture(instance) {
    if (!this.pictures.has(instance)) {
      this.pictures.set(instance, getBytes(`instances/${instance}/picture`).then(parseGraymap, () => {
        this.pictures.delete(instance);
        return null;
      }));
      if (this.pictures.size > KEPT) this.pictures.delete(this.pictures.keys().next().value);
    }
    return this.pictures.get(instance);
  }

  reset() {
    if (!this.current) return;
    this.window = this.current.usual ??= usualWindow(this.current);
    this.level.value = this.window.centre;
    this.width.value = this.window.width;
    this.redraw();
  }

  slide() {
    this.window = { centre: Number(this.level.value), width: Number(this.width.value) };
    this.redraw();
  }

  redraw() {
    if (this.current) draw(this.canvas, this.current, this.window, this.inverted);
  }

  grab(start) {
    if (!this.current || start.button !== 0) return;
    const { centre, width } = this.window;
    const scale = FULL / Math.max(300, this.stage.clientWidth);
    let due = false;
    const move = (event) => {
      const across = (event.clientX - start.clientX) * scale;
      const down = (event.clientY - start.clientY) * scale;
      this.window = { centre: centre + down / 2, width: Math.max(1, width + across) };
      this.level.value = this.window.centre;
      this.width.value = this.window.width;
      if (!due) requestAnimationFrame(() => { due = false; this.redraw(); });
      due = true;
    };
    const end = () => {
      this.stage.removeEventListener('pointermove', move);
      this.stage.removeEventListener('pointerup', end);
      this.stage.removeEventListener('pointercancel', end);
    };
    this.stage.setPointerCapture(start.pointerId);
    this.stage.addEventListener('pointermove', move);
    this.stage.addEventListener('pointerup', end);
    this.stage.addEventListener('pointercancel', end);
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

  drawHeat() {
    this.layer.hidden = !(this.heat && this.label);
    if (this.layer.hidden) return;
    this.layer.src = address(`instances/${this.instance}/heatmap`, { label: this.label, over: 'nothing' });
  }

  heatMissing() {
    this.layer.hidden = true;
    this.note.textContent = 'There is no heat map for this picture.';
  }

  nothing() {
    this.preview.hidden = true;
    this.note.textContent = 'This instance has no picture.';
  }
}
