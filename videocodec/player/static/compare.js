// The difference of two pictures, and how far they are apart, in exact integers.

/** |a − b| · gain of every channel, opaque. */
export function difference(decoded, original, gain) {
  const out = new ImageData(decoded.width, decoded.height);
  const [a, b, target] = [decoded.data, original.data, out.data];
  for (let place = 0; place < a.length; place += 4) {
    target[place] = Math.abs(a[place] - b[place]) * gain;
    target[place + 1] = Math.abs(a[place + 1] - b[place + 1]) * gain;
    target[place + 2] = Math.abs(a[place + 2] - b[place + 2]) * gain;
    target[place + 3] = 255;
  }
  return out;
}
