// What the timeline draws: bytes of frames as bars, and measures of them as curves.

import { MEASURES } from "./measuring.js";

/** Bars of the bytes of frames, as high as their square roots. */
export function drawBars(timeline) {
  const [context, width, height, x] = timeline.surface("bars");
  timeline.background(context, height, x);
  const [first, last] = [Math.floor(timeline.begin), Math.min(timeline.clip.frames, Math.ceil(timeline.end))];
  let largest = 1;
  for (let index = first; index < last; index += 1) largest = Math.max(largest, timeline.file.sizes[index]);
  // Keyframes are many times as large as others: the root keeps both in sight.
  const tall = (size) => Math.max(1, Math.sqrt(size / largest) * (height - 6));
  const colours = [timeline.colour("inter-unsure"), timeline.colour("inter")];
  const [keyframe, lost] = [timeline.colour("keyframe"), timeline.colour("lost")];
  const gap = width / (timeline.end - timeline.begin) >= 5 ? 1 : 0;
  // With more frames than columns, a column shows the tallest of its frames, and keyframes and losses go before the rest.
  const columns = new Map();
  for (let index = first; index < last; index += 1) {
    const left = Math.floor(x(index));
    const unit = timeline.file.unitAt(index);
    const rank = timeline.file.lost[index] ? 3 : unit.keyframe ? 2 : timeline.file.sure[index];
    const bar = { left, right: Math.max(left + 1, Math.floor(x(index + 1)) - gap), rank, tall: tall(timeline.file.sizes[index]) };
    const other = columns.get(left);
    if (!other || bar.rank > other.rank || (bar.rank === other.rank && bar.tall > other.tall)) columns.set(left, bar);
  }
  for (const { left, right, rank, tall: high } of columns.values()) {
    if (rank === 3) {
      context.globalAlpha = 0.3;
      context.fillStyle = lost;
      context.fillRect(left, 0, right - left, height);
      context.globalAlpha = 1;
      context.fillRect(left, height - 4, right - left, 4);
      continue;
    }
    context.fillStyle = rank === 2 ? keyframe : colours[rank];
    context.fillRect(left, height - high, right - left, high);
    if (rank === 2) context.fillRect(left, 0, Math.max(2, Math.min(4, right - left)), 4);
  }
}

/** Curves of the measures that the timeline names, each on a scale of its own. */
export function drawCurves(timeline) {
  const [context, width, height, x] = timeline.surface("curve");
  timeline.background(context, height, x);
  const dots = window.devicePixelRatio || 1;
  for (const [place, name] of timeline.curves.entries()) {
    const known = [...timeline.file.measures[name]].filter(([index, value]) => value !== null && index >= timeline.begin - 1 && index <= timeline.end).sort((a, b) => a[0] - b[0]);
    if (!known.length) continue;
    let [low, high] = known.reduce(([least, most], [, value]) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
    const ends = [[high, 10 * dots], [low, height - 3 * dots]].map(([value, top]) => [MEASURES[name].short(value), top]);
    if (high - low < 1e-6) [low, high] = [low - 0.5, high + 0.5];
    const y = (value) => height - 4 * dots - ((value - low) / (high - low)) * (height - 8 * dots);
    context.strokeStyle = context.fillStyle = timeline.colour(name === "psnr" ? "psnr" : "ssim");
    context.lineWidth = 1.5 * dots;
    line(context, known.map(([index, value]) => [index, x(index + 0.5), y(value)]), dots);
    context.font = `${10 * dots}px system-ui, sans-serif`;
    context.textAlign = place ? "right" : "left";
    const side = place ? width - 3 * dots : 3 * dots;
    for (const [text, top] of ends) {
      context.lineWidth = 3 * dots;
      context.strokeStyle = timeline.colour("surface");
      context.strokeText(text, side, top);
      context.fillText(text, side, top);
    }
  }
}

/** Points [index, left, top] joined where their frames are neighbours, and dots where they are alone. */
function line(context, points, dots) {
  context.beginPath();
  let before = null;
  for (const [index, left, top] of points) {
    if (before === index - 1) context.lineTo(left, top);
    else context.rect(left - dots / 2, top - dots / 2, dots, dots);
    context.moveTo(left, top);
    before = index;
  }
  context.stroke();
}
