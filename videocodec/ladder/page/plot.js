"use strict";
// Line plots as SVG: axes, grid, marks that say what they are when pointed at or reached with the keyboard.

const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes, ...children) {
  const made = ["svg", "g", "path", "line", "rect", "circle", "text", "title"].includes(name)
    ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) if (value !== null && value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function linearTicks(low, high, count) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(f => f * power).find(s => s >= rough) || rough;
  const ticks = [];
  for (let at = Math.ceil(low / step); at * step <= high + 1e-9 * span; at++) ticks.push(at * step);
  return {ticks, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9))};
}

function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
    for (const factor of [1, 2, 5]) { const value = factor * 10 ** power; if (value >= low && value <= high) ticks.push(value); }
  return ticks;
}

function showTip(text, x, y) {
  const tip = document.getElementById("tip");
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 6)) + "px";
  tip.style.top = Math.max(4, y - box.height - 10) + "px";
}
function hideTip() { document.getElementById("tip").hidden = true; }

// series: [{colour, name, line: [[x, y], …], marks: [{x, y, text, size, hollow, id}]}]; verticals: [{x, text}]
function linePlot(host, {series, verticals = [], xLog = false, xLabel, yLabel, height = 380, decimals = 2, onPick = null}) {
  const width = 1000, pad = {left: 68, right: 16, top: 14, bottom: 44};
  const xs = [], ys = [];
  for (const one of series) for (const [x, y] of [...one.line, ...one.marks.map(m => [m.x, m.y])]) { xs.push(x); ys.push(y); }
  host.replaceChildren();
  if (!xs.length) { host.append(element("p", {class: "note"}, "nothing was measured here")); return; }
  let xLow = Math.min(...xs), xHigh = Math.max(...xs), yLow = Math.min(...ys), yHigh = Math.max(...ys);
  if (xLog) { xLow /= 1.15; xHigh *= 1.15; } else if (xLow === xHigh) { xLow -= 1; xHigh += 1; }
  const room = (yHigh - yLow || Math.abs(yHigh) || 1) * 0.06;
  yLow -= room; yHigh += room;
  const t = v => xLog ? Math.log(v) : v;
  const px = x => pad.left + (t(x) - t(xLow)) / (t(xHigh) - t(xLow)) * (width - pad.left - pad.right);
  const py = y => height - pad.bottom - (y - yLow) / (yHigh - yLow) * (height - pad.top - pad.bottom);
  const svg = element("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${yLabel} over ${xLabel}`});
  const {ticks: yTicks, decimals: yDecimals} = linearTicks(yLow, yHigh, 6);
  for (const tick of yTicks)
    svg.append(element("line", {class: "grid", x1: pad.left, x2: width - pad.right, y1: py(tick), y2: py(tick)}),
      element("text", {x: pad.left - 8, y: py(tick) + 4, "text-anchor": "end"}, tick.toFixed(yDecimals)));
  const xTicks = xLog ? logTicks(xLow, xHigh) : linearTicks(xLow, xHigh, 10).ticks.filter(Number.isInteger);
  for (const tick of xTicks)
    svg.append(element("line", {class: "grid", x1: px(tick), x2: px(tick), y1: pad.top, y2: height - pad.bottom}),
      element("text", {x: px(tick), y: height - pad.bottom + 18, "text-anchor": "middle"}, String(+tick.toPrecision(6))));
  svg.append(element("rect", {class: "frame", x: pad.left, y: pad.top, width: width - pad.left - pad.right, height: height - pad.top - pad.bottom}),
    element("text", {x: (width + pad.left) / 2, y: height - 8, "text-anchor": "middle"}, xLabel),
    element("text", {x: 14, y: height / 2 - 12, "text-anchor": "middle", transform: `rotate(-90 14 ${height / 2 - 12})`}, yLabel));
  for (const {x, text} of verticals) {
    const line = element("line", {class: "crossing", x1: px(x), x2: px(x), y1: pad.top, y2: height - pad.bottom});
    line.append(element("title", {}, text));
    svg.append(line);
  }
  const all = [];
  for (const one of series) {
    if (one.line.length > 1)
      svg.append(element("path", {d: "M" + one.line.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join("L"),
        fill: "none", stroke: one.colour, "stroke-width": one.width || 2, class: "curve", "data-series": one.name}));
    for (const mark of one.marks) {
      const dot = element("circle", {cx: px(mark.x), cy: py(mark.y), r: mark.size || 4.5, class: "mark", tabindex: 0, role: "img", "aria-label": mark.text,
        fill: mark.hollow ? "var(--panel)" : one.colour, stroke: one.colour, "stroke-width": 2});
      const place = () => { const box = dot.getBoundingClientRect(); showTip(mark.text, box.x, box.y); };
      dot.addEventListener("focus", place);
      dot.addEventListener("blur", hideTip);
      if (onPick) {
        dot.addEventListener("click", () => onPick(mark));
        dot.addEventListener("keydown", e => { if (e.key === "Enter") onPick(mark); });
      }
      all.push({x: px(mark.x), y: py(mark.y), text: mark.text});
      svg.append(dot);
    }
    if (!one.marks.length) for (const [x, y] of one.line) all.push({x: px(x), y: py(y), text: `${one.name}\n${xLabel} ${x}: ${y.toFixed(decimals)}`});
  }
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect(), scale = width / box.width;
    const x = (event.clientX - box.x) * scale, y = (event.clientY - box.y) * scale;
    let best = null, nearest = 40 ** 2;
    for (const point of all) {
      const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
      if (distance < nearest) { nearest = distance; best = point; }
    }
    if (best) showTip(best.text, event.clientX, event.clientY); else hideTip();
  });
  svg.addEventListener("pointerleave", hideTip);
  host.append(svg);
}
