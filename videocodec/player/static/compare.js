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

export const MOST_ERROR = 64; // levels; the scale of the heat map ends there
const SIDE = 8; // px

/** Root of the mean squared error, in levels, of every 8 × 8 px: { rows, columns, values }, of all: mean, and worst at place [x, y]. */
export function errors(decoded, original) {
  const { width, height } = decoded;
  const [rows, columns] = [Math.ceil(height / SIDE), Math.ceil(width / SIDE)];
  const sums = new Float64Array(rows * columns);
  const [a, b] = [decoded.data, original.data];
  for (let y = 0, place = 0; y < height; y += 1) {
    const row = Math.floor(y / SIDE) * columns;
    for (let x = 0; x < width; x += 1, place += 4) {
      const [red, green, blue] = [a[place] - b[place], a[place + 1] - b[place + 1], a[place + 2] - b[place + 2]];
      sums[row + (x >> 3)] += red * red + green * green + blue * blue;
    }
  }
  const total = sums.reduce((sum, value) => sum + value, 0);
  const pixels = (cell) => Math.min(SIDE, width - SIDE * (cell % columns)) * Math.min(SIDE, height - SIDE * Math.floor(cell / columns));
  const values = Float32Array.from(sums, (sum, cell) => Math.sqrt(sum / (3 * pixels(cell))));
  const worst = values.reduce((best, value, cell) => (value > values[best] ? cell : best), 0);
  return { rows, columns, values, mean: Math.sqrt(total / (3 * width * height)), worst: values[worst], place: [SIDE * (worst % columns), SIDE * Math.floor(worst / columns)] };
}
