// One of the files that are shown: its pictures and maps as far as they are here, and what is known of its frames.

import * as client from "./client.js";
import { FrameCache } from "./frames.js";

const lostStays = (_, error) => (error.damaged ? null : undefined);

export class PlayedFile {
  /** number: as the server counts.  clip: as the server describes it.  settings(): of the restoration.  capacity: pictures kept. */
  constructor(number, clip, settings, capacity) {
    this.number = number;
    this.clip = clip;
    const picture = (pixels) => new ImageData(pixels, clip.width, clip.height);
    this.frames = new FrameCache(
      async (index, signal) => picture(await client.frame(number, index, settings(), signal)),
      capacity,
      (index, error) => (error.damaged ? this.lose(index, error.message) : undefined),
      async (first, count, signal) => (await client.frames(number, first, count, settings(), clip.width * clip.height * 4, signal)).map(picture),
    );
    const between = async (key, signal) => {
      const pixels = await client.between(number, key, settings(), signal);
      return pixels && picture(pixels);
    };
    this.between = new FrameCache(between, capacity); // by slow.keyOf; null where nothing may be made
    const original = async (index, signal) => {
      const pixels = await client.original(number, index, signal);
      return pixels && picture(pixels);
    };
    this.originals = new FrameCache(original, Math.max(8, capacity >> 1));
    this.details = new FrameCache((index, signal) => client.details(number, index, signal), 400, lostStays);
    this.bits = new FrameCache((index, signal) => client.bits(number, index, signal), 200, lostStays);
    this.sizes = new Float64Array(clip.frames);
    this.sure = new Uint8Array(clip.frames); // whether the size is the frame's own, not its part of the unit
    this.lost = new Uint8Array(clip.frames);
    this.unitOf = new Int32Array(clip.frames);
    // of frames, by their numbers; null where there is no value
    this.measures = { psnr: new Map(), ssim: new Map(), ssimulacra2: new Map(), vmaf: new Map() };
    for (const unit of clip.units) {
      this.sizes.fill(unit.bytes / unit.count, unit.first, unit.first + unit.count);
      this.unitOf.fill(unit.number, unit.first, unit.first + unit.count);
      if (unit.keyframe) this.sure[unit.first] = 1;
      if (unit.damaged) this.lost.fill(1, unit.first, unit.first + unit.count);
    }
    if (clip.sizes) {
      this.sizes.set(clip.sizes);
      this.sure.fill(1);
    }
  }

  unitAt(index) {
    return this.clip.units[this.unitOf[index]];
  }

  /** Take in what became known, as the server's events have it. */
  learn(message) {
    if (message.bytes) {
      const [index, size] = message.bytes;
      [this.sizes[index], this.sure[index]] = [size, 1];
    } else if (message.quality) {
      const [index, psnr, ssim] = message.quality;
      this.measures.psnr.set(index, psnr);
      this.measures.ssim.set(index, ssim);
    } else if (message.damaged) {
      const [first, count, reason] = message.damaged;
      this.lost.fill(1, first, first + count);
      this.unitAt(first).damaged = reason;
    }
  }

  /** A frame that cannot be decoded, and with it the rest of its unit. */
  lose(index, reason) {
    const unit = this.unitAt(index);
    if (!unit.damaged) this.learn({ damaged: [unit.first, unit.count, reason] });
    return null;
  }

  /** The frame nearest to a time. */
  nearest(time) {
    const { times } = this.clip;
    let [low, high] = [0, times.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < time) low = middle + 1;
      else high = middle;
    }
    return low && time - times[low - 1] <= times[low] - time ? low - 1 : low;
  }

  /** The frame of this file that belongs to a frame of another: nearest in time, within half a frame of that; null for none. */
  counterpart(clip, index) {
    const { times } = clip;
    const distances = [index - 1, index + 1].filter((other) => other >= 0 && other < times.length).map((other) => Math.abs(times[other] - times[index]));
    const found = this.nearest(times[index]);
    return Math.abs(this.clip.times[found] - times[index]) <= Math.min(Infinity, ...distances) / 2 + 1e-6 ? found : null;
  }

  cancel() {
    for (const cache of [this.frames, this.between, this.originals, this.details, this.bits]) cache.cancel();
  }
}
