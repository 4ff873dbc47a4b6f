// The clip at a glance: bytes of every frame as bars, keyframes, groups, lost units, marks, and how near frames are to the original.

import { find } from "./dom.js";
import * as format from "./format.js";

const FEWEST = 12; // frames, when looked at most closely
const PREVIEW_DELAY = 90; // ms

export class Timeline {
  /**
   * clip: as the server describes it.  callbacks: seek(index), thumbnail(index, signal) → Promise of a Blob.
   */
  constructor(clip, callbacks) {
    this.clip = clip;
    this.on = callbacks;
    this.sizes = new Float64Array(clip.frames);
    this.sure = new Uint8Array(clip.frames); // whether the size is the frame's own, not its part of the unit
    this.lost = new Uint8Array(clip.frames);
    this.unitOf = new Int32Array(clip.frames);
    this.quality = new Map();
    for (const unit of clip.units) {
      this.sizes.fill(unit.bytes / unit.count, unit.first, unit.first + unit.count);
      this.unitOf.fill(unit.number, unit.first, unit.first + unit.count);
      if (unit.keyframe) this.sure[unit.first] = 1;
      if (unit.damaged) this.lost.fill(1, unit.first, unit.first + unit.count);
    }
    this.begin = 0; // first frame in view, and the one after the last; not whole while zooming
    this.end = clip.frames;
    this.position = 0;
    this.marks = [null, null];
    this.hovered = null;
    this.track = find("track");
    find("curve").hidden = !clip.original;
    this.track.setAttribute("aria-valuemax", String(clip.frames - 1));
    this.listen();
    new ResizeObserver(() => this.redraw()).observe(this.track);
    this.redraw();
  }

  /** What became known since: lists as the server's events have them. */
  learn(messages) {
    for (const message of messages) {
      if (message.bytes) {
        const [index, size] = message.bytes;
        [this.sizes[index], this.sure[index]] = [size, 1];
      } else if (message.quality) {
        const [index, psnr, ssim] = message.quality;
        this.quality.set(index, [psnr, ssim]);
        find("track").dataset.compared = String(this.quality.size);
      } else if (message.damaged) {
        const [first, count, reason] = message.damaged;
        this.lost.fill(1, first, first + count);
        this.clip.units[this.unitOf[first]].damaged = reason;
      }
    }
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
    const unit = this.clip.units[this.unitOf[index]];
    const kind = this.lost[index] ? "lost" : unit.keyframe ? "keyframe" : "inter frame";
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
      const unit = this.clip.units[this.unitOf[index]];
      const kind = this.lost[index] ? `lost: ${unit.damaged ?? ""}` : unit.keyframe ? "keyframe" : "inter";
      const size = this.lost[index] ? "" : ` · ${this.sure[index] ? "" : "≈ "}${format.bytes(this.sizes[index])}`;
      const quality = this.quality.get(index);
      const near = quality ? ` · ${quality[0].toFixed(1)} dB` : "";
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
    picture.hidden = Boolean(this.lost[index]);
    if (this.lost[index]) return;
    picture.style.opacity = "0.3";
    this.waiting = setTimeout(async () => {
      this.asking = new AbortController();
      try {
        const address = URL.createObjectURL(await this.on.thumbnail(index, this.asking.signal));
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
    this.drawBars();
    if (this.clip.original) this.drawCurve();
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

  drawBars() {
    const [context, width, height, x] = this.surface("bars");
    this.background(context, height, x);
    const [first, last] = [Math.floor(this.begin), Math.min(this.clip.frames, Math.ceil(this.end))];
    let largest = 1;
    for (let index = first; index < last; index += 1) largest = Math.max(largest, this.sizes[index]);
    // Keyframes are many times as large as others: the root keeps both in sight.
    const tall = (size) => Math.max(1, Math.sqrt(size / largest) * (height - 6));
    const colours = [this.colour("inter-unsure"), this.colour("inter")];
    const [keyframe, lost] = [this.colour("keyframe"), this.colour("lost")];
    const gap = width / (this.end - this.begin) >= 5 ? 1 : 0;
    // With more frames than columns, a column shows the tallest of its frames, and keyframes and losses go before the rest.
    const columns = new Map();
    for (let index = first; index < last; index += 1) {
      const left = Math.floor(x(index));
      const unit = this.clip.units[this.unitOf[index]];
      const rank = this.lost[index] ? 3 : unit.keyframe ? 2 : this.sure[index];
      const bar = { left, right: Math.max(left + 1, Math.floor(x(index + 1)) - gap), rank, tall: tall(this.sizes[index]) };
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

  drawCurve() {
    const [context, width, height, x] = this.surface("curve");
    this.background(context, height, x);
    const dots = window.devicePixelRatio || 1;
    const known = [...this.quality].filter(([index]) => index >= this.begin - 1 && index <= this.end).sort((a, b) => a[0] - b[0]);
    for (const [place, name, ends] of [
      [0, "psnr", (value) => `${value.toFixed(1)} dB`],
      [1, "ssim", (value) => value.toFixed(3)],
    ]) {
      const values = known.map(([, pair]) => pair[place]).filter((value) => value !== null);
      if (!values.length) continue;
      let [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
      if (high - low < 1e-6) [low, high] = [low - 0.5, high + 0.5];
      const y = (value) => height - 4 * dots - ((value - low) / (high - low)) * (height - 8 * dots);
      context.strokeStyle = context.fillStyle = this.colour(name);
      context.lineWidth = 1.5 * dots;
      context.beginPath();
      let before = null;
      for (const [index, pair] of known) {
        if (pair[place] === null) continue;
        const [left, top] = [x(index + 0.5), y(pair[place])];
        if (before === index - 1) context.lineTo(left, top);
        else context.moveTo(left, top);
        if (before !== index - 1) context.rect(left - dots / 2, top - dots / 2, dots, dots);
        context.moveTo(left, top);
        before = index;
      }
      context.stroke();
      context.font = `${10 * dots}px system-ui, sans-serif`;
      context.textAlign = place ? "right" : "left";
      const side = place ? width - 3 * dots : 3 * dots;
      for (const [value, top] of [[high, 10 * dots], [low, height - 3 * dots]]) {
        context.lineWidth = 3 * dots;
        context.strokeStyle = this.colour("surface");
        context.strokeText(ends(value), side, top);
        context.fillText(ends(value), side, top);
      }
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
