// Waiting for pictures: playing begins when some are in reserve, and stops for more where it has fallen behind.  Every frame is made of the
// ones before it, so a machine that is too slow would not come nearer by leaving any out.

const FIRST = 12; // pictures in reserve to begin with
const AGAIN = 24; // and to go on with
const BEHIND = 0.4; // seconds, after which it waits
const LONGEST = 4000; // ms: then it plays on with what there is
const SAID_AFTER = 250; // ms

export class Buffering {
  constructor(playback) {
    this.playback = playback;
    this.waiting = null; // { time to go on from, pictures that are wanted, since when }
    this.waits = 0; // since play
  }

  /** Wait before playing on from a time, unless enough is here. */
  begin(time, count) {
    const { clock, speed } = this.playback;
    this.end();
    if (speed > 1 || this.has(count)) return clock.start(time, speed);
    clock.stop();
    this.waiting = { time, count, since: performance.now() };
  }

  /** For playing that begins or jumps. */
  first(time) {
    this.begin(time, FIRST);
  }

  /** Wait if playing is behind. */
  check() {
    const { playback } = this;
    if (playback.speed > 1 || playback.lag() < BEHIND) return;
    this.waits += 1;
    playback.index = playback.shown;
    playback.requested = playback.shown;
    playback.on.position(playback.shown);
    playback.frames.cancel((index) => index > playback.shown && index <= playback.shown + AGAIN);
    this.begin(playback.end(playback.shown), AGAIN);
  }

  /** Whether the frame that we are at is here, and so many after it. */
  has(count) {
    const { frames, index, shown } = this.playback;
    const [, stop] = this.playback.range();
    const needed = Math.min(count, stop - index, frames.capacity >> 1);
    for (let place = shown === index ? 1 : 0; place <= needed; place += 1) if (!frames.has(index + place)) return false;
    return true;
  }

  /** Ask for pictures, and go on when enough are here. */
  tick() {
    const { playback, waiting } = this;
    playback.advance(playback.index, playback.range()[1]);
    const waited = performance.now() - waiting.since;
    if (waited > LONGEST || this.has(waiting.count)) {
      this.end();
      playback.clock.start(waiting.time, playback.speed);
    } else if (waited > SAID_AFTER) playback.on.busy(true);
  }

  /** Wait no longer. */
  end() {
    if (this.waiting) this.playback.on.busy(false);
    this.waiting = null;
  }
}
