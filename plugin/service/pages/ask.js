// A question before something that is not done lightly.

import { button, element } from './elements.js';
import { t } from './language.js';

/** A word on a picture that nobody could look at is a step of its own. */
export function askToSignUnseen() {
  return ask(t('Sign without having seen the picture?'),
    [t('The picture cannot be shown here, so nobody looked at it on this page.'), t('What you sign counts as a person’s word all the same.')],
    t('Sign unseen'));
}

/** Ask a person; resolves to whether they said yes, in the words of `yes`. */
export function ask(title, sentences, yes) {
  return new Promise((resolve) => {
    let answer = false;
    const dialog = element('dialog', {
      class: 'bodypart ask', 'aria-labelledby': 'ask-title', close: () => { dialog.remove(); resolve(answer); },
    },
    element('h2', { id: 'ask-title' }, title), sentences.map((text) => element('p', {}, text)),
    element('div', { class: 'actions' },
      button(yes, { class: 'primary', click: () => { answer = true; dialog.close(); } }),
      button(t('Cancel'), { autofocus: true, click: () => dialog.close() })));
    document.body.append(dialog);
    dialog.showModal();
  });
}
