// Thumbnails are fetched a few at a time, so that what a person does never waits behind them: a
// browser opens six connections to a server, and a thumbnail may have to be drawn first.

const AT_ONCE = 4;
const waiting = [];
let running = 0;

/** Have an image load its address when it is its turn. */
export function loadInTurn(image, address) {
  waiting.push({ image, address });
  go();
}

function go() {
  while (running < AT_ONCE && waiting.length) {
    const { image, address } = waiting.shift();
    // What left the page meanwhile is not fetched.
    if (!image.isConnected) continue;
    running += 1;
    const done = () => {
      image.removeEventListener('load', done);
      image.removeEventListener('error', done);
      running -= 1;
      go();
    };
    image.addEventListener('load', done);
    image.addEventListener('error', done);
    image.src = address;
  }
}
