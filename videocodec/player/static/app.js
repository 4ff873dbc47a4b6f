// What the person does, by keys and fields; the names are those of keys.js and controls.js.

import * as client from "./client.js";
import { element, find } from "./dom.js";
import * as format from "./format.js";
import { keyframe, place, shifted } from "./inspecting.js";
import { MEASURES, worst } from "./measuring.js";
import { learnNames } from "./overlays.js";
import { Page, fatal } from "./page.js";
import { showLegend } from "./panel.js";
import { FASTEST, SLOWEST } from "./playback.js";
import { SOURCE } from "./sides.js";
import { followTheme } from "./theme.js";

const NO_SOURCE = "Start with --source ORIGINAL to compare";

class App extends Page {
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

  setBetween(on) {
    find("between").checked = this.playback.makesBetween = on && this.clip.between;
    const slow = this.speed <= 0.5 ? "" : ", from half speed down";
    this.message(!this.clip.between ? "No frames can be made between those of this file" : on ? `Frames between are made up${slow}` : "Coded frames only");
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
    const index = this.shown;
    if (this.playback.made) return this.message("It was made up between two frames: videocodec decode --fps makes files of such");
    if (index < 0 || this.file.frames.get(index) === null) return this.message("There is no picture to save");
    const name = `${this.clip.stem}-frame-${String(index).padStart(String(this.clip.frames - 1).length, "0")}.png`;
    const link = element("a", { href: client.pngAddress(this.file.number, index, this.settings), download: name });
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
    if (!this.hasSound) return;
    find("volume").value = String(Math.min(100, Math.max(0, Number(find("volume").value) + change)));
    this.sound.volume = Number(find("volume").value) / 100;
    this.message(`Volume ${find("volume").value} %`);
  }

  nextOverlay() {
    this.choose("overlay-kind");
  }

  nextView() {
    if (this.lacksPartner()) return;
    this.choose("view");
  }

  /** Say so where there is nothing to compare with. */
  lacksPartner() {
    if (this.sides.right === null) this.message(NO_SOURCE);
    return this.sides.right === null;
  }

  /** One key between the two pictures, at the same place of the screen. */
  flip() {
    if (this.lacksPartner()) return;
    find("view").value = this.stage.view === "original" ? "decoded" : "original";
    find("view").dispatchEvent(new Event("change"));
    this.message(find("view").selectedOptions[0].textContent);
  }

  /** Move what stands beside against the file that is shown, to see whether the two are out of step. */
  shiftOriginal(count) {
    if (this.lacksPartner()) return;
    this.shift += count;
    this.stage.shift = this.shift;
    this.stage.tags();
    this.message(shifted(this.sides.right === SOURCE ? "The original" : this.sides.rightName, this.shift));
    if (this.comparing) this.compare(this.shown);
  }

  /** Show another file at the same time and place. */
  showFile(number) {
    const { sides } = this;
    if (number >= sides.files.length) return this.message(`There is no file ${number + 1}`);
    if (number === sides.left) return this.message(sides.name(number));
    const time = this.clip.times[this.playback.index];
    this.file.cancel();
    sides.show(number);
    learnNames(this.clip);
    this.stage.use(this.clip);
    this.timeline.use(this.file);
    this.describe();
    this.showMeasured();
    this.message(sides.leftName);
    this.playback.use(this.clip, this.file.frames, this.file.between, this.file.nearest(time));
  }

  nextFile() {
    this.showFile((this.sides.left + 1) % this.sides.files.length);
  }

  /** side: "source" or the number of a file, as text. */
  setBeside(side) {
    this.sides.right = side === SOURCE ? SOURCE : Number(side);
    this.describe();
    this.stage.tags();
    this.message(`Beside: ${this.sides.rightName}`);
    if (this.comparing) this.compare(this.shown);
  }

  nextBeside() {
    if (this.lacksPartner()) return;
    const { partners, right } = this.sides;
    this.setBeside(String(partners[(partners.indexOf(right) + 1) % partners.length]));
  }

  heat() {
    if (this.lacksPartner()) return;
    const field = find("overlay-kind");
    field.value = field.value === "error" ? "none" : "error";
    field.dispatchEvent(new Event("change"));
    this.message(field.value === "error" ? `Error against ${this.sides.rightName}` : "No overlay");
  }

  nextMeasure() {
    if (!this.clip.original) return this.message(NO_SOURCE);
    this.choose("measure");
  }

  setMeasure(name) {
    this.measuring.choose(name);
    this.timeline.setCurves(MEASURES[name].slow ? [name] : ["psnr", "ssim"]);
    this.showMeasured();
  }

  setCrop(factor) {
    const { crop } = this.stage;
    crop.set(factor);
    find("crop").value = String(factor);
    this.stage.layout();
    this.message(crop.on ? `Crop ${crop.text(this.clip)}` : "No crop");
  }

  crop() {
    const { crop } = this.stage;
    this.setCrop(crop.on ? 1 : crop.last);
  }

  lockCrop() {
    const { crop } = this.stage;
    if (!crop.on) this.crop();
    crop.locked = !crop.locked;
    this.stage.placeCrop();
    this.message(crop.locked ? `Crop ${crop.text(this.clip)}` : "The crop follows the mouse");
  }

  keyframe(forward) {
    const found = keyframe(this.clip, this.playback.index, forward);
    if (found === null) this.message(forward ? "No keyframe after this frame" : "No keyframe before this frame");
    else this.seek(found);
  }

  worst() {
    if (!this.clip.original) return this.message(NO_SOURCE);
    const { name } = this.measuring;
    const values = this.file.measures[name];
    const found = worst(values);
    if (found === null) return this.message("No frame has been measured yet");
    this.seek(found);
    this.message(`Lowest ${MEASURES[name].label} of ${values.size} frames measured`);
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
    do select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
    while (select.selectedOptions[0].disabled);
    select.dispatchEvent(new Event("change"));
    this.message(select.selectedOptions[0].textContent);
  }

  panel() {
    const hidden = document.body.classList.toggle("no-panel");
    find("panel-toggle").setAttribute("aria-pressed", String(!hidden));
    if (!hidden) this.figures(this.playback.index, this.file.details.get(this.playback.index) ?? null);
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
    for (const file of this.sides.files) for (const cache of [file.frames, file.between]) cache.clear();
    this.playback.refresh();
  }

  view(value) {
    this.stage.setView(value);
    find("wipe-label").hidden = value !== "wipe";
    find("gain-label").hidden = value !== "difference";
    if (this.comparing && this.shown >= 0) this.compare(this.shown);
  }

  overlay(value) {
    this.stage.overlay = value;
    find("opacity-label").hidden = value === "none";
    showLegend(value, {}, this.clip);
    this.stage.redrawOverlay();
    if (this.shown < 0) return;
    if (value === "error") this.compare(this.shown);
    this.inform(this.shown);
  }
}

async function start() {
  followTheme();
  // The token has become a cookie; the address may be shown to others.
  if (location.search) history.replaceState(null, "", location.pathname + location.hash);
  try {
    const first = await client.clip(0);
    const others = first.files.slice(1).map((_, number) => client.clip(number + 1));
    const app = new App([first, ...(await Promise.all(others))]);
    window.addEventListener("themechange", () => app.timeline.redraw());
    document.body.dataset.ready = "yes";
  } catch (error) {
    fatal(error.message);
    throw error;
  }
}

start();
