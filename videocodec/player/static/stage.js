// The picture: canvases on the exact grid of the frame, zoom, comparison with the original, and the overlay above.

import { difference } from "./compare.js";
import { find } from "./dom.js";
import { draw as drawOverlay } from "./overlays.js";

export class Stage {
  /** clip: as the server describes it. */
  constructor(clip) {
    this.clip = clip;
    this.view = "decoded";
    this.zoom = "whole";
    this.gain = 4;
    this.shift = 0; // frames by which the original shown is later
    this.wipe = 0.5;
    this.overlay = "none";
    this.opacity = 0.65;
    this.details = null;
    this.bits = null;
    this.decodedPicture = null;
    this.originalPicture = null;
    this.canvases = ["picture", "original", "difference"].map(find);
    for (const canvas of this.canvases) [canvas.width, canvas.height] = [clip.width, clip.height];
    // An unmanaged, exact canvas: what is put in comes out again.
    const options = { alpha: false, colorSpace: "srgb", willReadFrequently: false };
    this.contexts = this.canvases.map((canvas) => canvas.getContext("2d", options));
    this.overlayCanvas = find("overlay");
    new ResizeObserver(() => this.layout()).observe(find("viewport"));
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
    for (const canvas of [...this.canvases, this.overlayCanvas]) Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    const pictures = find("pictures");
    pictures.className = `view-${this.view}${this.stacked ? " stacked" : ""}`;
    // Enlarged pixels stay squares; a picture made smaller is smoothed.
    pictures.classList.toggle("crisp", scale * dots >= 1 && (this.zoom !== "fill" || scale * dots >= 3));
    pictures.style.transform = clip.rotation ? `rotate(${-clip.rotation}deg)` : "";
    const gap = 2;
    const whole = [width * this.columns + gap * (this.columns - 1), height * this.rows + gap * (this.rows - 1)];
    const outer = turned ? [whole[1], whole[0]] : whole;
    // A finger that moves sideways steps, except where there is more of the picture to see.
    const touchAction = outer[0] > room[0] + 1 ? "pan-x pan-y pinch-zoom" : "pan-y pinch-zoom";
    Object.assign(find("turned").style, { width: `${outer[0]}px`, height: `${outer[1]}px`, touchAction });
    [this.overlayCanvas.width, this.overlayCanvas.height] = [Math.round(width * dots), Math.round(height * dots)];
    this.redrawOverlay();
    this.tags();
  }

  tags() {
    const later = this.shift ? ` ${this.shift > 0 ? "+" : "−"}${Math.abs(this.shift)}` : "";
    const original = `Original${later}`;
    const names = { decoded: ["", ""], original: [original, ""], wipe: ["Decoded", original], side: ["Decoded", original], difference: [`Difference × ${this.gain}${later}`, ""] };
    [find("tag-left").textContent, find("tag-right").textContent] = names[this.view];
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

  showDecoded(picture) {
    this.decodedPicture = picture;
    find("lost").hidden = picture !== null;
    this.contexts[0].putImageData(picture ?? new ImageData(this.clip.width, this.clip.height), 0, 0);
    this.redrawDifference();
  }

  showOriginal(picture) {
    this.originalPicture = picture;
    this.contexts[1].putImageData(picture ?? new ImageData(this.clip.width, this.clip.height), 0, 0);
    this.redrawDifference();
  }

  redrawDifference() {
    if (this.view !== "difference") return;
    const both = this.decodedPicture && this.originalPicture;
    const picture = both ? difference(this.decodedPicture, this.originalPicture, this.gain) : new ImageData(this.clip.width, this.clip.height);
    this.contexts[2].putImageData(picture, 0, 0);
  }

  showOverlay(details, bits) {
    this.details = details;
    this.bits = bits;
    this.redrawOverlay();
  }

  redrawOverlay() {
    const canvas = this.overlayCanvas;
    drawOverlay(this.overlay, canvas, canvas.width / this.clip.width, canvas.height / this.clip.height, this.opacity, this.details, this.bits);
  }

  /** Where a pointer is on the picture, 0..1 from its left, before it is turned. */
  across(event) {
    const box = find("pictures").getBoundingClientRect();
    const place = { 0: (event.clientX - box.left) / box.width, 180: (box.right - event.clientX) / box.width, 90: (box.bottom - event.clientY) / box.height, 270: (event.clientY - box.top) / box.height };
    return place[((this.clip.rotation % 360) + 360) % 360];
  }
}
