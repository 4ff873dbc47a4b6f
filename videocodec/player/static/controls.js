// What the person does with mouse and touch, and with the fields of the page; keys are in keys.js.

import { find } from "./dom.js";

export function wire(app) {
  const click = (id, action) => find(id).addEventListener("click", action);
  click("first", () => app.seek(0));
  click("back", () => app.step(-1));
  click("play", () => app.toggle());
  click("forward", () => app.step(1));
  click("last", () => app.seek(Infinity));
  click("loop", () => (app.playback.looping && app.playback.marks[0] === null ? app.repeat() : app.mark()));
  click("mute", () => app.mute());
  click("statistics-toggle", () => app.statistics());
  click("save", () => app.save());
  click("fullscreen", () => app.fullscreen());
  click("time", () => app.copyPlace());
  click("help-open", () => app.help());
  click("panel-toggle", () => app.panel());
  click("theme", () => app.setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  change(app, "speed", (value) => app.setSpeed(Number(value)));
  change(app, "between", () => app.setBetween(find("between").checked));
  change(app, "view", (value) => app.view(value));
  change(app, "gain", (value) => {
    app.stage.gain = Number(value);
    app.stage.redrawDifference();
    app.stage.tags();
  });
  change(app, "overlay-kind", (value) => app.overlay(value));
  change(app, "zoom", (value) => {
    app.stage.zoom = value;
    app.stage.layout();
  });
  change(app, "crop", (value) => app.setCrop(Number(value)));
  change(app, "measure", (value) => app.setMeasure(value));
  change(app, "left", (value) => app.showFile(Number(value)));
  change(app, "right", (value) => app.setBeside(value));
  change(app, "restore", () => app.setSettings({ ...app.settings, restore: find("restore").checked }));
  change(app, "steps", (value) => {
    const steps = Math.min(50, Math.max(1, Math.round(Number(value)) || 1));
    find("steps").value = String(steps);
    app.setSettings({ ...app.settings, steps });
  });
  find("wipe").addEventListener("input", () => app.stage.setWipe(Number(find("wipe").value) / 1000));
  find("opacity").addEventListener("input", () => {
    app.stage.opacity = Number(find("opacity").value) / 100;
    app.stage.redrawOverlay();
  });
  find("volume").addEventListener("input", () => (app.sound.volume = Number(find("volume").value) / 100));
  window.addEventListener("hashchange", () => {
    const index = app.fromAddress();
    if (index !== null && index !== app.playback.index) app.seek(index);
  });
  setInterval(() => app.statisticsLine(), 250);
  wireNumber(app);
  wirePicture(app);
}

/** A field whose choice, made with the mouse, gives the keys back to the player. */
function change(app, id, action) {
  const field = find(id);
  field.addEventListener("change", () => {
    action(field.value);
    if (app.pointerLast) field.blur();
  });
  for (const [name, pointer] of [["pointerdown", true], ["keydown", false]]) field.addEventListener(name, () => (app.pointerLast = pointer));
}

function wireNumber(app) {
  const field = find("frame");
  field.addEventListener("input", () => (app.typing = true));
  field.addEventListener("focus", () => field.select());
  field.addEventListener("blur", () => {
    app.typing = false;
    field.value = String(app.playback.index);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    if (event.key === "Enter" && /^\d+$/.test(field.value.trim())) app.seek(Number(field.value));
    field.blur();
  });
}

/** A click plays, a swipe steps, and in the wipe a drag moves the border. */
function wirePicture(app) {
  const picture = find("turned");
  let start = null;
  picture.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    start = { x: event.clientX, y: event.clientY, moved: false };
    if (app.stage.view === "wipe") {
      picture.setPointerCapture(event.pointerId);
      wipeTo(app, event);
    }
  });
  picture.addEventListener("pointermove", (event) => {
    if (app.stage.crop.follow(...app.stage.placeOf(event))) app.stage.placeCrop();
    if (!start) return;
    start.moved ||= Math.hypot(event.clientX - start.x, event.clientY - start.y) > 6;
    if (app.stage.view === "wipe") wipeTo(app, event);
  });
  const finish = (event, touch) => {
    if (!start || app.stage.view === "wipe") return (start = null);
    const across = event.clientX - start.x;
    if (touch && Math.abs(across) > 30 && Math.abs(across) > 2 * Math.abs(event.clientY - start.y)) app.step(across < 0 ? 1 : -1);
    else if (!start.moved && event.type === "pointerup") app.toggle();
    start = null;
  };
  picture.addEventListener("pointerup", (event) => finish(event, event.pointerType !== "mouse"));
  picture.addEventListener("pointercancel", () => (start = null));
  find("stage").addEventListener("dblclick", () => app.fullscreen());
}

function wipeTo(app, event) {
  app.stage.setWipe(app.stage.across(event));
  find("wipe").value = String(Math.round(1000 * app.stage.wipe));
}
