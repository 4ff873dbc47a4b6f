// What is on the page: the picture, what stands beside it, its figures, the timeline and the address bar, put together from their modules.

import * as client from "./client.js";
import { wire } from "./controls.js";
import { element, find } from "./dom.js";
import { PlayedFile } from "./file.js";
import * as format from "./format.js";
import { BINDINGS, listen, nameOf } from "./keys.js";
import { MEASURES, Measuring } from "./measuring.js";
import { learnNames } from "./overlays.js";
import { showFrame, showLegend, showStream } from "./panel.js";
import { Playback } from "./playback.js";
import { drawMade, informMade } from "./slow.js";
import { Sides, helpLines, offerOverlays } from "./sides.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";

const CACHE_BYTES = 256e6; // of pictures, all files together
const SPEEDS = [0.1, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];
const ADDRESS_EVERY = 400; // ms: browsers limit how often an address may change
const ADDRESS_PLAYING = 2000; // ms, while playing, as it costs more than a picture
const DETAILS_EVERY = 500; // ms, of the panel while playing
const PLACE_EVERY = 100; // ms, of the time and the timeline while playing

export class Page {
  /** clips: of all files, as the server describes them. */
  constructor(clips) {
    const [first] = clips;
    this.settings = { ...first.settings };
    const capacity = Math.max(12, Math.min(600, Math.floor(CACHE_BYTES / clips.length / (first.width * first.height * 4))));
    this.sides = new Sides(clips.map((clip, number) => new PlayedFile(number, clip, () => this.settings, capacity)));
    learnNames(first);
    this.stage = new Stage(first, this.sides);
    this.timeline = new Timeline(this.file, { seek: (index) => this.seek(index), thumbnail: client.thumbnail });
    this.sound = find("sound");
    if (first.sound) this.sound.src = "/api/sound";
    this.playback = new Playback(first, this.file.frames, this.file.between, this.sound, {
      draw: (index, shown) => this.draw(index, shown),
      drawMade: (index, picture) => drawMade(this, index, picture),
      alone: () => !this.comparing,
      position: (index) => this.position(index),
      state: () => this.state(),
      message: (text) => this.message(text),
      busy: (flag) => (find("busy").hidden = !flag),
      blocked: (error) => this.message(error.name === "NotAllowedError" ? "The browser blocks the sound: press play again" : "The sound cannot be played"),
    });
    this.measuring = new Measuring(this, (file, index) => this.measured(file, index), (text) => this.message(text, 6000));
    this.shift = 0; // frames of the file that is shown by which what stands beside is later
    this.addressed = -Infinity; // when the address was last changed
    this.placed = -Infinity; // when the place was last said
    this.active = 0; // when the person last did something
    this.drawTimes = []; // of the last pictures, for the statistics
    this.showSound(first);
    find("speed").replaceChildren(...SPEEDS.map((value) => new Option(format.speed(value), value)));
    find("help-keys").replaceChildren(...helpLines(BINDINGS, nameOf));
    this.timeline.setCurves(["psnr", "ssim"]);
    this.describe();
    wire(this);
    listen(this);
    for (const name of ["keydown", "pointerdown", "wheel"]) document.addEventListener(name, () => (this.active = performance.now()), { capture: true, passive: true });
    client.events((messages) => this.learn(messages), () => this.ended());
    this.seek(this.fromAddress() ?? 0);
  }

  get file() {
    return this.sides.file;
  }

  get clip() {
    return this.file.clip;
  }

  get speed() {
    return this.playback.speed;
  }

  get shown() {
    return this.playback.shown;
  }

  /** ms since the person did anything or a picture was on its way; 0 while playing. */
  get quiet() {
    if (this.playback.playing || this.playback.over || this.shown !== this.playback.index) return 0;
    if (this.file.frames.pending.size || this.file.details.pending.size) this.active = performance.now();
    return performance.now() - this.active;
  }

  /** Whether pictures of both sides are needed. */
  get comparing() {
    return this.sides.right !== null && (this.stage.view !== "decoded" || this.stage.overlay === "error");
  }

  /** Everything that is said of the file that is shown. */
  describe() {
    const { clip, sides } = this;
    document.title = `${clip.name} – videocodec play`;
    find("title").textContent = clip.name;
    const rate = (8 * clip.video_bytes) / Math.max(1e-9, clip.length_seconds);
    const facts = [`${clip.width} × ${clip.height}`, `${Number(clip.frame_rate.toFixed(3))} fps`, format.seconds(clip.length_seconds), format.bitrate(rate)];
    find("summary").textContent = facts.join(" · ");
    find("of").textContent = `of ${clip.frames - 1}`;
    document.body.classList.toggle("has-original", Boolean(clip.original));
    sides.showChoice();
    offerOverlays(clip, sides.right !== null);
    find("overlay-kind").title = "Overlay (o); error (h)";
    find("zoom").title = "Zoom (z)";
    const restores = clip.has_unet || clip.has_post_filter;
    find("restore").checked = this.settings.restore && restores;
    find("steps").value = this.settings.steps;
    find("between-label").hidden = !clip.between;
    find("restore").disabled = !restores;
    find("steps").disabled = !clip.has_unet;
    find("restoration").title = clip.has_unet ? "Restoration of the latents by the model's UNet, and its steps" : clip.has_post_filter ? "The model's post-filter" : clip.ordinary ? "An ordinary video has nothing to restore" : `The model ${clip.model} has neither UNet nor post-filter: there is nothing to restore with`;
    showStream(clip);
    this.state();
    document.body.dataset.sides = `${sides.left} ${sides.right}`;
    const damaged = clip.units.filter((unit) => unit.damaged);
    if (damaged.length) this.message(`Damaged: ${damaged.reduce((sum, unit) => sum + unit.count, 0)} of ${clip.frames} frames are lost`, 6000);
  }

  showSound(first) {
    find("mute").hidden = find("volume").hidden = !first.sound;
    this.hasSound = first.sound;
  }

  draw(index, picture) {
    this.stage.showDecoded(picture);
    delete document.body.dataset.made;
    const { damaged } = this.file.unitAt(index);
    if (picture === null) {
      find("lost-reason").textContent = damaged ?? "";
      this.timeline.schedule();
    } else if (damaged) this.message(`Frame ${index} is lost and concealed: ${damaged}`);
    this.stage.originalPicture = this.stage.errors = null;
    if (this.comparing) this.compare(index);
    this.inform(index);
    document.body.dataset.shown = String(index);
    document.body.dataset.settings = `${this.settings.restore ? 1 : 0} ${this.settings.steps} ${index}`;
    this.drawTimes.push(performance.now());
    if (this.drawTimes.length > 500) this.drawTimes.splice(0, 250);
    this.statisticsLine();
  }

  /** What stands beside a frame onto its canvas, when it is there. */
  async compare(index) {
    if (this.sides.right === null) return;
    const { shift, sides } = this;
    const [left, right] = [sides.left, sides.right];
    const wanted = index + shift;
    const exists = wanted >= 0 && wanted < this.clip.frames;
    try {
      const picture = exists ? await sides.beside(wanted) : null;
      if (this.shown !== index || this.shift !== shift || sides.left !== left || sides.right !== right) return;
      this.stage.showOriginal(picture);
      document.body.dataset.compared = shift ? `${index} ${shift}` : String(index);
      if (this.stage.overlay === "error") this.showErrors(index);
      if (picture === null) this.message(`${sides.rightName} has no frame at this time`);
      else if (!this.playback.playing && wanted + 1 < this.clip.frames) sides.prefetch(wanted + 1);
    } catch (error) {
      if (error.name !== "AbortError") this.message(error.message);
    }
  }

  /** The heat map of the frame, and what it says. */
  showErrors(index) {
    this.stage.redrawOverlay();
    showLegend("error", { errors: this.stage.measureErrors() }, this.clip);
    document.body.dataset.informed = `${index} error`;
  }

  /** Panel, legend and overlay of a frame. */
  async inform(index) {
    if (this.playback.made) return informMade(this, index);
    const { playing } = this.playback;
    const kind = this.stage.overlay;
    const now = performance.now();
    const { file } = this;
    const known = file.details.get(index);
    if (known === undefined && playing && kind === "none" && now - (this.informed ?? 0) < DETAILS_EVERY) return;
    this.informed = now;
    if (known === undefined && kind !== "none") this.stage.showOverlay({});
    this.figures(index, known ?? null);
    try {
      const [details, bits] = await Promise.all([file.details.fetch(index), kind === "bits" ? file.bits.fetch(index) : null]);
      if (this.file !== file || this.shown !== index || this.playback.made || kind !== this.stage.overlay) return;
      this.figures(index, details);
      if (kind === "error") return; // is drawn when both pictures are there
      this.stage.showOverlay({ details, bits });
      showLegend(kind, { details, bits }, this.clip);
      document.body.dataset.informed = `${index} ${kind}`;
    } catch (error) {
      if (error.name !== "AbortError") this.message(error.message);
    }
  }

  figures(index, details) {
    if (document.body.classList.contains("no-panel")) return;
    showFrame(this.file, index, details, (number) => this.seek(number));
  }

  position(index) {
    const now = performance.now();
    if (this.playback?.playing && now - this.placed < PLACE_EVERY) return; // pausing says where it came to
    this.placed = now;
    this.timeline.setPosition(index);
    find("time").textContent = format.seconds(this.clip.times[index]);
    if (document.activeElement !== find("frame") || !this.typing) find("frame").value = String(index);
    clearTimeout(this.addressTimer);
    const wait = this.addressed + (this.playback?.playing ? ADDRESS_PLAYING : ADDRESS_EVERY) - now;
    this.addressTimer = setTimeout(() => {
      this.addressed = performance.now();
      history.replaceState(null, "", `#frame=${this.playback.index}`);
    }, Math.max(0, wait));
  }

  state() {
    if (!this.playback) return;
    const { playing, speed, marks, looping } = this.playback;
    document.body.classList.toggle("playing", playing);
    find("play").setAttribute("aria-label", playing ? "Pause" : "Play");
    const known = SPEEDS.find((value) => Math.abs(value - speed) < 1e-9);
    if (known === undefined) {
      const own = find("speed").querySelector("[data-own]") ?? find("speed").appendChild(element("option", { "data-own": "" }));
      own.value = String(speed);
      own.textContent = format.speed(speed);
    }
    find("speed").value = String(known ?? speed);
    const text = marks[0] === null ? "Loop" : marks[1] === null ? `Loop ${marks[0]} to …` : `Loop ${marks[0]} to ${marks[1]}`;
    find("loop").textContent = looping && marks[0] === null ? "Loop all" : text;
    find("loop").setAttribute("aria-pressed", String(marks[0] !== null || looping));
    this.timeline?.setMarks(marks);
  }

  /** markable: the text can be marked with the mouse, and copied. */
  message(text, milliseconds = 1800, markable = false) {
    const line = find("message");
    line.classList.toggle("markable", markable);
    line.textContent = text;
    line.classList.add("shown");
    clearTimeout(this.messageTimer);
    this.messageTimer = setTimeout(() => line.classList.remove("shown"), milliseconds);
  }

  statisticsLine() {
    const box = find("statistics");
    if (box.hidden) return;
    const { playback } = this;
    const { frames } = this.file;
    const now = performance.now();
    this.drawTimes = this.drawTimes.filter((time) => now - time < 1000);
    const sound = this.hasSound ? (this.sound.paused ? "paused" : `${this.sound.currentTime.toFixed(3)} s`) : "none";
    box.textContent = [
      `frame     ${playback.shown} at ${format.seconds(this.clip.times[Math.max(0, playback.shown)])}`,
      `on screen ${this.drawTimes.length} frames/s at ${format.speed(playback.speed)}`,
      `left out  ${playback.dropped} since play, ${playback.buffering.waits} waits for more`,
      `behind    ${(1000 * playback.lag()).toFixed(0)} ms`,
      `a picture ${(1000 * frames.latency).toFixed(0)} ms from the player`,
      `kept      ${frames.values.size} of ${frames.capacity} pictures`,
      `sound     ${sound}`,
      `pixels    ${Number((this.stage.scale * this.stage.crop.factor * (window.devicePixelRatio || 1)).toFixed(3))} : 1 on the screen`,
    ].join("\n");
  }

  // What becomes known

  learn(messages) {
    for (const message of messages) {
      const file = this.sides.files[message.file];
      if (message.sound) {
        this.message(`No sound: ${message.sound}`, 5000);
        this.playback.clock.usable = false;
      } else file.learn(message);
      if (message.quality && file === this.file && message.quality[0] === this.shown) this.figures(this.shown, file.details.get(this.shown) ?? null);
    }
    this.showMeasured();
  }

  /** A frame was measured in a way that takes long. */
  measured(file, index) {
    if (file !== this.file) return;
    if (index === this.shown) this.figures(index, file.details.get(index) ?? null);
    this.showMeasured();
  }

  /** The timeline with what is known, and how many frames are. */
  showMeasured() {
    const { measures } = this.file;
    find("track").dataset.compared = String(measures.psnr.size);
    find("track").dataset.measured = String(measures[this.measuring.name].size);
    this.timeline.schedule();
  }

  ended() {
    this.playback.shutDown();
    this.measuring.stop();
    for (const file of this.sides.files) file.cancel();
    this.sound.removeAttribute("src");
    fatal("The player has ended. Start videocodec play again, and open the new address.");
  }

  fromAddress() {
    const match = /^#frame=(\d{1,9})$/.exec(location.hash);
    return match ? Math.min(Number(match[1]), this.clip.frames - 1) : null;
  }
}

export function fatal(text) {
  const box = find("fatal");
  box.textContent = text;
  box.hidden = false;
}
