// What was just done, said at the edge of the page, with the way back.

import { button, element } from './elements.js';
import { t } from './language.js';
import { keycap } from './own_keys.js';

const SHORT = 6000;
const WITH_UNDO = 12_000;
const LATE = 1000;
/* Milliseconds after which what is not answered yet is told to be on its way. */

export class Toast {
  /** `undo` takes the last action back. */
  constructor(node, undo) {
    this.node = node;
    this.undo = undo;
    // Who reads, or is about to press, is not hurried.
    for (const name of ['pointerenter', 'focusin']) node.addEventListener(name, () => clearTimeout(this.timer));
    node.addEventListener('pointerenter', ({ pointerType }) => { this.pointer = pointerType; });
    for (const name of ['pointerleave', 'focusout']) node.addEventListener(name, () => this.hideSoon());
    node.addEventListener('focusin', ({ relatedTarget }) => { if (!node.contains(relatedTarget)) this.from = relatedTarget; });
  }

  /**
   * Say something; with `undo`, offer to take it back; `more` is a link to what follows from it. What
   * `stays` stands there until something else is said.
   */
  tell(text, { undo = false, more = null, stays = false } = {}) {
    clearTimeout(this.late);
    const { activeElement: active } = document;
    const focused = this.node.contains(active);
    this.text = text;
    this.pause = stays ? null : undo ? WITH_UNDO : SHORT;
    // It is there, empty, before it says anything: of what only then appears a screen reader tells nothing.
    this.comeUp();
    this.node.replaceChildren(element('span', {}, text));
    if (more) this.node.append(more);
    if (undo) {
      this.node.append(element('button', { type: 'button', click: () => this.undo() }, t('Undo'), ' ', keycap('Z')));
    }
    this.node.append(button('×', { class: 'close', 'aria-label': t('Close'), click: () => this.hide() }));
    // Who is about to press stays there if the same is offered again: in the view, Enter would be a word.
    const same = focused && [...this.node.querySelectorAll('button')].find((one) => one.textContent === active.textContent);
    if (same) same.focus();
    else if (focused) this.goBack();
    this.hideSoon();
  }

  /** Say what is on its way, if nothing else is said in a moment: what takes long must not look done. */
  tellIfLate(text) {
    clearTimeout(this.late);
    this.late = setTimeout(() => this.tell(text, { stays: true }), LATE);
  }

  /** What was pressed here is gone: the keyboard is where it came from, or where the view has it by now. */
  goBack() {
    // A line or tile that the view has left is another picture.
    const from = this.from?.isConnected && !this.from.matches('.line[tabindex="-1"], .tile[tabindex="-1"]') ? this.from : null;
    (from ?? document.querySelector('main:not([hidden]) [tabindex="0"]'))?.focus({ preventScroll: true });
  }

  hideSoon() {
    clearTimeout(this.timer);
    // Where a finger was, CSS says that it hovers, for as long as it touches nothing else.
    const read = this.node.matches(this.pointer === 'touch' ? ':focus-within' : ':hover, :focus-within');
    if (this.pause && !read) this.timer = setTimeout(() => this.hide(), this.pause);
  }

  /** Stand within an open dialog: what is outside of it can be neither clicked nor heard. */
  comeUp() {
    const dialog = document.querySelector('dialog[open]');
    const place = dialog ?? document.body;
    if (this.node.parentNode !== place) place.append(this.node);
    dialog?.addEventListener('close', () => document.body.append(this.node), { once: true });
  }

  /** Whether this is what stands there now. */
  says(text) {
    return this.text === text;
  }

  hide() {
    const focused = this.node.contains(document.activeElement);
    this.text = '';
    this.node.replaceChildren();
    if (focused) this.goBack();
  }
}
