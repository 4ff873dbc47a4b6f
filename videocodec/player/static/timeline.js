// The clip at a glance: bytes of every frame as bars, keyframes, groups, lost units, marks, and how near frames are to the original.

import { drawBars, drawCurves } from "./curves.js";
import { element, find } from "./dom.js";
import * as format from "./format.js";
import { MEASURES } from "./measuring.js";

const FEWEST = 12; // frames, when looked at most closely
const PREVIEW_DELAY = 90; // ms

export class Timeline {
  /**
   * file: a PlayedFile.  callbacks: seek(index), thumbnail(file, index, signal) → Promise of a Blob.
   */
  constructor(file, callbacks) {
    this.file = file;
    this.on = callbacks;
    this.curves = ["psnr", "ssim"];
    this.begin = 0; // first frame in view, and the one after the last; not whole while zooming
    this.end = this.clip.frames;
    this.position = 0;
    this.marks = [null, null];
    this.hovered = null;
    this.track = find("track");
    find("curve").hidden = !this.clip.original;
    this.track.setAttribute("aria-valuemax", String(this.clip.frames - 1));
    this.listen();
    new ResizeObserver(() => this.redraw()).observe(this.track);
    this.redraw();
  }

  get clip() {
    return this.file.clip;
  }

  /** Show another file. */
  use(file) {
    this.file = file;
    [this.begin, this.end] = [0, this.clip.frames];
    this.track.setAttribute("aria-valuemax", String(this.clip.frames - 1));
    this.schedule();
  }

  /** Draw the curves of these measures. */
  setCurves(names) {
    this.curves = names;
    const key = (name) => element("span", { class: "key" }, element("i", { class: `swatch ${name}` }), MEASURES[name].label);
    find("curve-key").replaceChildren(...names.map(key));
    this.schedule();
  }

  setMarks(marks) {
    this.marks = marks;
    this.schedule();
  }

  setPosition(index) {
    this.position = index;
    const span = this.end - this.begin;
    if (span < this.clip.frames && (index < this.begin || index >= this.end)) this.look(index - span / 4, span);
    this.drawNeedle();
    this.track.setAttribute("aria-valuenow", String(index));
    const unit = this.file.unitAt(index);
    const kind = this.file.lost[index] ? "lost" : unit.keyframe ? "keyframe" : "inter frame";
    this.track.setAttribute("aria-valuetext", `Frame ${index} of ${this.clip.frames - 1}, ${format.seconds(this.clip.times[index])}, ${kind}`);
  }

  /** Show ``span`` frames from ``begin`` on. */
  look(begin, span) {
    const frames = Math.min(this.clip.frames, Math.max(FEWEST, span));
    this.begin = Math.max(0, Math.min(this.clip.frames - frames, begin));
    this.end = this.begin + frames;
    this.redraw();
  }

  zoom(factor, around = this.position + 0.5) {
    const span = Math.min(this.clip.frames, Math.max(FEWEST, (this.end - this.begin) * factor));
    const share = (around - this.begin) / (this.end - this.begin);
    this.look(around - share * span, span);
  }

  listen() {
    const { track } = this;
    let dragging = false;
    track.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      dragging = true;
      track.setPointerCapture(event.pointerId);
      this.on.seek(this.frameAt(event));
    });
    track.addEventListener("pointermove", (event) => {
      const index = this.frameAt(event);
      if (dragging && index !== this.position) this.on.seek(index);
      this.hover(index, event);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      track.addEventListener(name, (event) => {
        dragging = false;
        if (event.pointerType !== "mouse") this.leave();
      });
    }
    track.addEventListener("pointerleave", () => this.leave());
    track.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
          const span = this.end - this.begin;
          this.look(this.begin + (Math.sign(event.deltaX || event.deltaY) * span) / 10, span);
        } else {
          this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.placeAt(event));
        }
      },
      { passive: false },
    );
    find("timeline-in").addEventListener("click", () => this.zoom(0.5));
    find("timeline-out").addEventListener("click", () => this.zoom(2));
  }

  placeAt(event) {
    const box = this.track.getBoundingClientRect();
    return this.begin + ((event.clientX - box.left) / box.width) * (this.end - this.begin);
  }

  frameAt(event) {
    return Math.min(this.clip.frames - 1, Math.max(0, Math.floor(this.placeAt(event))));
  }

  hover(index, event) {
    const preview = find("preview");
    if (index !== this.hovered) {
      this.hovered = index;
      this.drawNeedle();
      const unit = this.file.unitAt(index);
      const kind = this.file.lost[index] ? `lost: ${unit.damaged ?? ""}` : unit.keyframe ? "keyframe" : "inter";
      const size = this.file.lost[index] ? "" : ` · ${this.file.sure[index] ? "" : "≈ "}${format.bytes(this.file.sizes[index])}`;
      const near = this.curves.slice(0, 1).map((name) => [name, this.file.measures[name].get(index) ?? null]).filter(([, value]) => value !== null).map(([name, value]) => ` · ${MEASURES[name].short(value)}`).join("");
      find("preview-text").textContent = `${index} · ${format.seconds(this.clip.times[index])} · ${kind.slice(0, 60)}${size}${near}`;
      this.thumbnail(index);
    }
    preview.hidden = false;
    const box = this.track.getBoundingClientRect();
    const width = preview.offsetWidth;
    preview.style.left = `${Math.max(4, Math.min(window.innerWidth - width - 4, event.clientX - width / 2))}px`;
    preview.style.top = `${Math.max(4, box.top - preview.offsetHeight - 8)}px`;
  }

  thumbnail(index) {
    clearTimeout(this.waiting);
    this.asking?.abort();
    const picture = find("preview-picture");
    picture.style.width = `${this.clip.thumbnail[0]}px`;
    picture.style.height = `${this.clip.thumbnail[1]}px`;
    picture.hidden = Boolean(this.file.lost[index]);
    if (this.file.lost[index]) return;
    picture.style.opacity = "0.3";
    this.waiting = setTimeout(async () => {
      this.asking = new AbortController();
      try {
        const address = URL.createObjectURL(await this.on.thumbnail(this.file.number, index, this.asking.signal));
        if (this.hovered !== index) return URL.revokeObjectURL(address);
        URL.revokeObjectURL(picture.src);
        picture.src = address;
        picture.style.opacity = "";
      } catch {
        // The pointer has moved on, or the frame is lost: the text says so.
      }
    }, PREVIEW_DELAY);
  }

  leave() {
    clearTimeout(this.waiting);
    this.asking?.abort();
    this.hovered = null;
    find("preview").hidden = true;
    this.drawNeedle();
  }

  schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.redraw();
    });
  }

  redraw() {
    const styles = getComputedStyle(document.documentElement);
    this.colour = (name) => styles.getPropertyValue(`--${name}`).trim();
    drawBars(this);
    if (this.clip.original) drawCurves(this);
    this.drawNeedle();
    const [first, last] = [Math.floor(this.begin), Math.min(this.clip.frames - 1, Math.ceil(this.end) - 1)];
    find("range").textContent = last - first + 1 < this.clip.frames ? `frames ${first} to ${last}` : `${this.clip.frames} frames`;
    find("timeline-in").disabled = this.end - this.begin <= FEWEST;
    find("timeline-out").disabled = this.end - this.begin >= this.clip.frames;
  }

  /** A canvas in device pixels → [context, width, height, x of a frame]. */
  surface(id) {
    const canvas = find(id);
    const dots = window.devicePixelRatio || 1;
    const [width, height] = [Math.max(1, Math.round(canvas.clientWidth * dots)), Math.max(1, Math.round(canvas.clientHeight * dots))];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    return [context, width, height, (frame) => ((frame - this.begin) / (this.end - this.begin)) * width];
  }

  background(context, height, x) {
    context.fillStyle = this.colour("group");
    for (const unit of this.clip.units) {
      if (unit.number % 2 && unit.first < this.end && unit.first + unit.count > this.begin) context.fillRect(x(unit.first), 0, x(unit.first + unit.count) - x(unit.first), height);
    }
    if (this.marks[0] !== null) {
      const stop = this.marks[1] ?? this.marks[0];
      context.fillStyle = this.colour("mark");
      context.fillRect(x(this.marks[0]), 0, Math.max(2, x(stop + 1) - x(this.marks[0])), height);
      context.fillStyle = this.colour("accent");
      context.fillRect(x(this.marks[0]) - 1, 0, 2, height);
      if (this.marks[1] !== null) context.fillRect(x(stop + 1) - 1, 0, 2, height);
    }
  }

  drawNeedle() {
    const [context, , height, x] = this.surface("needle");
    const dots = window.devicePixelRatio || 1;
    if (this.hovered !== null) {
      context.globalAlpha = 0.4;
      context.fillStyle = this.colour("needle");
      context.fillRect(Math.round(x(this.hovered + 0.5)), 0, dots, height);
      context.globalAlpha = 1;
    }
    const middle = Math.round(x(this.position + 0.5));
    context.fillStyle = this.colour("needle");
    context.fillRect(middle - dots, 0, 2 * dots, height);
    context.beginPath();
    context.moveTo(middle - 5 * dots, 0);
    context.lineTo(middle + 5 * dots, 0);
    context.lineTo(middle, 6 * dots);
    context.fill();
  }
}
