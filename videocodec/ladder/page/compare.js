"use strict";
// Two pictures on top of each other: the left one is cut off where the divider stands.

const compare = {
  share: 50,

  set(share) {
    this.share = Math.max(0, Math.min(100, share));
    document.getElementById("image-left").style.clipPath = `inset(0 ${100 - this.share}% 0 0)`;
    document.getElementById("divider").style.left = this.share + "%";
    document.getElementById("wipe").value = this.share;
  },

  show(left, right, width, height, zoom) {
    const stage = document.getElementById("stage");
    stage.style.width = width * zoom + "px";
    stage.style.height = height * zoom + "px";
    for (const [id, uri, name] of [["image-left", left.uri, left.name], ["image-right", right.uri, right.name]]) {
      const image = document.getElementById(id);
      if (uri) image.src = uri; else image.removeAttribute("src");
      image.alt = name;
    }
    this.set(this.share);
  },

  start() {
    const stage = document.getElementById("stage");
    const follow = event => {
      const box = stage.getBoundingClientRect();
      this.set((event.clientX - box.x) / box.width * 100);
    };
    stage.addEventListener("pointerdown", event => { stage.setPointerCapture(event.pointerId); follow(event); event.preventDefault(); });
    stage.addEventListener("pointermove", event => { if (event.buttons) follow(event); });
    document.getElementById("wipe").addEventListener("input", event => this.set(+event.target.value));
  },
};
