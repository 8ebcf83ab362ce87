// What many pictures need is fetched a few at a time, so that what a person does never waits behind
// it: a browser opens six connections to a server, and a thumbnail may have to be drawn first.

/** Return what does some work when it is its turn, so many `atOnce`; that resolves as the work does. */
export function turns(atOnce) {
  const waiting = [];
  let running = 0;
  const go = () => {
    if (running === atOnce || !waiting.length) return;
    running += 1;
    waiting.shift()().finally(() => {
      running -= 1;
      go();
    });
  };
  return (work) => new Promise((resolve, reject) => {
    waiting.push(() => work().then(resolve, reject));
    go();
  });
}

const thumbnails = turns(4);

/** Have an image load its address when it is its turn. What left the page meanwhile is not fetched. */
export function loadInTurn(image, address) {
  thumbnails(() => (image.isConnected ? loaded(image, address) : Promise.resolve()));
}

function loaded(image, address) {
  return new Promise((resolve) => {
    image.addEventListener('load', resolve, { once: true });
    image.addEventListener('error', resolve, { once: true });
    image.src = address;
  });
}
