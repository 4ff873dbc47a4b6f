// What people do who look for faults: keyframes, the worst frame, one side moved against the other, where we are as text.

import * as format from "./format.js";

/** The first frame of the next keyframe's unit after frame index, or of the last one before it; null where there is none. */
export function keyframe(clip, index, forward) {
  const firsts = clip.units.filter((unit) => unit.keyframe).map((unit) => unit.first);
  const found = forward ? firsts.find((first) => first > index) : firsts.findLast((first) => first < index);
  return found ?? null;
}

/** The frame with the lowest PSNR of those compared so far (Map of index → [psnr, ssim]); null where none is. */
export function worst(quality) {
  let [lowest, found] = [Infinity, null];
  for (const [index, [psnr]] of quality) if (psnr < lowest) [lowest, found] = [psnr, index];
  return found;
}

/** A frame's number and time, as one pastes them into a report. */
export const place = (clip, index) => `${clip.name} frame ${index} at ${format.seconds(clip.times[index])} (${clip.times[index].toFixed(6)} s)`;

/** By how much the original is moved against the stream, for people. */
export function shifted(count) {
  if (!count) return "The original at its own time";
  return `The original ${Math.abs(count)} frame${Math.abs(count) === 1 ? "" : "s"} ${count > 0 ? "later" : "earlier"}`;
}
