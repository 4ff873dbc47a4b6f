// What is drawn over the picture: where its parts come from, how they move, how finely they are coded, what they cost.
// Kinds have colours of Okabe and Ito's palette, and hatching goes with what was made up, so that it is told without any colour.

import { MOST_ERROR } from "./compare.js";

const ORANGE = [230, 159, 0];
const BLUE = [0, 114, 178];
const PINK = [204, 121, 167];
const VERMILLION = [213, 94, 0];
const GREEN = [0, 158, 115];
const SKY = [86, 180, 233];
const YELLOW = [240, 228, 66];

const GREY = [153, 153, 153];

// How what the server names is shown.
const LOOKS_OF_MODES = {
  skip: { note: "copied along its vector", colour: SKY, strength: 0.4 },
  residual: { note: "copied, and corrected", colour: ORANGE },
  generate: { note: "left to the restoration", colour: PINK, hatched: true },
  intra: { note: "coded by itself", colour: VERMILLION },
};
const LOOKS_OF_PROVENANCE = {
  transmitted: { colour: ORANGE },
  predicted: { colour: BLUE },
  generated: { colour: PINK, hatched: true },
  concealed: { note: "put in for a lost frame", colour: GREEN, hatched: true, rare: true },
  unknown: { note: "an ordinary video does not say", colour: GREY, rare: true },
};
const named = (names, looks) => names.map((name) => ({ name, colour: GREY, ...looks[name] }));

/** Block modes and kinds of provenance, by the numbers that maps of them hold. */
export let MODES = [];
export let PROVENANCE = [];

/** Take the names of these numbers from a clip, as the server describes it. */
export function learnNames(clip) {
  MODES = named(clip.mode_names, LOOKS_OF_MODES);
  PROVENANCE = named(clip.provenance_names, LOOKS_OF_PROVENANCE);
}

/** Whether blocks of a mode come from another frame. */
export const moves = (mode) => MODES[mode].name !== "intra";

export const DIRECTIONS = [
  { name: "from the past", colour: SKY },
  { name: "from the future", colour: YELLOW },
];

// Dark to bright, even in lightness, so that it reads without colour too.
const RAMP = [
  [13, 18, 66],
  [56, 46, 140],
  [38, 105, 168],
  [28, 155, 146],
  [126, 199, 92],
  [250, 232, 60],
];

export const css = ([red, green, blue], alpha = 1) => `rgb(${red} ${green} ${blue} / ${alpha})`;

export function ramp(position) {
  const place = Math.min(1, Math.max(0, position)) * (RAMP.length - 1);
  const below = Math.min(RAMP.length - 2, Math.floor(place));
  return RAMP[below].map((value, channel) => Math.round(value + (place - below) * (RAMP[below + 1][channel] - value)));
}

/** How often each value 0..count-1 occurs, as shares. */
export function shares(values, count) {
  const found = new Array(count).fill(0);
  for (const value of values) found[value] += 1;
  return found.map((number) => number / values.length);
}

/** The block modes of what is visible: block by block. */
export function modeShares(details) {
  return shares(details.modes, MODES.length);
}

/** Squares of a guard: those that keep to its limit, and those that do not. */
export const GUARDED = [
  { name: "holds", colour: GREEN, strength: 0.35 },
  { name: "does not hold", colour: VERMILLION, hatched: true },
];

class Painter {
  constructor(context, scaleX, scaleY, alpha) {
    this.context = context;
    this.scaleX = scaleX;
    this.scaleY = scaleY;
    this.alpha = alpha;
    this.hatch = null;
  }

  /** Fill cells of `size` px of the picture, whose kind is given by of(row, column), and line their borders. */
  cells(rows, columns, size, of, kinds, clear = -1) {
    const { context } = this;
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const number = of(row, column);
        if (number === clear) continue;
        // A run of equal cells in one piece leaves no seams.
        let end = column + 1;
        while (end < columns && of(row, end) === number) end += 1;
        this.fill(column * size, row * size, (end - column) * size, size, kinds[number]);
        column = end - 1;
      }
    }
    context.lineWidth = 1;
    context.strokeStyle = `rgb(0 0 0 / ${0.75 * this.alpha})`;
    context.beginPath();
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        if (column && of(row, column) !== of(row, column - 1)) this.line(column * size, row * size, column * size, (row + 1) * size);
        if (row && of(row, column) !== of(row - 1, column)) this.line(column * size, row * size, (column + 1) * size, row * size);
      }
    }
    context.stroke();
  }

  line(x0, y0, x1, y1) {
    this.context.moveTo(Math.round(x0 * this.scaleX) + 0.5, Math.round(y0 * this.scaleY) + 0.5);
    this.context.lineTo(Math.round(x1 * this.scaleX) + 0.5, Math.round(y1 * this.scaleY) + 0.5);
  }

  fill(x, y, width, height, kind) {
    const left = Math.round(x * this.scaleX);
    const top = Math.round(y * this.scaleY);
    const right = Math.round((x + width) * this.scaleX);
    const bottom = Math.round((y + height) * this.scaleY);
    this.context.fillStyle = css(kind.colour, this.alpha * (kind.strength ?? 1));
    this.context.fillRect(left, top, right - left, bottom - top);
    if (kind.hatched) {
      this.hatch ??= hatching(this.context, this.alpha);
      this.context.fillStyle = this.hatch;
      this.context.fillRect(left, top, right - left, bottom - top);
    }
  }

  /** A map of small numbers 0..1, one for each cell. */
  heat(rows, columns, size, of) {
    const image = new OffscreenCanvas(columns, rows);
    const pixels = new ImageData(columns, rows);
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        pixels.data.set([...ramp(of(row, column)), Math.round(255 * this.alpha)], 4 * (row * columns + column));
      }
    }
    image.getContext("2d").putImageData(pixels, 0, 0);
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(image, 0, 0, Math.round(columns * size * this.scaleX), Math.round(rows * size * this.scaleY));
  }
}

function hatching(context, alpha) {
  const tile = new OffscreenCanvas(8, 8);
  const drawing = tile.getContext("2d");
  drawing.strokeStyle = `rgb(255 255 255 / ${Math.min(1, alpha + 0.2)})`;
  drawing.lineWidth = 1.6;
  for (const shift of [-8, 0, 8]) {
    drawing.moveTo(shift, 8);
    drawing.lineTo(shift + 8, 0);
  }
  drawing.stroke();
  return context.createPattern(tile, "repeat");
}

function drawModes(painter, details) {
  const [rows, columns] = details.grid;
  painter.cells(rows, columns, details.block, (row, column) => details.modes[row * columns + column], MODES);
  drawMergedBlocks(painter, details);
}

/** Thin lines around blocks that move as one. */
function drawMergedBlocks(painter, details, strength = 0.55) {
  const [rows, columns] = details.grid;
  const { context } = painter;
  context.strokeStyle = `rgb(255 255 255 / ${strength * painter.alpha})`;
  context.lineWidth = 1;
  context.beginPath();
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const side = details.sides[row * columns + column];
      if (row % side || column % side) continue;
      const [x, y, length] = [column * details.block, row * details.block, side * details.block];
      painter.line(x, y, x + length, y);
      painter.line(x, y, x, y + length);
    }
  }
  context.stroke();
}

function drawMotion(painter, details) {
  const [rows, columns] = details.grid;
  const { context, scaleX, scaleY } = painter;
  drawMergedBlocks(painter, details, 0.3);
  const plane = rows * columns * 2;
  for (const [layer, kind] of DIRECTIONS.entries()) {
    const lines = new Path2D();
    const heads = new Path2D();
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const block = row * columns + column;
        const side = details.sides[block];
        const usesOther = details.directions[block] === 1 - layer;
        if (row % side || column % side || !moves(details.modes[block]) || usesOther || (layer && details.references[1] === null)) continue;
        const width = Math.min(side, columns - column) * details.block;
        const height = Math.min(side, rows - row) * details.block;
        const x = (column * details.block + width / 2) * scaleX;
        const y = (row * details.block + height / 2) * scaleY;
        const dy = details.vectors[layer * plane + 2 * block] * details.vector_unit * scaleY;
        const dx = details.vectors[layer * plane + 2 * block + 1] * details.vector_unit * scaleX;
        const length = Math.hypot(dx, dy);
        if (length < 1) {
          heads.rect(x - 1 + 3 * layer, y - 1, 2, 2);
          continue;
        }
        // The arrow points to where the block comes from.
        lines.moveTo(x, y);
        lines.lineTo(x + dx, y + dy);
        const head = Math.min(7, Math.max(3, length / 3));
        const angle = Math.atan2(dy, dx);
        heads.moveTo(x + dx, y + dy);
        for (const turn of [2.6, -2.6]) heads.lineTo(x + dx + head * Math.cos(angle + turn), y + dy + head * Math.sin(angle + turn));
        heads.closePath();
      }
    }
    const strength = Math.min(1, painter.alpha + 0.3);
    context.lineCap = "round";
    context.lineWidth = 3.5;
    context.strokeStyle = `rgb(0 0 0 / ${0.55 * strength})`;
    context.stroke(lines);
    context.lineWidth = 1.5;
    context.strokeStyle = context.fillStyle = css(kind.colour, strength);
    context.stroke(lines);
    context.fill(heads);
  }
}

function drawProvenance(painter, details) {
  const [rows, columns] = details.covering;
  painter.cells(rows, columns, 8, (row, column) => details.provenance[row * columns + column], PROVENANCE);
}

function drawGuard(painter, { unheld, square, grid: [rows, columns] }) {
  painter.cells(rows, columns, square, (row, column) => unheld[row * columns + column], GUARDED);
}

export function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function drawQuantiser(painter, details) {
  const [rows, columns] = details.latent;
  const [low, high] = extent(details.quantisers);
  // Finer is brighter: that is where the bits of earlier frames went.
  painter.heat(rows, columns, 8, (row, column) => (high === low ? 0.5 : (high - details.quantisers[row * columns + column]) / (high - low)));
}

export const MOST_BITS = 64; // of one position of 8 × 8 px; the scale ends there
const bitsPlace = (value) => Math.log2(1 + value) / Math.log2(1 + MOST_BITS);

function drawBits(painter, details, bits) {
  const [rows, columns] = details.latent;
  painter.heat(rows, columns, 8, (row, column) => bitsPlace(bits[row * columns + column]));
}

const errorPlace = (value) => Math.log2(1 + value) / Math.log2(1 + MOST_ERROR);

function drawErrors(painter, errors) {
  painter.heat(errors.rows, errors.columns, 8, (row, column) => errorPlace(errors.values[row * errors.columns + column]));
}

/** Draw an overlay on a canvas that covers the picture; scale: canvas pixels for one of the picture; known: { details, bits, errors } of the frame. */
export function draw(kind, canvas, scaleX, scaleY, alpha, { details, bits, errors }) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  const shown = new Painter(context, scaleX, scaleY, alpha);
  if (kind === "error" && errors) drawErrors(shown, errors);
  if (!details) return;
  // The stream's maps are in pixels of the picture that is coded, which may be smaller.
  const [across, down] = details.magnified ?? [1, 1];
  const painter = new Painter(context, scaleX * across, scaleY * down, alpha);
  if (kind === "modes") drawModes(painter, details);
  else if (kind === "motion") drawMotion(painter, details);
  else if (kind === "provenance") drawProvenance(painter, details);
  else if (kind === "quantiser") drawQuantiser(painter, details);
  else if (kind === "bits" && bits) drawBits(painter, details, bits);
  else if (kind === "guard" && details.guard) drawGuard(shown, details.guard);
}
