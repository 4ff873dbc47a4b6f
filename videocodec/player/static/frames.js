// A cache of what belongs to frames: the least recently used go first, and requests that nobody waits for any more are given up.

const LATENCIES = 7;

export class FrameCache {
  /**
   * load(index, signal): gives a frame's value.  capacity: how many are kept.  onFailure(index, error): may turn an error into a value
   * to keep, by returning it; undefined lets the error through.  loadRun(first, count, signal): gives values in a row, perhaps fewer.
   */
  constructor(load, capacity, onFailure = () => undefined, loadRun = null) {
    this.load = load;
    this.loadRun = loadRun;
    this.capacity = capacity;
    this.onFailure = onFailure;
    this.values = new Map();
    this.pending = new Map(); // index → { promise, controller }
    this.latencies = []; // seconds, of the last requests
  }

  /** How long a request takes, seconds: the median of the last few, as the first ones wait for networks to be loaded. */
  get latency() {
    const ordered = [...this.latencies].sort((a, b) => a - b);
    return ordered.length ? ordered[ordered.length >> 1] : 0.1;
  }

  /** The shortest of the last few, seconds: where one waits for a group of frames, all of it is there at once then. */
  get shortestLatency() {
    return this.latencies.length ? Math.min(...this.latencies) : 0.1;
  }

  has(index) {
    return this.values.has(index);
  }

  get(index) {
    const value = this.values.get(index);
    if (value !== undefined) {
      this.values.delete(index);
      this.values.set(index, value);
    }
    return value;
  }

  /** The value, from here or from the server. */
  fetch(index) {
    const known = this.get(index);
    if (known !== undefined) return Promise.resolve(known);
    const waiting = this.pending.get(index);
    if (waiting) return waiting.promise;
    const controller = new AbortController();
    return this.expect(index, this.load(index, controller.signal), controller);
  }

  /** Keep what a promise gives as the value of a frame, when it comes. */
  expect(index, promise, controller) {
    const begun = performance.now();
    const entry = { controller };
    entry.promise = promise
      .then((value) => {
        this.latencies = [...this.latencies.slice(1 - LATENCIES), (performance.now() - begun) / 1000];
        return value;
      })
      .catch((error) => {
        const instead = error.name === "AbortError" ? undefined : this.onFailure(index, error);
        if (instead === undefined) throw error;
        return instead;
      })
      .then((value) => {
        if (this.pending.get(index) === entry) this.keep(index, value);
        return value;
      })
      .finally(() => {
        if (this.pending.get(index) === entry) this.pending.delete(index);
      });
    this.pending.set(index, entry);
    entry.promise.catch(() => {}); // whoever waits handles it; a given-up request has nobody
    return entry.promise;
  }

  /** Ask for a value so that it is here later. */
  prefetch(index) {
    if (!this.has(index) && !this.pending.has(index)) this.fetch(index);
  }

  /** The same for frames in a row, by one request, which costs less than one for each. */
  prefetchRun(first, count) {
    const indices = Array.from({ length: count }, (_, place) => first + place);
    if (!this.loadRun || count < 2 || indices.some((index) => this.has(index) || this.pending.has(index))) {
      indices.forEach((index) => this.prefetch(index));
      return;
    }
    const controller = new AbortController();
    const { signal } = controller;
    const run = this.loadRun(first, count, signal);
    // what is missing is asked for by itself, so that one hears why
    indices.forEach((index, place) => this.expect(index, run.then((values) => values[place] ?? this.load(index, signal)), controller));
  }

  /** Give up all requests but those for which wanted(index) holds; one for frames in a row when none of them is wanted. */
  cancel(wanted = () => false) {
    const unwanted = new Set();
    for (const [index, { controller }] of [...this.pending]) {
      if (!wanted(index)) {
        this.pending.delete(index);
        unwanted.add(controller);
      }
    }
    for (const { controller } of this.pending.values()) unwanted.delete(controller);
    for (const controller of unwanted) controller.abort();
  }

  clear() {
    this.cancel();
    this.values.clear();
  }

  keep(index, value) {
    this.values.set(index, value);
    while (this.values.size > this.capacity) this.values.delete(this.values.keys().next().value);
  }
}
