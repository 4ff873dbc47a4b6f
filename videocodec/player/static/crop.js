// A part of the picture, enlarged, in the place of the whole: the same part of every frame, file and side.  The point under the mouse
// stays where it is and is enlarged, so that it follows the mouse over the picture, until it is locked.

export class Crop {
  constructor() {
    this.factor = 1; // 1: there is no crop
    this.last = 4; // what the key brings back
    this.locked = false;
    this.centre = [0.5, 0.5]; // the point that is enlarged in place, as shares of the picture
  }

  get on() {
    return this.factor > 1;
  }

  set(factor) {
    this.factor = factor;
    if (this.on) this.last = factor;
    else this.locked = false;
  }

  /** Enlarge around another point; false where it is locked. */
  follow(x, y) {
    if (this.locked) return false;
    this.centre = [x, y].map((share) => Math.min(1, Math.max(0, share)));
    return this.on;
  }

  /** Where a cell of width × height CSS px shows the enlarged picture: its size, and its upper left corner, on whole dots. */
  place(width, height, dots) {
    const sizes = [width * this.factor, height * this.factor];
    const corner = this.centre.map((share, axis) => -Math.round(share * (sizes[axis] - [width, height][axis]) * dots) / dots || 0);
    return [...sizes, ...corner];
  }

  /** The point that is enlarged, in pixels of the picture. */
  point(clip) {
    return [Math.min(clip.width - 1, Math.floor(this.centre[0] * clip.width)), Math.min(clip.height - 1, Math.floor(this.centre[1] * clip.height))];
  }

  text(clip) {
    if (!this.on) return "";
    return `× ${this.factor} at ${this.point(clip).join(", ")}${this.locked ? ", locked" : ""}`;
  }
}
