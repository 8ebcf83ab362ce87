// Shows the body part in the legacy Orthanc Explorer. The panel itself is a module that it shares
// with the review page; this script finds the moment and the resource.

(() => {
  'use strict';

  const WEB = '../bodypart/ui/';
  const LEVELS = { patient: 'patients', study: 'studies', series: 'series', instance: 'instances' };
  const panel = import(`${WEB}panel.js`);
  let shown = '';

  for (const name of ['common.css', 'panel.css']) {
    $('<link rel="stylesheet">').attr('href', WEB + name).appendTo('head');
  }

  async function show(page, id) {
    if (!/^[0-9a-f]{8}(-[0-9a-f]{8}){4}$/.test(id)) return;
    shown = id;
    (await panel).show(document.getElementById(page), LEVELS[page], id);
  }

  // The start page has a way in; it may be shown already.
  async function offerWayIn() {
    (await panel).offerWayIn(document.getElementById('lookup'));
  }

  $('#lookup').live('pagebeforeshow', offerWayIn);
  $(offerWayIn);

  for (const page of Object.keys(LEVELS)) {
    $(`#${page}`).live('pagebeforeshow', () => show(page, $.mobile.pageData?.uuid));
  }

  // Explorer refreshes in place, without an event, when only the resource in the address changes.
  // The address is read here, because Explorer may still be busy with the page before.
  $(window).bind('hashchange', () => {
    const [, page, id] = /^#(\w+)\?uuid=([0-9a-f-]+)/.exec(location.hash) ?? [];
    if (LEVELS[page] && id !== shown) show(page, id);
  });
})();
