// Building the page. Whatever comes from outside enters as a text node or as the value of a
// harmless attribute, never as markup.

export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export function button(text, properties = {}) {
  return element('button', { type: 'button', ...properties }, text);
}

/** A text for those who listen, where others see a colour or a sign; empty for none. */
export function unseen(text) {
  return text ? element('span', { class: 'hidden' }, ` ${text}`) : '';
}

/** Do what a button was pressed for, and nothing more until that is done; the keyboard stays on it. */
export async function onlyOnce(node, work) {
  if (node.ariaDisabled === 'true') return;
  node.ariaDisabled = 'true';
  try {
    await work();
  } finally {
    node.ariaDisabled = null;
  }
}

/**
 * Change what stands in a node. A keyboard that was in it stays where the same words are, else on the
 * node itself: it is neither lost nor on something that nobody chose.
 */
export function keepKeyboard(node, change) {
  const { activeElement: active } = document;
  const within = node.contains(active);
  change();
  if (!within || node.contains(document.activeElement)) return;
  const same = active.isConnected ? active : [...node.querySelectorAll('button:enabled, a')].find((one) => one.textContent === active.textContent);
  if (!same) node.tabIndex = -1;
  (same ?? node).focus({ preventScroll: true });
}

/** A term and its value, for a description list. */
export function entry(term, ...value) {
  return [element('dt', {}, term), element('dd', {}, ...value)];
}
