// What playing keeps time by: the sound where there is any, the computer's clock elsewhere.

export class WallClock {
  start(time, speed) {
    this.from = performance.now();
    this.origin = time;
    this.speed = speed;
  }

  time() {
    return this.origin + ((performance.now() - this.from) / 1000) * this.speed;
  }

  stop() {}
}

export class SoundClock {
  /** offset: the time of the clip at which the sound begins. */
  constructor(audio, offset, onBlocked) {
    this.audio = audio;
    this.offset = offset;
    this.onBlocked = onBlocked;
    this.wall = new WallClock();
    this.usable = true;
    audio.addEventListener("error", () => (this.usable = false));
  }

  start(time, speed) {
    this.wall.start(time, speed);
    this.speed = speed;
    const place = time - this.offset;
    this.sounding = this.usable && !(place >= this.audio.duration);
    if (!this.sounding) return;
    this.waiting = true;
    this.audio.playbackRate = speed;
    this.audio.preservesPitch = true;
    if (Math.abs(this.audio.currentTime - place) > 0.002) this.audio.currentTime = place;
    const attempt = (this.attempt = {});
    this.audio.play().then(
      () => {
        if (this.attempt === attempt) this.waiting = false;
      },
      (error) => {
        if (this.attempt !== attempt || error.name === "AbortError") return;
        this.sounding = this.waiting = false;
        this.wall.start(time, speed);
        this.onBlocked(error);
      },
    );
    this.origin = time;
  }

  time() {
    if (!this.sounding) return this.wall.time();
    if (this.waiting || this.audio.seeking) return this.origin;
    if (this.audio.ended) {
      // The pictures outlast the sound: go on from here by the wall.
      this.sounding = false;
      this.wall.start(this.audio.currentTime + this.offset, this.speed);
      return this.wall.time();
    }
    return this.audio.currentTime + this.offset;
  }

  stop() {
    this.attempt = null;
    this.audio.pause();
  }
}
