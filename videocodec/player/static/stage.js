// The picture: canvases on the exact grid of the frame, zoom, comparison with the original, and the overlay above.

import { difference, errors } from "./compare.js";
import { Crop } from "./crop.js";
import { find, write } from "./dom.js";
import { draw as drawOverlay } from "./overlays.js";

const LARGEST = 4096; // device pixels a side, of the overlay's canvas

export class Stage {
  /** clip: as the server describes it; all files have its size.  sides: of which the names are shown. */
  constructor(clip, sides) {
    this.clip = clip;
    this.sides = sides;
    this.crop = new Crop();
    this.view = "decoded";
    this.zoom = "whole";
    this.gain = 4;
    this.made = ""; // what a picture is that was made up
    this.shift = 0; // frames by which what is shown beside is later
    this.wipe = 0.5;
    this.overlay = "none";
    this.opacity = 0.65;
    this.known = {}; // details and bits of the frame, for overlays
    this.decodedPicture = null;
    this.originalPicture = null;
    this.canvases = ["picture", "original", "difference"].map(find);
    for (const canvas of this.canvases) [canvas.width, canvas.height] = [clip.width, clip.height];
    // An unmanaged, exact canvas: what is put in comes out again.
    const options = { alpha: false, colorSpace: "srgb", willReadFrequently: false };
    this.contexts = this.canvases.map((canvas) => canvas.getContext("2d", options));
    this.overlayCanvas = find("overlay");
    this.cells = ["cell-left", "cell-right", "cell-overlay"].map(find);
    new ResizeObserver(() => this.layout()).observe(find("viewport"));
    this.layout();
  }

  /** Another file, of the same size. */
  use(clip) {
    this.clip = clip;
    this.known = {};
    this.layout();
  }

  get columns() {
    return this.view === "side" && !this.stacked ? 2 : 1;
  }

  get rows() {
    return this.view === "side" && this.stacked ? 2 : 1;
  }

  /** Sizes of everything: the picture in CSS pixels, whole device pixels wherever that fits. */
  layout() {
    const viewport = find("viewport");
    const room = [viewport.clientWidth, viewport.clientHeight];
    if (!room[0] || !room[1]) return;
    const { clip } = this;
    const turned = clip.rotation % 180 !== 0;
    const natural = [clip.width * clip.pixel_aspect, clip.height];
    const fits = (stacked) => {
      const grid = [natural[0] * (stacked ? 1 : 2), natural[1] * (stacked ? 2 : 1)];
      return Math.min(room[0] / grid[turned ? 1 : 0], room[1] / grid[turned ? 0 : 1]);
    };
    this.stacked = this.view === "side" && fits(true) > fits(false);
    const grid = [natural[0] * this.columns, natural[1] * this.rows];
    const fit = Math.min((room[0] - 2) / grid[turned ? 1 : 0], (room[1] - 2) / grid[turned ? 0 : 1]);
    const dots = window.devicePixelRatio || 1;
    let scale = fit;
    if (this.zoom === "whole" && fit * dots >= 1) scale = Math.floor(fit * dots) / dots;
    else if (this.zoom !== "whole" && this.zoom !== "fill") scale = Number(this.zoom) / dots;
    this.scale = scale;
    const [width, height] = [natural[0] * scale, natural[1] * scale];
    for (const cell of this.cells) Object.assign(cell.style, { width: `${width}px`, height: `${height}px` });
    this.size = [width, height];
    const pictures = find("pictures");
    pictures.className = `view-${this.view}${this.stacked ? " stacked" : ""}`;
    const magnified = scale * dots * this.crop.factor;
    // Enlarged pixels stay squares; a picture made smaller is smoothed.
    pictures.classList.toggle("crisp", magnified >= 1 && (this.zoom !== "fill" || magnified >= 3));
    pictures.style.transform = clip.rotation ? `rotate(${-clip.rotation}deg)` : "";
    const gap = 2;
    const whole = [width * this.columns + gap * (this.columns - 1), height * this.rows + gap * (this.rows - 1)];
    const outer = turned ? [whole[1], whole[0]] : whole;
    // A finger that moves sideways steps, except where there is more of the picture to see.
    const touchAction = outer[0] > room[0] + 1 ? "pan-x pan-y pinch-zoom" : "pan-y pinch-zoom";
    Object.assign(find("turned").style, { width: `${outer[0]}px`, height: `${outer[1]}px`, touchAction });
    const drawn = dots * Math.max(1, Math.min(this.crop.factor, LARGEST / (dots * Math.max(width, height))));
    [this.overlayCanvas.width, this.overlayCanvas.height] = [Math.round(width * drawn), Math.round(height * drawn)];
    this.placeCrop();
    this.redrawOverlay();
    this.tags();
  }

  /** Put the canvases where the crop wants them. */
  placeCrop() {
    const [width, height, left, top] = this.crop.place(...this.size, window.devicePixelRatio || 1);
    const style = { width: `${width}px`, height: `${height}px`, left: `${left}px`, top: `${top}px` };
    for (const canvas of [...this.canvases, this.overlayCanvas]) Object.assign(canvas.style, style);
    find("tag-crop").textContent = this.crop.text(this.clip);
  }

  tags() {
    const later = this.shift ? ` ${this.shift > 0 ? "+" : "−"}${Math.abs(this.shift)}` : "";
    const { several, leftName: left, rightName } = this.sides;
    const right = `${rightName}${later}`;
    const names = { decoded: [[several ? left : "", this.made].filter(Boolean).join(", "), ""], original: [right, ""], wipe: [left, right], side: [left, right], difference: [`Difference × ${this.gain}${later}`, several ? `${left}, ${right}` : ""] };
    ["tag-left", "tag-right"].forEach((id, side) => write(find(id), names[this.view][side]));
  }

  setView(view) {
    this.view = view;
    this.layout();
    this.redrawDifference();
  }

  setWipe(share) {
    this.wipe = Math.min(1, Math.max(0, share));
    find("pictures").style.setProperty("--wipe", `${100 * this.wipe}%`);
  }

  /** made: what a picture is that was made up. */
  showDecoded(picture, made = "") {
    this.decodedPicture = picture;
    this.made = made;
    this.tags();
    find("lost").hidden = picture !== null;
    this.put(0, picture);
  }

  showOriginal(picture) {
    this.originalPicture = picture;
    this.put(1, picture);
  }

  put(number, picture) {
    this.errors = null;
    this.contexts[number].putImageData(picture ?? new ImageData(this.clip.width, this.clip.height), 0, 0);
    this.redrawDifference();
  }

  redrawDifference() {
    if (this.view !== "difference") return;
    const both = this.decodedPicture && this.originalPicture;
    const picture = both ? difference(this.decodedPicture, this.originalPicture, this.gain) : new ImageData(this.clip.width, this.clip.height);
    this.contexts[2].putImageData(picture, 0, 0);
  }

  /** known: { details, bits } of the frame, as far as they are there. */
  showOverlay(known) {
    this.known = known;
    this.redrawOverlay();
  }

  /** How far the pictures are apart, with the name of what stands beside; null where there are not two. */
  measureErrors() {
    if (!this.decodedPicture || !this.originalPicture) return null;
    this.errors ??= { ...errors(this.decodedPicture, this.originalPicture), beside: this.sides.rightName };
    return this.errors;
  }

  redrawOverlay() {
    const canvas = this.overlayCanvas;
    const isNone = this.overlay === "none";
    if (isNone && canvas.hidden) return;
    canvas.hidden = isNone; // it would be laid over every picture for nothing
    const known = { ...this.known, errors: this.overlay === "error" ? this.measureErrors() : null };
    drawOverlay(this.overlay, canvas, canvas.width / this.clip.width, canvas.height / this.clip.height, this.opacity, known);
  }

  /** Where a pointer is on the picture that it is over, as shares [x, y] from its upper left corner, before it is turned. */
  placeOf(event) {
    const inside = (box) => event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    const boxes = this.cells.slice(0, this.view === "side" ? 2 : 1).map((cell) => cell.getBoundingClientRect());
    return this.turnedBack(event, boxes.find(inside) ?? boxes[0]);
  }

  /** Where a pointer is on the picture, 0..1 from its left, before it is turned. */
  across(event) {
    return this.turnedBack(event, find("pictures").getBoundingClientRect())[0];
  }

  turnedBack(event, box) {
    const [right, down] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    const turned = { 0: [right, down], 90: [1 - down, right], 180: [1 - right, 1 - down], 270: [down, 1 - right] };
    return turned[((this.clip.rotation % 360) + 360) % 360];
  }
}
