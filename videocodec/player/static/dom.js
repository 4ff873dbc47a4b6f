// Elements of the page.

export const find = (id) => document.getElementById(id);

/** Put text where it is not already: even the same text is laid out once more. */
export function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/** An element with attributes and children; text stays text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "style") Object.assign(made.style, value);
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
