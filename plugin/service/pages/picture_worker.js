// Apart from the page: reads a picture and draws it ahead, so that no key waits for that.

import { parseGraymap, rendered, usualWindow } from './graymap.js';

addEventListener('message', async ({ data: { number, bytes, told } }) => {
  try {
    const picture = parseGraymap(bytes, told);
    if (!picture.window) picture.usual = usualWindow(picture);
    picture.drawn = await createImageBitmap(rendered(picture, picture.window ?? picture.usual, false));
    postMessage({ number, picture }, [picture.values.buffer, picture.drawn]);
  } catch (error) {
    postMessage({ number, trouble: error.message });
  }
});
