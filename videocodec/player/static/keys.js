// The keyboard: mpv's keys, and some for what mpv does not have.  One table serves the keys and the help.

/** [keys, what they do, action(player, event), how the help writes the keys, if not one by one] */
export const BINDINGS = [
  [[" "], "play, pause", (app) => app.toggle()],
  [["."], "one frame forward", (app, event) => app.step(1, event.repeat)],
  [[","], "one frame back", (app, event) => app.step(-1, event.repeat)],
  [["ArrowRight"], "5 s forward, with shift 1 s", (app, event) => app.seekSeconds(event.shiftKey ? 1 : 5)],
  [["ArrowLeft"], "5 s back, with shift 1 s", (app, event) => app.seekSeconds(event.shiftKey ? -1 : -5)],
  [["Home"], "first frame", (app) => app.seek(0)],
  [["End"], "last frame", (app) => app.seek(Infinity)],
  [["k"], "next keyframe", (app) => app.keyframe(true)],
  [["K"], "keyframe before", (app) => app.keyframe(false)],
  [["w"], "worst frame measured so far", (app) => app.worst()],
  [["c"], "copy number and time", (app) => app.copyPlace()],
  [["["], "slower", (app) => app.setSpeed(app.speed / 1.1)],
  [["]"], "faster", (app) => app.setSpeed(app.speed * 1.1)],
  [["Backspace"], "normal speed", (app) => app.setSpeed(1)],
  [["b"], "frames between frames, in slow motion", (app) => app.setBetween(!app.playback.makesBetween)],
  [["l"], "loop: from here, to here, end", (app) => app.mark()],
  [["L"], "repeat the whole clip", (app) => app.repeat()],
  [["s"], "save the picture as PNG", (app) => app.save()],
  [["f"], "full screen", (app) => app.fullscreen()],
  [["i"], "statistics", (app) => app.statistics()],
  [["m"], "sound off, on", (app) => app.mute()],
  [["9", "0"], "softer, louder", (app, event) => app.volume(event.key === "0" ? 5 : -5)],
  [["o"], "next overlay", (app) => app.nextOverlay()],
  [["h"], "heat map of the error", (app) => app.heat()],
  [["e"], "next measure", (app) => app.nextMeasure()],
  [["1", "2", "3", "4", "5", "6", "7", "8"], "show that file", (app, event) => app.showFile(Number(event.key) - 1), "1 … 8"],
  [["n"], "show the next file", (app) => app.nextFile()],
  [["N"], "next file, or the original, beside it", (app) => app.nextBeside()],
  [["v"], "next view: both sides", (app) => app.nextView()],
  [["a"], "flip between the sides", (app) => app.flip()],
  [["}"], "other side one frame later", (app) => app.shiftOriginal(1)],
  [["{"], "other side one frame earlier", (app) => app.shiftOriginal(-1)],
  [["z"], "zoom: whole pixels, fill, 1 : 1", (app) => app.nextZoom()],
  [["x"], "crop, which follows the mouse", (app) => app.crop()],
  [["X"], "lock the crop where it is, free it", (app) => app.lockCrop()],
  [["p"], "figures of the frame", (app) => app.panel()],
  [["?"], "this help", (app) => app.help()],
];

const NAMES = { " ": "space", ArrowRight: "→", ArrowLeft: "←", Home: "home", End: "end", Backspace: "⌫" };
const ADJUST = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);

export const nameOf = (key) => NAMES[key] ?? key;

/** Whether the element in focus wants this key for itself. */
function isTaken(target, key) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("dialog[open]")) return true; // one just closed keeps the focus until the next picture of the page
  if (target.matches("input[type=range]")) return ADJUST.has(key);
  if (target.matches("input[type=checkbox]")) return key === " ";
  if (target.matches("input, textarea")) return true;
  if (target.matches("select")) return key === " " || ADJUST.has(key) || /^[a-z0-9]$/i.test(key);
  return target.matches("button") && key === " ";
}

export function listen(app) {
  const actions = new Map(BINDINGS.flatMap(([keys, , action]) => keys.map((key) => [key, action])));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const action = actions.get(event.key);
    if (!action || isTaken(event.target, event.key)) return;
    event.preventDefault();
    action(app, event);
  });
}
