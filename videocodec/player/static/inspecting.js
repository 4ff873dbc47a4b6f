// What people do who look for faults: keyframes, the worst frame, one side moved against the other, where we are as text.

import * as format from "./format.js";

/** The first frame of the next keyframe's unit after frame index, or of the last one before it; null where there is none. */
export function keyframe(clip, index, forward) {
  const firsts = clip.units.filter((unit) => unit.keyframe).map((unit) => unit.first);
  const found = forward ? firsts.find((first) => first > index) : firsts.findLast((first) => first < index);
  return found ?? null;
}

/** A frame's number and time, as one pastes them into a report. */
export const place = (clip, index) => `${clip.name} frame ${index} at ${format.seconds(clip.times[index])} (${clip.times[index].toFixed(6)} s)`;

/** By how much what stands beside is moved against the file that is shown, for people. */
export function shifted(name, count) {
  if (!count) return `${name} at its own time`;
  return `${name} ${Math.abs(count)} frame${Math.abs(count) === 1 ? "" : "s"} ${count > 0 ? "later" : "earlier"}`;
}
