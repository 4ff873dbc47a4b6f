// Which frame is on screen, and when the next one is due.  The sound is the clock where there is any, the computer's clock elsewhere;
// frames that come too late are left out, so that pictures never drift away from the sound.

import { Buffering } from "./buffering.js";
import { SoundClock, WallClock } from "./clocks.js";
import { SlowMotion } from "./slow.js";

export const SLOWEST = 0.1;
export const FASTEST = 4;
const IN_FLIGHT = 3; // the server makes one picture at a time: more hide the way there and back
const AHEAD = 24;
const RUN = 4; // pictures that are asked for at once where RESERVE are here before them
const RESERVE = 6;
const STEP_AHEAD = 4;
const REST = 60; // ms
const EARLY = 20; // ms before a picture is due, by which one begins to look at every frame of the screen
const LONGEST_REST = 100; // ms: sound that stands still, or marks that move, are noticed

export class Playback {
  /**
   * clip: as the server describes it.  frames: FrameCache of pictures; values that are null are lost frames.  callbacks: draw(index, picture)
   * puts a picture on the screen, drawMade(index, picture) one made up for a time after a frame, position(index) says where we are going, state() that playing, speed or marks have changed,
   * message(text) is for the person, busy(flag), blocked(error) that the browser will not play the sound, alone() whether nothing stands
   * beside the picture.  between: FrameCache of made-up pictures by slow.keyOf.
   */
  constructor(clip, frames, between, audio, callbacks) {
    [this.clip, this.frames, this.between] = [clip, frames, between];
    this.on = callbacks;
    this.index = 0; // where we want to be
    this.shown = -1; // what is on the screen
    this.made = null; // [part, parts] of the time of that frame, for which another was made up that is on the screen instead
    this.makesBetween = false; // whether frames are to be made in slow motion
    this.isSlow = false; // whether playing now goes by slow.js
    this.speed = 1;
    this.playing = false;
    this.marks = [null, null];
    this.looping = false;
    this.direction = 1;
    this.dropped = 0;
    this.over = false;
    this.clock = clip.sound ? new SoundClock(audio, clip.sound_start, callbacks.blocked) : new WallClock();
    this.slow = new SlowMotion(this);
    this.buffering = new Buffering(this);
    this.tick = this.tick.bind(this);
  }

  /** Go on with another file, at the frame that is shown at the same time. */
  use(clip, frames, between, index) {
    const time = this.playing ? this.time() : null;
    this.frames.cancel();
    this.between.cancel();
    if (clip.frames !== this.clip.frames) this.marks = [null, null];
    [this.clip, this.frames, this.between, this.index, this.shown] = [clip, frames, between, index, -1];
    this.on.position(index);
    this.on.state();
    if (this.playing) this.restart(time);
    else this.show(index);
  }

  /** Where playing is, seconds. */
  time() {
    return this.isSlow ? this.clip.times[this.index] : (this.buffering.waiting?.time ?? this.clock.time());
  }

  get last() {
    return this.clip.frames - 1;
  }

  /** The frame shown at a time: the last that begins before or at it. */
  at(time) {
    const times = this.clip.times;
    let low = 0;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= time + 1e-6) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  end(index) {
    return this.clip.times[index] + this.clip.durations[index];
  }

  /** Go to a frame exactly. */
  seek(index) {
    const target = Math.min(this.last, Math.max(0, Math.round(index)));
    this.direction = target < this.index ? -1 : 1;
    this.index = target;
    this.on.position(target);
    if (this.playing) {
      this.shown = -1;
      this.restart(this.clip.times[target]);
      return Promise.resolve();
    }
    return this.show(target);
  }

  /** One or more frames on; a key that is held waits for the picture. */
  step(count, repeated = false) {
    if (this.playing) this.pause();
    if (repeated && this.shown !== this.index) return Promise.resolve();
    return this.seek(this.index + count);
  }

  seekSeconds(difference) {
    const from = this.playing ? this.time() : this.clip.times[this.index];
    const target = this.at(from + difference);
    // A jump shorter than the distance to the next frame still has to arrive somewhere.
    const minimum = difference > 0 ? Math.max(target, this.index + 1) : Math.min(target, this.index - 1);
    return this.seek(this.playing ? target : minimum);
  }

  /** Draw what we want to see again, after other settings. */
  refresh() {
    this.shown = -1;
    if (this.playing) this.requested = this.index - 1;
    else this.show(this.index);
  }

  async show(index) {
    const near = (other) => other === index || this.neighbours(index).includes(other);
    this.frames.cancel(near);
    let picture = this.frames.get(index);
    if (picture === undefined) {
      const slow = setTimeout(() => this.on.busy(true), 120);
      try {
        picture = await this.frames.fetch(index);
      } catch (error) {
        if (error.name !== "AbortError" && this.index === index) this.on.message(error.message);
        return;
      } finally {
        clearTimeout(slow);
        this.on.busy(false);
      }
    }
    if (this.index !== index || this.playing) return;
    this.put(index, picture);
    this.lookAround(index);
  }

  /** Fetch the neighbours while we stay here, one by one: whoever jumps next must not wait for what nobody wants any more. */
  async lookAround(index) {
    await new Promise((resolve) => setTimeout(resolve, REST));
    for (const other of this.neighbours(index)) {
      if (this.index !== index || this.playing || this.over) return;
      try {
        await this.frames.fetch(other);
      } catch {
        return; // whoever goes there is told
      }
    }
  }

  neighbours(index) {
    const ahead = Array.from({ length: STEP_AHEAD }, (_, number) => index + this.direction * (number + 1));
    return [...ahead, index - this.direction].filter((other) => other >= 0 && other <= this.last);
  }

  put(index, picture) {
    [this.shown, this.made] = [index, null];
    this.on.draw(index, picture);
  }

  /** Put a frame on the screen to which playing has come. */
  arrive(index, picture) {
    this.index = index;
    this.put(index, picture);
    this.on.position(index);
  }

  play() {
    if (this.playing) return;
    const [first, stop] = this.range();
    if (this.index >= stop || this.index < first) {
      this.index = first;
      this.on.position(first);
    }
    this.playing = true;
    this.dropped = this.buffering.waits = 0;
    this.restart(this.clip.times[this.index]);
    this.on.state();
    // what is left of playing before must not look twice as often
    clearTimeout(this.timer);
    cancelAnimationFrame(this.beat);
    this.beat = requestAnimationFrame(this.tick);
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.buffering.end();
    this.clock.stop();
    this.on.state();
    // Stay on what is seen; what the clock wanted by now was never shown.
    if (this.shown >= 0) this.index = this.shown;
    this.on.position(this.index);
    if (!this.over && !this.made) this.show(this.index);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  setSpeed(speed) {
    this.speed = Math.min(FASTEST, Math.max(SLOWEST, speed));
    if (this.playing && !this.isSlow && !this.buffering.waiting) this.clock.start(this.clock.time(), this.speed);
    this.on.state();
  }

  /** mpv's l: begin here, end here, no more. */
  mark() {
    const here = this.index;
    if (this.marks[0] === null) this.marks = [here, null];
    else if (this.marks[1] === null && here !== this.marks[0]) this.marks = [Math.min(here, this.marks[0]), Math.max(here, this.marks[0])];
    else this.marks = [null, null];
    this.on.state();
  }

  /** First and last frame of what is played. */
  range() {
    return this.marks[1] === null ? [0, this.last] : this.marks;
  }

  restart(time) {
    this.isSlow = this.slow.parts > 1;
    this.requested = this.shown === this.index ? this.index : this.index - 1;
    this.frames.cancel((index) => index >= this.index && index < this.index + AHEAD);
    if (this.isSlow) {
      this.buffering.end();
      this.clock.stop();
      this.slow.start();
    } else this.buffering.first(time);
  }

  tick() {
    if (!this.playing) return;
    if (this.isSlow !== this.slow.parts > 1) this.restart(this.time());
    if (!this.isSlow && this.buffering.waiting) this.buffering.tick();
    else if (this.isSlow ? this.slow.tick() : this.follow()) this.turn();
    if (this.playing) this.wait();
  }

  /** Look again when the next picture is due: every frame of the screen in between would cost as much as a picture. */
  wait() {
    const isPlain = !this.isSlow && !this.buffering.waiting && this.shown === this.index;
    const rest = !isPlain ? 0 : (1000 * (this.end(this.index) - this.clock.time())) / this.speed - EARLY;
    const begin = () => (this.beat = requestAnimationFrame(this.tick));
    if (rest > 0) this.timer = setTimeout(begin, Math.min(rest, LONGEST_REST));
    else begin();
  }

  /** Show what the clock wants.  Gives whether the end is reached. */
  follow() {
    const time = this.clock.time();
    const [first, stop] = this.range();
    if (time >= this.end(stop) || (this.marks[1] !== null && this.at(time) < first)) {
      if (this.marks[1] === null && !this.looping && this.index !== stop) this.dropped += 1;
      return true;
    }
    this.advance(Math.max(this.index, this.at(time)), stop);
    this.buffering.check();
    return false;
  }

  /** At the end: begin again, or stay. */
  turn() {
    const [first, stop] = this.range();
    if (this.marks[1] === null && !this.looping) return this.finish(stop);
    [this.index, this.shown] = [first, -1];
    this.on.position(first);
    this.restart(this.clip.times[first]);
  }

  /** Draw the newest picture that is due, and ask for those that will be. */
  advance(due, stop) {
    this.index = due;
    for (let index = due; index > this.shown; index -= 1) {
      const picture = this.frames.get(index);
      if (picture !== undefined) {
        if (this.shown >= 0) this.dropped += index - this.shown - 1;
        this.put(index, picture);
        this.on.position(index);
        break;
      }
    }
    if (this.requested < due) {
      // Too slow for all of them.  What is asked for now arrives after a while at the earliest: ask for what will be due then.
      const lead = this.shown < 0 ? 0 : Math.ceil((this.frames.shortestLatency * this.speed) / Math.max(1e-3, this.clip.durations[due]));
      this.requested = Math.min(stop, due + lead) - 1;
    }
    this.ask(due, Math.min(stop, due + AHEAD));
  }

  /** Ask for pictures up to a frame: with some in reserve several at a time, which costs server and browser less. */
  ask(due, until) {
    while (this.frames.pending.size < IN_FLIGHT && this.requested < until) {
      const hasReserve = this.requested - this.frames.pending.size - due >= RESERVE;
      if (hasReserve && until - this.requested < RUN && until < this.last) return;
      const count = hasReserve ? Math.min(RUN, until - this.requested) : 1;
      this.frames.prefetchRun(this.requested + 1, count);
      this.requested += count;
    }
  }

  finish(stop) {
    this.playing = false;
    this.clock.stop();
    this.index = stop;
    this.on.position(stop);
    this.on.state();
    this.show(stop);
  }

  /** The player has ended: ask for nothing more. */
  shutDown() {
    this.over = true;
    this.pause();
    this.frames.cancel();
    this.between.cancel();
  }

  /** Seconds by which the clock is ahead of what is shown beyond its own duration; 0 when in step. */
  lag() {
    if (!this.playing || this.isSlow || this.shown < 0 || this.buffering.waiting) return 0;
    return Math.max(0, this.clock.time() - this.end(this.shown));
  }
}
