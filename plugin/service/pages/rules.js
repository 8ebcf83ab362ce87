// The rules that send pictures on: what each takes, where to, when; and how to begin without any.

import { element, keepKeyboard } from './elements.js';
import { t } from './language.js';
import { spokenConditions } from './rule_words.js';

const FIRST_RULE = `{
  "DicomModalities": {"CHESTAI": ["CHEST_AI", "10.0.0.7", 104]},
  "BodyPart": {
    "Routes": [
      {"Name": "chest-ai",
       "If": {"Examined": "chest", "View": "frontal", "MinProbability": 0.9},
       "To": ["modality:CHESTAI"]}
    ]
  }
}`;

export class Rules {
  /** `oldStock` counts and applies; `name(label)` is a part's name. */
  constructor(oldStock, name) {
    Object.assign(this, { oldStock, name });
    this.node = element('ol', { class: 'rules' });
  }

  /** A rule stays where it is: only what is told of the old stock is told anew. */
  draw(rules) {
    const text = JSON.stringify(rules);
    if (text !== this.drawn) keepKeyboard(this.node, () => this.node.replaceChildren(...rules.map((rule) => this.rule(rule))));
    this.drawn = text;
    for (const stock of this.node.querySelectorAll('.stock')) {
      const fresh = element('div', {}, this.oldStock.parts(stock.parentNode.dataset.rule));
      if (stock.innerHTML !== fresh.innerHTML) keepKeyboard(stock, () => stock.replaceChildren(...fresh.childNodes));
    }
  }

  rule(rule) {
    const chips = rule.Otherwise ? [t('what no other rule takes')] : spokenConditions(rule.If, this.name);
    const when = [rule.When === 'always' ? '' : t('leaves {window}', { window: rule.When }), rule.Urgent ? t('at once, before the series is complete') : ''];
    return element('li', { 'data-rule': rule.Name },
      element('h3', {}, rule.Name),
      element('p', { class: 'chips' }, (chips.length ? chips : [t('every picture')]).map((one) => element('span', { class: 'chip' }, one))),
      element('p', {}, `→ ${rule.To.join(', ')}`),
      when.some(Boolean) ? element('p', { class: 'quiet' }, when.filter(Boolean).join('; ')) : '',
      element('div', { class: 'stock', role: 'status' }));
  }
}

/** What stands there as long as there is no rule. */
export function howToBegin() {
  return element('section', { class: 'card begin' },
    element('h2', {}, t('There are no rules yet')),
    element('p', {}, t('Rules send pictures on by what they show: chests to a chest AI, bones to a fracture AI. Nothing leaves this archive unless a rule says so.')),
    element('ol', {},
      element('li', {}, t('Name the receiver in Orthanc’s configuration, and write a rule beside it:'),
        element('pre', { tabindex: 0, 'aria-label': t('An example of a rule') }, FIRST_RULE)),
      element('li', {}, t('Restart Orthanc. A word that is not understood stops the start with one line that names it.')),
      element('li', {}, t('Come back: try the rule here on a picture, and see what becomes of it.'))),
    element('p', { class: 'quiet' }, t('All conditions, receivers and recipes: docs/routing.md.')));
}
