// What the page asks the server.  Every function gives parsed values or throws a RequestError whose message is one line for a person.

export class RequestError extends Error {
  constructor(message, status, damaged = false) {
    super(message);
    this.status = status;
    this.damaged = damaged; // the frame cannot be decoded, and never will be
  }
}

async function request(path, signal) {
  let response;
  try {
    response = await fetch(path, { signal, cache: "no-store", credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError("the player has ended: start videocodec play again", 0);
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  throw new RequestError(answer.error ?? `the player answered ${response.status}`, response.status, answer.damaged === true);
}

const json = async (path, signal) => (await request(path, signal)).json();

/** Base64 of little-endian numbers → a typed array. */
function unpack(text, type) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new type(bytes.buffer);
}

const query = (file, settings) => `file=${file}&restore=${settings.restore ? 1 : 0}&steps=${settings.steps}`;

export const clip = (file) => json(`/api/clip?file=${file}`);

/** The pixels of a decoded frame, RGBA. */
export async function frame(file, index, settings, signal) {
  return new Uint8ClampedArray(await (await request(`/api/frame/${index}?${query(file, settings)}`, signal)).arrayBuffer());
}

/** The pixels of frames in a row, at most ``count``: fewer at the end, and before one that is lost. */
export async function frames(file, first, count, settings, size, signal) {
  const pixels = await (await request(`/api/frame/${first}?count=${count}&${query(file, settings)}`, signal)).arrayBuffer();
  return Array.from({ length: pixels.byteLength / size }, (_, place) => new Uint8ClampedArray(pixels, place * size, size));
}

/** The pixels of a picture made up for a time after a frame, by slow.keyOf; null where none may be. */
export async function between(file, key, settings, signal) {
  const [index, part, parts] = key.split(/[ /]/);
  const answer = await request(`/api/frame/${index}/between?part=${part}&parts=${parts}&${query(file, settings)}`, signal);
  return answer.status === 204 ? null : new Uint8ClampedArray(await answer.arrayBuffer());
}

/** The pixels of the original of a frame; null where it has none. */
export async function original(file, index, signal) {
  try {
    return new Uint8ClampedArray(await (await request(`/api/original/${index}?file=${file}`, signal)).arrayBuffer());
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** What is known of a frame; an ordinary video tells little. */
export async function details(file, index, signal) {
  const answer = await json(`/api/frame/${index}/details?file=${file}`, signal);
  const types = { modes: Uint8Array, directions: Uint8Array, sides: Uint8Array, provenance: Uint8Array, quantisers: Uint8Array, vectors: Int16Array };
  for (const [name, type] of Object.entries(types)) if (answer[name] !== undefined) answer[name] = unpack(answer[name], type);
  if (answer.guard) answer.guard.unheld = unpack(answer.guard.unheld, Uint8Array);
  return answer;
}

export async function bits(file, index, signal) {
  return unpack((await json(`/api/frame/${index}/bits?file=${file}`, signal)).bits, Float32Array);
}

/** {value}: how near a frame is to its original; null where that cannot be said. */
export const measure = (file, index, name) => json(`/api/frame/${index}/measure?file=${file}&name=${name}`);

export const thumbnail = async (file, index, signal) => (await request(`/api/thumbnail/${index}?file=${file}`, signal)).blob();

export const pngAddress = (file, index, settings) => `/api/frame/${index}/png?${query(file, settings)}`;

/** Calls onMessages with lists of what becomes known of frames, as long as the page is open; onEnd when the player ends. */
export function events(onMessages, onEnd) {
  const source = new EventSource("/api/events");
  source.onmessage = (event) => onMessages(JSON.parse(event.data));
  source.addEventListener("end", () => {
    source.close();
    onEnd();
  });
  window.addEventListener("pagehide", () => source.close());
}
