// Which of the files is shown, and what stands beside it: another file, or the source of all.

import { element, find } from "./dom.js";

export const SOURCE = "source";

export class Sides {
  /** files: one or more PlayedFile. */
  constructor(files) {
    this.files = files;
    this.left = 0;
    this.right = files[0].clip.original ? SOURCE : files.length > 1 ? 1 : null; // null: nothing
  }

  get several() {
    return this.files.length > 1;
  }

  get file() {
    return this.files[this.left];
  }

  /** All that can stand beside what is shown. */
  get partners() {
    const others = this.files.map((_, number) => number).filter((number) => number !== this.left);
    return this.files[0].clip.original ? [SOURCE, ...others] : others;
  }

  /** What a side is called: short where there is one file only. */
  name(side) {
    if (side === SOURCE) return "Original";
    return this.several ? this.files[side].clip.name : "Decoded";
  }

  get leftName() {
    return this.name(this.left);
  }

  get rightName() {
    return this.right === null ? "" : this.name(this.right);
  }

  /** Show another file; the one shown so far stands beside it where that one did. */
  show(number) {
    if (this.right === number) this.right = this.left;
    this.left = number;
  }

  /** The picture beside a frame of the file that is shown; null where there is none. */
  async beside(index) {
    if (this.right === SOURCE) return this.file.originals.fetch(index);
    const other = this.files[this.right];
    const found = other.counterpart(this.file.clip, index);
    return found === null ? null : other.frames.fetch(found);
  }

  prefetch(index) {
    this.beside(index).catch(() => {}); // whoever goes there is told
  }

  /** The fields in which one chooses, and the names of views. */
  showChoice() {
    find("sides").hidden = !this.several;
    const option = (side) => new Option(side === SOURCE ? `Original: ${this.file.clip.original}` : `${side + 1}: ${this.name(side)}`, String(side));
    find("left").replaceChildren(...this.files.map((_, number) => option(number)));
    find("left").value = String(this.left);
    find("right").replaceChildren(...this.partners.map(option));
    find("right").value = String(this.right);
    const names = { decoded: this.leftName, original: this.rightName || "Original" };
    for (const each of find("view").options) {
      each.textContent = names[each.value] ?? each.textContent;
      each.disabled = each.value !== "decoded" && this.right === null;
    }
    find("view").title = this.right === null ? "Start with --source ORIGINAL to compare" : "View (v)";
  }
}

/** Offer the overlays that a file has: an ordinary video has few, and errors need something to compare with. */
export function offerOverlays(clip, comparable) {
  const field = find("overlay-kind");
  for (const each of field.options) each.disabled = !(each.value === "none" || (each.value === "error" ? comparable : clip.overlays.includes(each.value)));
  if (field.selectedOptions[0].disabled) {
    field.value = "none";
    field.dispatchEvent(new Event("change"));
  }
}

/** The keys of the help. */
export function helpLines(bindings, nameOf) {
  return bindings.flatMap(([names, what, , label]) => {
    const shown = label ? [label] : names.map(nameOf);
    return [element("dt", {}, ...shown.map((name) => element("kbd", {}, name))), element("dd", {}, what)];
  });
}
