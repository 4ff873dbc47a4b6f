// Puts the page together: what the person does goes to playback and stage, what is shown goes to panel, timeline and address bar.

import * as client from "./client.js";
import { wire } from "./controls.js";
import { element, find } from "./dom.js";
import * as format from "./format.js";
import { FrameCache } from "./frames.js";
import { keyframe, place, shifted, worst } from "./inspecting.js";
import { BINDINGS, listen, nameOf } from "./keys.js";
import { learnNames } from "./overlays.js";
import { showFrame, showLegend, showStream } from "./panel.js";
import { FASTEST, Playback, SLOWEST } from "./playback.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";

const CACHE_BYTES = 256e6;
const SPEEDS = [0.1, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];
const ADDRESS_EVERY = 400; // ms: browsers limit how often an address may change
const DETAILS_EVERY = 250; // ms, of the panel while playing

class App {
  constructor(clip) {
    this.clip = clip;
    learnNames(clip);
    this.settings = { ...clip.settings };
    const size = clip.width * clip.height * 4;
    const capacity = Math.max(12, Math.min(600, Math.floor(CACHE_BYTES / size)));
    const picture = (pixels) => new ImageData(pixels, clip.width, clip.height);
    this.frames = new FrameCache(
      async (index, signal) => picture(await client.frame(index, this.settings, signal)),
      capacity,
      (index, error) => (error.damaged ? this.learnLoss(index, error.message) : undefined),
    );
    this.originals = new FrameCache(async (index, signal) => {
      const pixels = await client.original(index, signal);
      return pixels && picture(pixels);
    }, Math.max(8, capacity >> 1));
    this.details = new FrameCache(client.details, 400, (_, error) => (error.damaged ? null : undefined));
    this.bits = new FrameCache(client.bits, 200, (_, error) => (error.damaged ? null : undefined));
    this.stage = new Stage(clip);
    this.timeline = new Timeline(clip, { seek: (index) => this.seek(index), thumbnail: client.thumbnail });
    this.sound = find("sound");
    if (clip.sound) this.sound.src = "/api/sound";
    this.playback = new Playback(clip, this.frames, this.sound, {
      draw: (index, shown) => this.draw(index, shown),
      position: (index) => this.position(index),
      state: () => this.state(),
      message: (text) => this.message(text),
      busy: (flag) => (find("busy").hidden = !flag),
      blocked: (error) => this.message(error.name === "NotAllowedError" ? "The browser blocks the sound: press play again" : "The sound cannot be played"),
    });
    this.shift = 0; // frames of the stream by which the original shown is later
    this.addressDue = 0;
    this.drawTimes = []; // of the last pictures, for the statistics
    this.describe();
    wire(this);
    listen(this);
    client.events((messages) => this.learn(messages), () => this.ended());
    this.seek(this.fromAddress() ?? 0);
  }

  get speed() {
    return this.playback.speed;
  }

  // What is shown

  describe() {
    const { clip } = this;
    document.title = `${clip.name} – videocodec play`;
    find("title").textContent = clip.name;
    const rate = (8 * clip.video_bytes) / Math.max(1e-9, clip.length_seconds);
    const facts = [`${clip.width} × ${clip.height}`, `${Number(clip.frame_rate.toFixed(3))} fps`, format.seconds(clip.length_seconds), format.bitrate(rate)];
    find("summary").textContent = facts.join(" · ");
    find("of").textContent = `of ${clip.frames - 1}`;
    document.body.classList.toggle("has-original", Boolean(clip.original));
    for (const option of find("view").options) option.disabled = option.value !== "decoded" && !clip.original;
    find("view").title = clip.original ? "View (v)" : "Start with --source ORIGINAL to compare";
    find("overlay-kind").title = "Overlay (o)";
    find("zoom").title = "Zoom (z)";
    find("mute").hidden = find("volume").hidden = !clip.sound;
    find("restore").checked = this.settings.restore && clip.has_unet;
    find("steps").value = this.settings.steps;
    find("restore").disabled = find("steps").disabled = !clip.has_unet;
    find("restoration").title = clip.has_unet ? "Restoration of the latents by the model's UNet, and its steps" : `The model ${clip.model} has no UNet: there is nothing to restore with`;
    find("speed").replaceChildren(...SPEEDS.map((value) => new Option(format.speed(value), value)));
    const keys = ([names, what]) => [element("dt", {}, ...names.map((name) => element("kbd", {}, nameOf(name)))), element("dd", {}, what)];
    find("help-keys").replaceChildren(...BINDINGS.flatMap(keys));
    showStream(clip);
    this.state();
    const damaged = clip.units.filter((unit) => unit.damaged);
    if (damaged.length) this.message(`Damaged: ${damaged.reduce((sum, unit) => sum + unit.count, 0)} of ${clip.frames} frames are lost`, 6000);
  }

  draw(index, picture) {
    this.stage.showDecoded(picture);
    if (picture === null) find("lost-reason").textContent = this.unitAt(index).damaged ?? "";
    else if (this.unitAt(index).damaged) this.message(`Frame ${index} is lost and concealed: ${this.unitAt(index).damaged}`);
    if (this.stage.view !== "decoded") this.compare(index);
    else this.stage.originalPicture = null;
    this.inform(index);
    document.body.dataset.shown = String(index);
    document.body.dataset.settings = `${this.settings.restore ? 1 : 0} ${this.settings.steps} ${index}`;
    this.drawTimes.push(performance.now());
    if (this.drawTimes.length > 500) this.drawTimes.splice(0, 250);
    this.statisticsLine();
  }

  /** The original of a frame onto its canvas, when it is there. */
  async compare(index) {
    if (!this.clip.original) return;
    const { shift } = this;
    const wanted = index + shift;
    const exists = wanted >= 0 && wanted < this.clip.frames;
    try {
      const original = exists ? await this.originals.fetch(wanted) : null;
      if (this.playback.shown !== index || this.shift !== shift) return;
      this.stage.showOriginal(original);
      document.body.dataset.compared = shift ? `${index} ${shift}` : String(index);
      if (original === null) this.message("The original has no frame at this time");
      else if (!this.playback.playing && wanted + 1 < this.clip.frames) this.originals.prefetch(wanted + 1);
    } catch (error) {
      if (error.name !== "AbortError") this.message(error.message);
    }
  }

  /** Panel, legend and overlay of a frame. */
  async inform(index) {
    const { playing } = this.playback;
    const kind = this.stage.overlay;
    const now = performance.now();
    const known = this.details.get(index);
    if (known === undefined && playing && kind === "none" && now - (this.informed ?? 0) < DETAILS_EVERY) return;
    this.informed = now;
    if (known === undefined && kind !== "none") this.stage.showOverlay(null, null);
    this.figures(index, known ?? null);
    try {
      const [details, bits] = await Promise.all([this.details.fetch(index), kind === "bits" ? this.bits.fetch(index) : null]);
      if (this.playback.shown !== index || kind !== this.stage.overlay) return;
      this.figures(index, details);
      this.stage.showOverlay(details, bits);
      showLegend(kind, details, bits, this.clip);
      document.body.dataset.informed = `${index} ${kind}`;
    } catch (error) {
      if (error.name !== "AbortError") this.message(error.message);
    }
  }

  figures(index, details) {
    if (document.body.classList.contains("no-panel")) return;
    showFrame(this.clip, index, details, this.timeline.quality.get(index), this.unitAt(index), (number) => this.seek(number));
  }

  unitAt(index) {
    return this.clip.units[this.timeline.unitOf[index]];
  }

  position(index) {
    this.timeline.setPosition(index);
    find("time").textContent = format.seconds(this.clip.times[index]);
    if (document.activeElement !== find("frame") || !this.typing) find("frame").value = String(index);
    clearTimeout(this.addressTimer);
    const wait = this.addressDue - performance.now();
    this.addressTimer = setTimeout(() => {
      this.addressDue = performance.now() + ADDRESS_EVERY;
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
    const { playback, frames } = this;
    const now = performance.now();
    this.drawTimes = this.drawTimes.filter((time) => now - time < 1000);
    const sound = this.clip.sound ? (this.sound.paused ? "paused" : `${this.sound.currentTime.toFixed(3)} s`) : "none";
    box.textContent = [
      `frame     ${playback.shown} at ${format.seconds(this.clip.times[Math.max(0, playback.shown)])}`,
      `on screen ${this.drawTimes.length} frames/s at ${format.speed(playback.speed)}`,
      `left out  ${playback.dropped} since play`,
      `behind    ${(1000 * playback.lag()).toFixed(0)} ms`,
      `a picture ${(1000 * frames.latency).toFixed(0)} ms from the player`,
      `kept      ${frames.values.size} of ${frames.capacity} pictures`,
      `sound     ${sound}`,
      `pixels    ${Number((this.stage.scale * (window.devicePixelRatio || 1)).toFixed(3))} : 1 on the screen`,
    ].join("\n");
  }

  // What becomes known

  learn(messages) {
    this.timeline.learn(messages);
    for (const message of messages) {
      if (message.sound) {
        this.message(`No sound: ${message.sound}`, 5000);
        this.playback.clock.usable = false;
      }
      if (message.quality?.[0] === this.playback.shown) this.figures(this.playback.shown, this.details.get(this.playback.shown) ?? null);
    }
  }

  /** A frame that cannot be decoded, and with it the rest of its unit. */
  learnLoss(index, reason) {
    const unit = this.unitAt(index);
    if (!unit.damaged) this.timeline.learn([{ damaged: [unit.first, unit.count, reason] }]);
    return null;
  }

  ended() {
    this.playback.shutDown();
    for (const cache of [this.originals, this.details, this.bits]) cache.cancel();
    this.sound.removeAttribute("src");
    fatal("The player has ended. Start videocodec play again, and open the new address.");
  }

  // What the person does; the names are those of keys.js

  toggle() {
    this.playback.toggle();
  }

  step(count, repeated) {
    this.playback.step(count, repeated);
  }

  seek(index) {
    this.playback.seek(index === Infinity ? this.clip.frames - 1 : index);
  }

  seekSeconds(difference) {
    this.playback.seekSeconds(difference);
  }

  setSpeed(speed) {
    this.playback.setSpeed(Math.min(FASTEST, Math.max(SLOWEST, speed)));
    this.message(`Speed ${format.speed(this.speed)}`);
  }

  mark() {
    this.playback.mark();
    const [first, stop] = this.playback.marks;
    this.message(first === null ? "Loop ended" : stop === null ? `Loop from ${first}: press l where it ends` : `Loop from ${first} to ${stop}`);
  }

  repeat() {
    this.playback.looping = !this.playback.looping;
    this.message(this.playback.looping ? "Repeat the whole clip" : "Play once");
    this.state();
  }

  save() {
    const index = this.playback.shown;
    if (index < 0 || this.frames.get(index) === null) return this.message("There is no picture to save");
    const name = `${this.clip.stem}-frame-${String(index).padStart(String(this.clip.frames - 1).length, "0")}.png`;
    const link = element("a", { href: client.pngAddress(index, this.settings), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    this.message(`Saved as ${name}`);
  }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else find("stage").requestFullscreen?.().catch(() => this.message("The browser does not allow full screen here"));
  }

  statistics() {
    const box = find("statistics");
    box.hidden = !box.hidden;
    find("statistics-toggle").setAttribute("aria-pressed", String(!box.hidden));
    this.statisticsLine();
  }

  mute() {
    this.sound.muted = !this.sound.muted;
    document.body.classList.toggle("muted", this.sound.muted);
    find("mute").setAttribute("aria-pressed", String(this.sound.muted));
    this.message(this.sound.muted ? "Sound off" : "Sound on");
  }

  volume(change) {
    if (!this.clip.sound) return;
    find("volume").value = String(Math.min(100, Math.max(0, Number(find("volume").value) + change)));
    this.sound.volume = Number(find("volume").value) / 100;
    this.message(`Volume ${find("volume").value} %`);
  }

  nextOverlay() {
    this.choose("overlay-kind");
  }

  nextView() {
    if (this.clip.original) this.choose("view");
    else this.message("Start with --source ORIGINAL to compare");
  }

  /** One key between the two pictures, at the same place of the screen. */
  flip() {
    if (!this.clip.original) return this.message("Start with --source ORIGINAL to compare");
    find("view").value = this.stage.view === "original" ? "decoded" : "original";
    find("view").dispatchEvent(new Event("change"));
    this.message(find("view").selectedOptions[0].textContent);
  }

  /** Move the original against the stream, to see whether the two are out of step. */
  shiftOriginal(count) {
    if (!this.clip.original) return this.message("Start with --source ORIGINAL to compare");
    this.shift += count;
    this.stage.shift = this.shift;
    this.stage.tags();
    this.message(shifted(this.shift));
    if (this.stage.view !== "decoded") this.compare(this.playback.shown);
  }

  keyframe(forward) {
    const found = keyframe(this.clip, this.playback.index, forward);
    if (found === null) this.message(forward ? "No keyframe after this frame" : "No keyframe before this frame");
    else this.seek(found);
  }

  worst() {
    const found = worst(this.timeline.quality);
    if (found === null) return this.message(this.clip.original ? "No frame has been compared yet" : "Start with --source ORIGINAL to compare");
    this.seek(found);
    this.message(`Lowest PSNR of ${this.timeline.quality.size} frames compared`);
  }

  async copyPlace() {
    const text = place(this.clip, this.playback.index);
    try {
      await navigator.clipboard.writeText(text);
      this.message(`Copied: ${text}`);
    } catch {
      this.message(text, 8000, true); // the browser does not allow it: a person can
    }
  }

  nextZoom() {
    const zoom = find("zoom");
    zoom.value = { whole: "fill", fill: "1" }[zoom.value] ?? "whole";
    zoom.dispatchEvent(new Event("change"));
    this.message(zoom.selectedOptions[0].textContent);
  }

  choose(id) {
    const select = find(id);
    select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
    select.dispatchEvent(new Event("change"));
    this.message(select.selectedOptions[0].textContent);
  }

  panel() {
    const hidden = document.body.classList.toggle("no-panel");
    find("panel-toggle").setAttribute("aria-pressed", String(!hidden));
    if (!hidden) this.figures(this.playback.index, this.details.get(this.playback.index) ?? null);
  }

  help() {
    find("help").showModal();
  }

  setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("videocodec-theme", theme);
    this.timeline.redraw();
  }

  setSettings(settings) {
    this.settings = settings;
    this.frames.clear();
    this.playback.refresh();
  }

  fromAddress() {
    const match = /^#frame=(\d{1,9})$/.exec(location.hash);
    return match ? Math.min(Number(match[1]), this.clip.frames - 1) : null;
  }

  view(value) {
    this.stage.setView(value);
    find("wipe-label").hidden = value !== "wipe";
    find("gain-label").hidden = value !== "difference";
    if (value !== "decoded" && this.playback.shown >= 0) this.compare(this.playback.shown);
  }

  overlay(value) {
    this.stage.overlay = value;
    find("opacity-label").hidden = value === "none";
    showLegend(value, null, null, this.clip);
    this.stage.redrawOverlay();
    if (this.playback.shown >= 0) this.inform(this.playback.shown);
  }
}

function fatal(text) {
  const box = find("fatal");
  box.textContent = text;
  box.hidden = false;
}

function theme() {
  const chosen = localStorage.getItem("videocodec-theme");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => (document.documentElement.dataset.theme = dark.matches ? "dark" : "light");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  else apply();
  dark.addEventListener("change", () => {
    localStorage.removeItem("videocodec-theme");
    apply();
    window.dispatchEvent(new Event("themechange"));
  });
}

async function start() {
  theme();
  // The token has become a cookie; the address may be shown to others.
  if (location.search) history.replaceState(null, "", location.pathname + location.hash);
  try {
    const app = new App(await client.clip());
    window.addEventListener("themechange", () => app.timeline.redraw());
    document.body.dataset.ready = "yes";
  } catch (error) {
    fatal(error.message);
    throw error;
  }
}

start();
