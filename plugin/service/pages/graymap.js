// Reads the plugin's 16-bit portable graymap, and draws it through a window.

const TOP = 65535;

/**
 * Parse a binary PGM with 65535 grey values: {columns, rows, values: Uint16Array, low, high,
 * window}. `low` and `high` are the values that 0 and 65535 stand for, `window` what the file asks
 * to be shown through, {centre, width} in grey values of the picture, or null; `told` has both as
 * the answer's headers say them.
 */
export function parseGraymap(buffer, told) {
  const head = new TextDecoder('ascii').decode(new Uint8Array(buffer, 0, Math.min(64, buffer.byteLength)));
  const found = /^P5\n(\d+) (\d+)\n65535\n/.exec(head);
  if (!found) throw new Error('the picture is no 16-bit graymap');
  const columns = Number(found[1]);
  const rows = Number(found[2]);
  const source = new DataView(buffer, found[0].length);
  const values = new Uint16Array(columns * rows);
  for (let at = 0; at < values.length; at += 1) values[at] = source.getUint16(2 * at);
  const [low, high] = numbers(told.values) ?? [0, TOP];
  const asked = numbers(told.window);
  const scale = TOP / Math.max(high - low, 1e-6);
  const window = asked && { centre: (asked[0] - low) * scale, width: Math.max(1, asked[1] * scale) };
  return { columns, rows, values, low, high, window };
}

function numbers(text) {
  const pair = text?.split(' ').map(Number);
  return pair?.length === 2 && pair.every(Number.isFinite) ? pair : null;
}

/** The window that shows all but the darkest and brightest half percent: {centre, width}. */
export function usualWindow({ values }) {
  const histogram = new Uint32Array(65536);
  for (const value of values) histogram[value] += 1;
  const low = quantile(histogram, 0.005 * values.length);
  const high = quantile(histogram, 0.995 * values.length);
  return { centre: (low + high) / 2, width: Math.max(high - low, 1) };
}

function quantile(histogram, count) {
  let seen = 0;
  for (let value = 0; value < histogram.length; value += 1) {
    seen += histogram[value];
    if (seen >= count) return value;
  }
  return histogram.length - 1;
}

/** The picture through a window (PS3.3 C.11.2.1.2: linear, clipped), as ImageData. */
export function rendered(picture, { centre, width }, inverted) {
  const lookup = new Uint32Array(65536);
  for (let value = 0; value < lookup.length; value += 1) {
    const share = Math.min(1, Math.max(0, (value - centre) / width + 0.5));
    const grey = Math.round(255 * (inverted ? 1 - share : share));
    lookup[value] = (255 << 24) | (grey << 16) | (grey << 8) | grey;
  }
  const image = new ImageData(picture.columns, picture.rows);
  const pixels = new Uint32Array(image.data.buffer);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = lookup[picture.values[at]];
  return image;
}
