// The figures beside the picture.

import { element, find } from "./dom.js";
import * as format from "./format.js";
import { entry, legend } from "./legend.js";
import { MEASURES } from "./measuring.js";
import { MODES, PROVENANCE, modeShares, shares } from "./overlays.js";

function rows(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, ...[value].flat())]));
}

/** Of pictures, and the size that they are coded at where that is smaller. */
function pictureSize({ width, height, coded, makes_up_detail: isMadeUp }) {
  const detail = isMadeUp ? ", finer detail made up" : "";
  const smaller = coded && coded[0] !== width ? `, coded at ${coded[0]} × ${coded[1]}${detail}` : "";
  return `${width} × ${height}${smaller}`;
}

function bar(title, kinds, found) {
  const parts = kinds.map((kind, number) => {
    const [red, green, blue] = kind.colour;
    return element("i", { style: { width: `${100 * found[number]}%`, background: `rgb(${red} ${green} ${blue})` } });
  });
  const lines = kinds.map((kind, number) => (found[number] ? entry({ ...kind, note: undefined }, format.share(found[number])) : "")).filter(Boolean);
  return element("div", { class: "shares" }, element("h2", {}, title), element("div", { class: "bar", "aria-hidden": "true" }, ...parts), ...lines);
}

export function showStream(clip) {
  const pairs = [
    ["Size", pictureSize(clip)],
    ["Frame rate", `${Number(clip.frame_rate.toFixed(3))} fps`],
    ["Frames", `${clip.frames} in ${clip.units.length} units`],
    ["Keyframes", `${clip.units.filter((unit) => unit.keyframe).length}`],
    ["Length", format.seconds(clip.length_seconds)],
    ["Video", `${format.bytes(clip.video_bytes)}, ${format.bitrate((8 * clip.video_bytes) / Math.max(1e-9, clip.length_seconds))}`],
    ...(clip.ordinary ? [["Codec", clip.codec]] : [["crf", `${clip.crf}`], ["Preset", clip.preset], ["Model", clip.model]]),
    ["Sound", clip.sound ? clip.tracks[0] : "none"],
  ];
  if (clip.original) pairs.push(["Original", clip.original]);
  if (clip.generated_content) pairs.push(["Contains", "generated parts"]);
  rows(find("stream-figures"), pairs);
}

/** details: of the frame, null while they are on their way. */
export function showFrame(file, index, details, goTo) {
  const { clip } = file;
  const unit = file.unitAt(index);
  const made = details?.parts ? details : null; // up for a time after the frame
  const pairs = [
    ["Number", `${index}${made ? ` and ${made.part}/${made.parts}` : ""} of ${clip.frames - 1}`],
    ["Time", format.seconds(clip.times[index] + (made ? (clip.durations[index] * made.part) / made.parts : 0))],
    ["Duration", `${Number(((1000 * clip.durations[index]) / (made ? made.parts : 1)).toFixed(2))} ms`],
    ["Unit", `${unit.number}, frame ${index - unit.first + 1} of ${unit.count}`],
  ];
  const words = (clip.captions ?? []).filter(([begin]) => begin <= clip.times[index] + 1e-9).at(-1);
  if (words) pairs.push(["Words", words[1]]);
  if (details) {
    const reference = (number) => element("button", { onclick: () => goTo(number), "aria-label": `Go to frame ${number}` }, `${number}`);
    const references = details.references.filter((number) => number !== null);
    pairs.push(["Kind", details.kind]);
    if (references.length) pairs.push([references.length > 1 ? "References" : "Reference", references.flatMap((number, place) => (place ? [", ", reference(number)] : [reference(number)]))]);
    pairs.push(["Bytes", `${format.bytes(details.bytes)}, ${((100 * details.bytes) / Math.max(1, unit.bytes)).toFixed(0)} % of unit`]);
    if (!clip.ordinary && !made) pairs.push(["Blocks and levels", `${format.bytes(details.block_bits / 8)} + ${format.bytes(details.level_bits / 8)}`]);
    if (!clip.ordinary && !made) pairs.push(["Quantiser", `${details.quantiser} (step ${clip.steps[details.quantiser].toPrecision(3)})`]);
  } else if (unit.damaged) {
    pairs.push(["Kind", "lost"]);
  }
  for (const [name, { label, text }] of Object.entries(MEASURES)) {
    const value = file.measures[name].get(index) ?? null;
    if (value !== null && !made) pairs.push([label, text(value)]);
  }
  rows(find("frame-figures"), pairs);
  const parts = details ? [bar("Provenance", PROVENANCE, shares(details.provenance, PROVENANCE.length))] : [];
  if (details?.modes) parts.push(bar("Block modes", MODES, modeShares(details)));
  find("frame-shares").replaceChildren(...parts);
}

export function showLegend(kind, known, clip) {
  const box = find("legend");
  box.hidden = kind === "none";
  const lines = box.hidden ? [] : legend(kind, known, clip.steps);
  if (lines.length) box.replaceChildren(...lines);
}
