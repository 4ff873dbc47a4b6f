// Measures that take long, of the frames of the file that is shown: first of the frame on the screen, then, while nobody does anything,
// of the others, spread over the clip, so that a bad place is found early.

import * as client from "./client.js";

const EVERY = 150; // ms, between two looks at whether there is something to do
const REST = 1500; // ms without a key or a picture, before other frames than the shown one are measured

export const MEASURES = {
  psnr: { label: "PSNR", text: (value) => `${value.toFixed(2)} dB`, short: (value) => `${value.toFixed(1)} dB` },
  ssim: { label: "SSIM", text: (value) => value.toFixed(4), short: (value) => value.toFixed(3) },
  ssimulacra2: { label: "SSIMULACRA2", text: (value) => value.toFixed(2), short: (value) => value.toFixed(1), slow: true },
  vmaf: { label: "VMAF", text: (value) => value.toFixed(2), short: (value) => value.toFixed(1), slow: true },
};

/** The frame with the lowest value of those measured so far (Map of index → value or null); null where none is. */
export function worst(values) {
  let [lowest, found] = [Infinity, null];
  for (const [index, value] of values) if (value !== null && value < lowest) [lowest, found] = [value, index];
  return found;
}

/** Numbers 0..count-1, coarse steps first. */
export function* spread(count) {
  for (let step = 1 << 10; step >= 1; step >>= 1) {
    for (let index = 0; index < count; index += step) if (step === 1 << 10 || index % (2 * step)) yield index;
  }
}

export class Measuring {
  /**
   * page: gives file, shown (frame on the screen) and quiet (ms since the person did anything, 0 while playing).
   * onValue(file, index), onFailure(text): what came of it.
   */
  constructor(page, onValue, onFailure) {
    this.page = page;
    this.onValue = onValue;
    this.onFailure = onFailure;
    this.name = "psnr";
    this.busy = false;
    this.refused = new Set();
    this.timer = setInterval(() => this.look(), EVERY);
  }

  choose(name) {
    this.name = name;
    this.refused.delete(name);
    this.look();
  }

  async look() {
    const { name, page } = this;
    if (this.busy || !MEASURES[name].slow || this.refused.has(name) || !page.file.clip.original) return;
    const { file } = page;
    const index = this.next(file, file.measures[name]);
    if (index === null) return;
    this.busy = true;
    try {
      const { value } = await client.measure(file.number, index, name);
      file.measures[name].set(index, value);
      this.onValue(file, index);
    } catch (error) {
      this.refused.add(name);
      this.onFailure(error.message);
    } finally {
      this.busy = false;
    }
    if (page.quiet > REST) this.look();
  }

  next(file, known) {
    const { shown, quiet } = this.page;
    if (quiet && shown >= 0 && !known.has(shown)) return shown;
    if (quiet <= REST || known.size >= file.clip.frames) return null;
    for (const index of spread(file.clip.frames)) if (!known.has(index)) return index;
    return null;
  }

  stop() {
    clearInterval(this.timer);
  }
}
