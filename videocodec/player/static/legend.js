// What the colours of an overlay mean.

import { MOST_ERROR } from "./compare.js";
import { element } from "./dom.js";
import { share } from "./format.js";
import { DIRECTIONS, GUARDED, MODES, MOST_BITS, PROVENANCE, css, extent, modeShares, moves, ramp, shares } from "./overlays.js";

function swatch(kind) {
  const made = element("i", { class: "swatch" });
  const lines = "repeating-linear-gradient(135deg, transparent 0 2px, rgb(255 255 255 / 85%) 2px 4px)";
  made.style.background = kind.hatched ? `${lines}, ${css(kind.colour)}` : css(kind.colour);
  return made;
}

/** A line of a legend: colour, name, what it means, share. */
export function entry(kind, value) {
  return element("div", { class: "entry" }, swatch(kind), element("span", {}, kind.name, kind.note ? element("span", { class: "note" }, ` · ${kind.note}`) : ""), element("span", {}, value));
}

function scale(low, high) {
  const bar = element("canvas", { class: "scale", width: 256, height: 1 });
  const context = bar.getContext("2d");
  for (let place = 0; place < 256; place += 1) {
    context.fillStyle = css(ramp(place / 255));
    context.fillRect(place, 0, 1, 1);
  }
  return [bar, element("div", { class: "ends" }, element("span", {}, low), element("span", {}, high))];
}

function errorLines({ mean, worst, place: [x, y], beside }) {
  const text = `Root of the mean squared error of each 8 × 8 px against ${beside}, in levels of 255, logarithmic. Of the frame ${mean.toFixed(2)}; worst ${worst.toFixed(1)}, at ${x}, ${y}.`;
  return [element("h2", {}, "Error"), ...scale("0", `${MOST_ERROR} levels and more`), element("p", {}, text)];
}

/** What the colours of an overlay mean, as elements. */
export function legend(kind, { details, bits, errors }, steps) {
  const heading = (text) => element("h2", {}, text);
  const text = (line) => element("p", {}, line);
  if (kind === "error") return errors ? errorLines(errors) : [];
  if (!details) return [];
  if (kind === "modes") {
    const found = modeShares(details);
    return [heading("Block modes"), ...MODES.map((mode, number) => entry(mode, share(found[number]))), text(`Blocks of ${details.block} px; thin lines are around those that move as one.`)];
  }
  if (kind === "motion") {
    const used = DIRECTIONS.map((_, layer) => details.modes.reduce((sum, mode, block) => sum + (moves(mode) && details.directions[block] !== 1 - layer && !(layer && details.references[1] === null)), 0) / details.modes.length);
    return [heading("Motion vectors"), ...DIRECTIONS.map((kindOf, layer) => entry(kindOf, share(details.references[layer] === null ? 0 : used[layer]))), text("From the middle of each block, or of blocks that move as one, to where it comes from, in pixels of the picture. A dot does not move.")];
  }
  if (kind === "provenance") {
    const found = shares(details.provenance, PROVENANCE.length);
    return [heading("Provenance"), ...PROVENANCE.flatMap((kindOf, number) => (found[number] || !kindOf.rare ? [entry(kindOf, share(found[number]))] : [])), text("For each 8 × 8 px: sent for this frame, moved here from other frames, or made up.")];
  }
  if (kind === "quantiser") {
    const [low, high] = extent(details.quantisers);
    return [heading("Quantiser"), ...scale(`${high} (step ${steps[high].toPrecision(3)})`, `${low} (step ${steps[low].toPrecision(3)})`), text("The quantiser that last refined each 8 × 8 px, coarse to fine; copied blocks bring theirs along.")];
  }
  if (kind === "bits") {
    const total = bits ? bits.reduce((sum, value) => sum + value, 0) : null;
    return [heading("Bits"), ...scale("0", `${MOST_BITS} bits and more`), text(`Bits of each 8 × 8 px, logarithmic: levels, and its share of modes and vectors.${total === null ? "" : ` Together ${(total / 8).toFixed(0)} bytes.`}`)];
  }
  if (kind === "guard" && details.guard) {
    const { limit, square, unheld } = details.guard;
    const found = shares(unheld, GUARDED.length);
    return [heading("Guard"), ...GUARDED.map((kindOf, number) => entry(kindOf, share(found[number]))), text(`Squares of ${square} px that the encoder saw to have ${limit.replace("=", " ")} or more against the source, and those that it could not bring there.`)];
  }
  return [];
}
