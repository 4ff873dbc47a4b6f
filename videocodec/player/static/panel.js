// The figures beside the picture.

import { element, find } from "./dom.js";
import * as format from "./format.js";
import { MODES, PROVENANCE, entry, legend, modeShares, shares } from "./overlays.js";

function rows(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, ...[value].flat())]));
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
    ["Size", `${clip.width} × ${clip.height}`],
    ["Frame rate", `${Number(clip.frame_rate.toFixed(3))} fps`],
    ["Frames", `${clip.frames} in ${clip.units.length} units`],
    ["Keyframes", `${clip.units.filter((unit) => unit.keyframe).length}`],
    ["Length", format.seconds(clip.length_seconds)],
    ["Video", `${format.bytes(clip.video_bytes)}, ${format.bitrate((8 * clip.video_bytes) / Math.max(1e-9, clip.length_seconds))}`],
    ["crf", `${clip.crf}`],
    ["Preset", clip.preset],
    ["Model", clip.model],
    ["Sound", clip.sound ? clip.tracks[0] : "none"],
  ];
  if (clip.original) pairs.push(["Original", clip.original]);
  if (clip.generated_content) pairs.push(["Contains", "generated parts"]);
  rows(find("stream-figures"), pairs);
}

/** details: of the frame, null while they are on their way. */
export function showFrame(clip, index, details, quality, unit, goTo) {
  const pairs = [
    ["Number", `${index} of ${clip.frames - 1}`],
    ["Time", format.seconds(clip.times[index])],
    ["Duration", `${Number((1000 * clip.durations[index]).toFixed(2))} ms`],
    ["Unit", `${unit.number}, frame ${index - unit.first + 1} of ${unit.count}`],
  ];
  if (details) {
    const reference = (number) => element("button", { onclick: () => goTo(number), "aria-label": `Go to frame ${number}` }, `${number}`);
    const references = details.references.filter((number) => number !== null);
    pairs.push(["Kind", details.kind]);
    if (references.length) pairs.push([references.length > 1 ? "References" : "Reference", references.flatMap((number, place) => (place ? [", ", reference(number)] : [reference(number)]))]);
    pairs.push(["Bytes", `${format.bytes(details.bytes)}, ${((100 * details.bytes) / Math.max(1, unit.bytes)).toFixed(0)} % of unit`]);
    pairs.push(["Blocks and levels", `${format.bytes(details.block_bits / 8)} + ${format.bytes(details.level_bits / 8)}`]);
    pairs.push(["Quantiser", `${details.quantiser} (step ${clip.steps[details.quantiser].toPrecision(3)})`]);
  } else if (unit.damaged) {
    pairs.push(["Kind", "lost"]);
  }
  if (quality) {
    pairs.push(["PSNR", `${quality[0].toFixed(2)} dB`]);
    if (quality[1] !== null) pairs.push(["SSIM", quality[1].toFixed(4)]);
  }
  rows(find("frame-figures"), pairs);
  const parts = details ? [bar("Provenance", PROVENANCE, shares(details.provenance, PROVENANCE.length)), bar("Block modes", MODES, modeShares(details))] : [];
  find("frame-shares").replaceChildren(...parts);
}

export function showLegend(kind, details, bits, clip) {
  const box = find("legend");
  box.hidden = kind === "none";
  if (!box.hidden && details) box.replaceChildren(...legend(kind, details, bits, clip.steps));
}
