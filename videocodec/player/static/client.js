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

const query = (settings) => `restore=${settings.restore ? 1 : 0}&steps=${settings.steps}`;

export const clip = () => json("/api/clip");

/** The pixels of a decoded frame, RGBA. */
export async function frame(index, settings, signal) {
  return new Uint8ClampedArray(await (await request(`/api/frame/${index}?${query(settings)}`, signal)).arrayBuffer());
}

/** The pixels of the original of a frame; null where it has none. */
export async function original(index, signal) {
  try {
    return new Uint8ClampedArray(await (await request(`/api/original/${index}`, signal)).arrayBuffer());
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

export async function details(index, signal) {
  const answer = await json(`/api/frame/${index}/details`, signal);
  for (const name of ["modes", "directions", "sides", "provenance", "quantisers"]) answer[name] = unpack(answer[name], Uint8Array);
  answer.vectors = unpack(answer.vectors, Int16Array);
  return answer;
}

export async function bits(index, signal) {
  return unpack((await json(`/api/frame/${index}/bits`, signal)).bits, Float32Array);
}

export const thumbnail = async (index, signal) => (await request(`/api/thumbnail/${index}`, signal)).blob();

export const pngAddress = (index, settings) => `/api/frame/${index}/png?${query(settings)}`;

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
