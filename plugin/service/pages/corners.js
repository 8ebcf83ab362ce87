// What stands in the corners of a film: part and side, view, age, and which way is which.

import { getOrthanc } from './api.js';
import { element } from './elements.js';
import { age, date } from './language.js';

const OPPOSITE = { A: 'P', P: 'A', R: 'L', L: 'R', H: 'F', F: 'H' };
/** From the middle of a film: the edges clockwise, starting at the right. */
const EDGES = ['right', 'bottom', 'left', 'top'];

export class Corners {
  constructor() {
    this.topLeft = element('p', { class: 'corner start' });
    this.topRight = element('p', { class: 'corner end' });
    this.edges = Object.fromEntries(EDGES.map((edge) => [edge, element('span', { class: `edge at-${edge}` })]));
    this.nodes = [this.topLeft, this.topRight, ...Object.values(this.edges)];
  }

  /** Ask for what will be shown next. */
  prepare(instance) {
    tagsOf(instance);
  }

  /** What is still on its way is of another picture by then. */
  clear() {
    this.instance = null;
    for (const node of this.nodes) node.textContent = '';
    this.orientation = [];
  }

  /** `part` is the answer in words; tags come from Orthanc, once for each film. */
  async show(instance, part) {
    this.clear();
    this.instance = instance;
    this.topLeft.textContent = part;
    const tags = await tagsOf(instance);
    if (this.instance !== instance) return;
    this.topRight.textContent = [
      viewAndSide(tags), ageTold(tags.PatientAge), date(tags.StudyDate),
    ].filter(Boolean).join('\n');
    this.orientation = String(tags.PatientOrientation ?? '').toUpperCase().split('\\');
    this.place(this.placement ?? {});
  }

  /** Put the letters of Patient Orientation (PS3.3 C.7.6.1.1.1) where they belong now. */
  place({ turns = 0, mirrored = false }) {
    this.placement = { turns, mirrored };
    const [row = '', column = ''] = this.orientation ?? [];
    if (!/^[APRLHF]{1,3}$/.test(row) || !/^[APRLHF]{1,3}$/.test(column)) return;
    const around = [row, column, opposite(row), opposite(column)];
    if (mirrored) [around[0], around[2]] = [around[2], around[0]];
    EDGES.forEach((edge, at) => { this.edges[edge].textContent = around[(at - turns + 4) % 4]; });
  }
}

/** View position and side as the file's letters say them: "AP L". */
export function viewAndSide(tags) {
  return [tags.ViewPosition, tags.ImageLaterality || tags.Laterality].filter(Boolean).join(' ');
}

const SHOWN = ['ViewPosition', 'ImageLaterality', 'Laterality', 'PatientAge', 'StudyDate', 'PatientOrientation'];
const MOST_KNOWN = 1000;
const known = new Map();

/** The few tags of a picture that are shown, empty where they cannot be had; asked for once. */
export function tagsOf(instance) {
  if (!known.has(instance)) {
    known.set(instance, getOrthanc(`instances/${instance}/simplified-tags`).then(
      (tags) => Object.fromEntries(SHOWN.map((name) => [name, tags[name]])),
      () => {
        known.delete(instance);
        return {};
      },
    ));
    if (known.size > MOST_KNOWN) known.delete(known.keys().next().value);
  }
  return known.get(instance);
}

function opposite(letters) {
  return [...letters].map((letter) => OPPOSITE[letter]).join('');
}

/** 045Y as "45 years". */
function ageTold(text) {
  const found = /^(\d{3})([DWMY])$/.exec(text ?? '');
  return found ? age(Number(found[1]), { D: 'day', W: 'week', M: 'month', Y: 'year' }[found[2]]) : '';
}
