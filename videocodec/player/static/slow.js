// Slow motion: between two coded frames the server makes others, and pictures come at the pace of the slower of clock and server.

import { showLegend } from "./panel.js";

const MOST_PARTS = 8; // in which the time of a frame is divided
const SLOW = 0.5; // the fastest speed at which frames are made
const IN_FLIGHT = 2; // as of Playback
const AHEAD = 12; // pictures

/** What made-up frames go by in caches. */
export const keyOf = (index, part, parts) => `${index} ${part}/${parts}`;

/** What is known of a made-up frame, in the form of the server's details. */
function detailsOf(clip, index, [part, parts]) {
  const covering = [clip.height, clip.width].map((size) => Math.ceil(size / 8));
  const provenance = new Uint8Array(covering[0] * covering[1]).fill(clip.provenance_names.indexOf("generated"));
  return { kind: "interpolated", bytes: 0, references: [index, index + 1], covering, provenance, part, parts };
}

/** Put a made-up picture on the page: all of it is generated. */
export function drawMade(page, index, picture) {
  page.stage.showDecoded(picture, `between ${index} and ${index + 1}, generated`);
  page.stage.originalPicture = page.stage.errors = null;
  informMade(page, index);
  document.body.dataset.made = `${index} ${page.playback.made.join("/")}`;
  page.drawTimes.push(performance.now());
}

/** Panel, legend and overlay of a made-up picture. */
export function informMade(page, index) {
  const details = detailsOf(page.clip, index, page.playback.made);
  const kind = page.stage.overlay;
  const known = kind === "provenance" ? { details } : {};
  page.stage.showOverlay(known);
  showLegend(kind, known, page.clip);
  page.figures(index, details);
  document.body.dataset.informed = `${index} ${page.playback.made.join("/")} ${kind}`;
}

export class SlowMotion {
  constructor(playback) {
    this.playback = playback;
  }

  /** In how many parts the time of a frame is divided: 1 but at low speeds, where frames are wanted and can be made, and nothing stands beside. */
  get parts() {
    const { makesBetween, clip, on, speed } = this.playback;
    const wanted = makesBetween && clip.between && on.alone() && speed < SLOW + 1e-9;
    return wanted ? Math.min(MOST_PARTS, Math.round(1 / speed)) : 1;
  }

  /** Go on from what is on the screen, or from the frame that is wanted. */
  start() {
    const { index, shown, made } = this.playback;
    const part = made ? Math.floor((made[0] * this.parts) / made[1]) : 0;
    this.next = shown === index ? this.after([index, part]) : [index, 0];
    this.due = performance.now();
  }

  /** The place after a place: [number of the frame before it, part of the time up to the next]. */
  after([index, part]) {
    return part + 1 < this.parts ? [index, part + 1] : [index + 1, 0];
  }

  /** Show the picture that is due, if it is here.  Gives whether the end is reached. */
  tick() {
    const { playback, parts } = this;
    const [, stop] = playback.range();
    this.ask(stop);
    if (performance.now() < this.due) return false;
    if (this.next[0] > stop) return true;
    const [index, part] = this.next;
    const picture = this.cache(part).get(part ? keyOf(index, part, parts) : index);
    if (picture === undefined) return false; // it waits
    if (!part) playback.arrive(index, picture);
    else if (picture !== null) {
      [playback.shown, playback.made] = [index, [part, parts]];
      playback.on.drawMade(index, picture);
    }
    const shares = index === stop ? 1 : parts; // nothing is made after the last frame
    this.due = Math.max(this.due + (1000 * playback.clip.durations[index]) / shares / playback.speed, performance.now());
    this.next = index === stop ? [stop + 1, 0] : this.after(this.next);
    return false;
  }

  cache(part) {
    return part ? this.playback.between : this.playback.frames;
  }

  /** Ask for the pictures that come next. */
  ask(stop) {
    const { playback } = this;
    let place = this.next;
    for (let count = 0; count < AHEAD && place[0] <= stop; count += 1) {
      if (playback.frames.pending.size + playback.between.pending.size >= IN_FLIGHT) return;
      const [index, part] = place;
      const key = part ? keyOf(index, part, this.parts) : index;
      const cache = this.cache(part);
      if (!cache.has(key) && !cache.pending.has(key)) cache.fetch(key).catch((error) => this.fail(error));
      place = index === stop ? [stop + 1, 0] : this.after(place);
    }
  }

  fail(error) {
    if (error.name === "AbortError" || !this.playback.playing) return;
    this.playback.pause();
    this.playback.on.message(error.message);
  }
}
