"use strict";
// The page: what is chosen, and what is shown of it.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = name => document.getElementById(name);
const colour = codec => `var(--c${data.codecs.findIndex(c => c.name === codec) % 7})`;
const records = new Map(data.records.map(r => [r.id, r]));
const labels = new Map(data.codecs.map(c => [c.name, c.label]));
const hidden = new Set();
const kbps = bits => (bits / 1000).toFixed(bits < 1e5 ? 1 : 0) + " kbit/s";
const size = bytes => bytes < 1e3 ? `${bytes} bytes` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
const percent = value => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)} %`;
const figureNow = () => data.figures.find(f => f.name === byId("figure").value);
const clipNow = () => data.clips.find(c => c.name === byId("clip").value);
const rungName = r => (r.mode === "crf" ? `crf ${r.value}` : `${r.value / 1000}k`) + (r.scale === 1 ? "" : ` at ${r.scale}`);
const value = (r, figure) => figure && r.quality[figure.name] ? r.quality[figure.name].mean.toFixed(figure.decimals) : "–";

function finished(clip, codec) {
  return data.records.filter(r => r.clip === clip && r.codec === codec && r.error === null).sort((a, b) => a.bitrate_bps - b.bitrate_bps);
}

// The encode of a codec nearest to a bitrate.
function nearest(clip, codec, bits) {
  let best = null;
  for (const r of finished(clip, codec))
    if (!best || Math.abs(Math.log(r.bitrate_bps / bits)) < Math.abs(Math.log(best.bitrate_bps / bits))) best = r;
  return best;
}

function options(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, text]) => element("option", {value}, text)));
  if (pairs.some(([value]) => value === String(chosen))) select.value = String(chosen);
}

function table(host, head, rows) {
  const line = (cells, name) => element("tr", {}, ...cells.map(cell => cell instanceof Node ? cell : element(name, {}, String(cell))));
  host.replaceChildren(element("thead", {}, line(head, "th")), element("tbody", {}, ...rows.map(row => row instanceof Node ? row : line(row, "td"))));
}

function named(codec) {
  return element("td", {}, element("span", {class: "swatch", style: `background:${colour(codec)}`}), labels.get(codec));
}

function describe(r, figure) {
  const lines = [`${labels.get(r.codec)}, ${rungName(r)}`, kbps(r.bitrate_bps) + (r.missed ? " (missed the bitrate asked for)" : "")];
  if (figure) {
    const q = r.quality[figure.name];
    lines.push(`${figure.label}: ${q.mean.toFixed(figure.decimals)} ${figure.unit}`,
      `5 % of frames beyond ${q.p5.toFixed(figure.decimals)}, worst ${q.worst.toFixed(figure.decimals)} (frame ${q.worst_frame})`);
  }
  return lines.join("\n");
}

function drawCurves() {
  const figure = figureNow(), clip = clipNow().name, series = [], verticals = [];
  byId("rd-title").textContent = figure ? `${figure.label} over bitrate` : "Quality over bitrate";
  byId("legend").replaceChildren(...data.codecs.filter(c => !hidden.has(c.name)).map(c =>
    element("span", {}, element("span", {class: "swatch", style: `background:${colour(c.name)}`}), `${c.label}, ${c.preset}`)));
  if (!figure) { linePlot(byId("rd"), {series: [], xLabel: "", yLabel: ""}); return; }
  const curves = data.curves[figure.name][clip];
  for (const codec of data.codecs.map(c => c.name).filter(c => !hidden.has(c))) {
    const at = id => { const r = records.get(id); return [r.bitrate_bps / 1000, r.quality[figure.name].mean]; };
    const {ids, hull} = curves[codec];
    const scales = new Set(ids.map(id => records.get(id).scale));
    const shown = finished(clip, codec).filter(r => r.quality[figure.name]);
    series.push({name: labels.get(codec), colour: colour(codec), line: (scales.size > 1 ? hull : ids).map(at),
      marks: shown.map(r => ({x: r.bitrate_bps / 1000, y: r.quality[figure.name].mean, text: describe(r, figure), id: r.id,
        hollow: !ids.includes(r.id) || (scales.size > 1 && !hull.includes(r.id)), size: 2.5 + 2.5 * r.scale}))});
  }
  const told = [];
  for (const c of data.analysis.comparisons.filter(c => c.figure === figure.name && c.clip === clip && !hidden.has(c.codec)))
    for (const crossing of c.crossovers) {
      const [above, other] = crossing.leads_above ? [c.codec, data.analysis.reference] : [data.analysis.reference, c.codec];
      told.push(`from ${kbps(crossing.bitrate_bps)} on ${labels.get(above)} is better than ${labels.get(other)}`);
      verticals.push({x: crossing.bitrate_bps / 1000, text: told.at(-1)});
    }
  linePlot(byId("rd"), {series, verticals, xLog: true, xLabel: "kbit/s of video", yLabel: figure.label + (figure.unit ? `, ${figure.unit}` : ""),
    onPick: mark => { byId("rung").value = mark.id; draw(); }});
  byId("rd-note").textContent = [figure.higher_is_better ? "More is better." : "Less is better.",
    "Lines join the rungs, with several resolutions those on the convex hull; hollow marks are off the line. Point at a mark for its figures; click it to choose its rung.",
    told.length ? `Crossovers: ${told.join("; ")}.` : ""].join(" ");
}

function drawComparison() {
  const figure = figureNow(), clip = clipNow().name, analysis = data.analysis;
  const own = data.codecs.map(c => c.name).filter(c => c !== analysis.reference);
  const rows = own.map(codec => {
    const found = analysis.comparisons.find(c => figure && c.figure === figure.name && c.clip === clip && c.codec === codec);
    if (!found) return [named(codec), "–", "–", "–", "–", "–", "–"];
    const rate = found.bd_rate_percent, quality = found.bd_quality;
    const mean = analysis.means.find(m => m.figure === figure.name && m.codec === codec);
    const coloured = v => element("td", {class: v < 0 ? "good" : "bad"}, percent(v));
    return [named(codec), rate.value === null ? rate.reason + (rate.side ? `: ${rate.side} everywhere` : "") : coloured(rate.value), rate.value === null ? "–" : `${(100 * rate.overlap).toFixed(0)} %`,
      quality.value === null ? quality.reason : `${quality.value > 0 ? "+" : ""}${quality.value.toFixed(figure.decimals)} ${figure.unit}`,
      quality.value === null ? "–" : `${(100 * quality.overlap).toFixed(0)} %`,
      found.payback_minutes !== null ? `after ${found.payback_minutes.toFixed(0)} minutes` : "–",
      mean.clips ? element("td", {class: mean.bd_rate_percent < 0 ? "good" : "bad"}, `${percent(mean.bd_rate_percent)} (${mean.clips})`) : "–"];
  });
  table(byId("bd"), [`against ${labels.get(analysis.reference)}`, "BD-rate", "overlap", "BD-quality", "overlap", "model paid for", "mean BD-rate (clips)"], rows);
  byId("bd-note").textContent = (analysis.bd_missing ? analysis.bd_missing + ". " : "") +
    "BD-rate: bytes at equal quality, negative is fewer. BD-quality: quality at equal bytes. Overlap: the part of the codec's range that the reference has too; nothing outside it is compared."
    + (analysis.below_bps ? ` Only where the codec takes less than ${kbps(analysis.below_bps)}.` : "");
}

function drawPictures() {
  const clip = clipNow(), chosen = records.get(byId("rung").value), figure = figureNow(), frame = byId("picture").value;
  const side = name => {
    if (name === "source") return {name: "source", uri: (data.pictures[`source/${clip.name}`] || {})[frame], caption: "source"};
    const r = chosen && nearest(clip.name, name, chosen.bitrate_bps);
    if (!r) return {name: labels.get(name), uri: null, caption: `${labels.get(name)}: no encode`};
    const here = figure && r.frames[figure.name] ? r.frames[figure.name][+frame] : null;
    return {name: labels.get(name), uri: (data.pictures[r.id] || {})[frame],
      caption: `${labels.get(name)}, ${rungName(r)}: ${kbps(r.bitrate_bps)}, frame ${r.frame_bytes[+frame]} bytes` +
        (here === null || here === undefined ? "" : `, ${figure.label} of this frame ${here.toFixed(figure.decimals)}`)};
  };
  const left = side(byId("left").value), right = side(byId("right").value);
  byId("caption-left").textContent = left.caption;
  byId("caption-right").textContent = right.caption;
  compare.show(left, right, clip.width, clip.height, +byId("zoom").value);
  byId("picture-note").textContent = `Drag in the picture, or move the slider. Both sides are the encodes nearest in bitrate to the chosen rung; pictures are stored ${data.picture_kind}.`;
}

function drawSheets() {
  const shown = data.sheets.filter(s => s.clip === clipNow().name);
  byId("sheets-section").hidden = shown.length === 0;
  byId("sheets-note").textContent = shown.length ? "Nobody picked them: the rule stands on each sheet. Click a sheet to see it at its own size." : "";
  byId("sheets").replaceChildren(...shown.map(s => {
    const uri = data.sheet_uris[s.file];
    if (!uri) return element("p", {}, `${s.file}: too large for this page, beside it as a file`);
    const image = element("img", {src: uri, alt: `${s.clip}, ${s.rung}: ${s.rule}`, loading: "lazy"});
    image.addEventListener("click", () => image.classList.toggle("whole"));
    return element("div", {class: "scroll"}, image);
  }));
}

function drawTimelines() {
  const clip = clipNow().name, figure = figureNow(), chosen = records.get(byId("rung").value), quality = [], bytes = [];
  for (const codec of chosen ? data.codecs.map(c => c.name).filter(c => !hidden.has(c)) : []) {
    const r = nearest(clip, codec, chosen.bitrate_bps);
    if (!r) continue;
    const name = `${labels.get(codec)}, ${kbps(r.bitrate_bps)}`;
    const points = list => list.map((y, x) => [x, y]).filter(([, y]) => y !== null);
    if (figure && r.frames[figure.name]) quality.push({name, colour: colour(codec), line: points(r.frames[figure.name]), marks: [], width: 1.5});
    bytes.push({name, colour: colour(codec), line: points(r.frame_bytes.map(b => Math.log10(Math.max(1, b)))), marks: [], width: 1.5});
  }
  linePlot(byId("quality-timeline"), {series: quality, xLabel: "frame", yLabel: figure ? figure.label : "", height: 240, decimals: figure ? figure.decimals : 2});
  linePlot(byId("bytes-timeline"), {series: bytes, xLabel: "frame", yLabel: "log10 of bytes", height: 200});
  byId("timeline-note").textContent = "Every codec at its encode nearest in bitrate to the chosen rung. Frames of one access unit of videocodec share its bytes evenly.";
}

function drawTables() {
  const clip = clipNow().name, figure = figureNow();
  const steps = data.analysis.per_title.filter(p => figure && p.figure === figure.name && p.clip === clip && !hidden.has(p.codec));
  table(byId("per-title"), ["codec", "bitrate", "encode on the hull", "size", "takes", figure ? figure.label : ""], steps.map(p => {
    const r = p.record && records.get(p.record);
    return r ? [named(p.codec), kbps(p.bitrate_bps), rungName(r), `${r.width}×${r.height}`, kbps(r.bitrate_bps), value(r, figure)]
      : [named(p.codec), kbps(p.bitrate_bps), "none that small", "–", "–", "–"];
  }));
  const head = ["codec", "rung", "preset", "bitrate", "video", "container", ...data.figures.map(f => f.label), "passes", "encode fps", "decode fps", "encode memory"];
  table(byId("records"), head, data.records.filter(r => r.clip === clip && !hidden.has(r.codec)).map(r => {
    if (r.error !== null)
      return element("tr", {}, named(r.codec), element("td", {}, rungName(r)), element("td", {}, r.preset), element("td", {class: "error", colspan: head.length - 3}, r.error));
    const row = element("tr", {class: r.id === byId("rung").value ? "chosen" : "", title: r.command}, named(r.codec));
    for (const cell of [rungName(r), r.preset, kbps(r.bitrate_bps) + (r.missed ? " !" : ""), size(r.video_bytes), size(r.container_bytes),
      ...data.figures.map(f => value(r, f)), r.passes, r.encode_fps.toFixed(2), r.decode_fps.toFixed(1), size(r.encode_peak_bytes)])
      row.append(element("td", {}, String(cell)));
    return row;
  }));
}

function drawMade() {
  const list = lines => element("ul", {}, ...lines.map(line => element("li", {}, line)));
  const versions = c => Object.entries(c.versions).map(([name, v]) => `${name} ${String(v).slice(0, 16)}`).join(", ");
  const needs = c => c.decoder_bytes.model ? `; decoding needs a model of ${size(c.decoder_bytes.model)}, ${size(c.decoder_bytes.code)} of code and ` +
    `${size(c.decoder_bytes.libraries)} of libraries beyond PyAV` : "; decoding needs PyAV alone";
  const speed = name => { const s = data.speeds.find(s => s.codec === name); return s ? `; ${s.encode_fps.toFixed(2)} frames per second of processor time` +
    (s.share_of_own === null || name === "videocodec" ? "" : `, ${(100 * s.share_of_own).toFixed(0)} % of videocodec's speed${s.keeps_rule ? "" : " (slower than a tenth: see --presets)"}`) : ""; };
  const m = data.machine;
  byId("made").replaceChildren(
    element("h3", {}, "Codecs"), list(data.codecs.map(c => `${c.label}, preset ${c.preset}${speed(c.name)}${needs(c)}. ${versions(c)}`)),
    element("h3", {}, "Clips"), list(data.clips.map(c => `${c.name}: ${c.width}×${c.height}, ${c.frames} frames at ${c.rate} per second, ${c.colour_path}`)),
    element("h3", {}, "Not measured"), list(data.not_measured.length ? data.not_measured.map(n => `${n.metric}${n.clip ? " on " + n.clip : ""}: ${n.reason}`) : ["nothing: all metrics were measured"]),
    ...(data.targets.length ? [element("h3", {}, "Targets"), list(data.targets.map(t => t.text))] : []),
    ...(data.notes.length ? [element("h3", {}, "Notes"), list(data.notes)] : []),
    element("h3", {}, "Command"), element("pre", {}, data.command.join(" ")),
    element("p", {class: "note"}, `${m.processor}, ${m.cores_usable} cores, ${m.jobs} jobs of ${m.threads_per_encode} threads; videocodec ${data.version}` +
      `${data.commit ? ", commit " + data.commit.slice(0, 12) : ""}; ${data.created}`));
}

function chooseClip() {
  const clip = clipNow().name, before = records.get(byId("rung").value);
  const listed = data.codecs.flatMap(c => finished(clip, c.name));
  const lead = finished(clip, data.codecs[0].name);
  options(byId("rung"), listed.map(r => [r.id, `${labels.get(r.codec)}, ${rungName(r)}: ${kbps(r.bitrate_bps)}`]),
    (before && nearest(clip, before.codec, before.bitrate_bps) || lead[lead.length >> 1] || listed[0] || {}).id);
  const frames = Object.keys(data.pictures[`source/${clip}`] || {});
  options(byId("picture"), frames.map(f => [f, f]), byId("picture").value || frames[frames.length >> 1]);
}

function draw() { drawCurves(); drawComparison(); drawPictures(); drawTimelines(); drawTables(); }

function start() {
  byId("summary").textContent = `${data.codecs.map(c => c.label).join(", ")} on ${data.clips.length} clip${data.clips.length === 1 ? "" : "s"}: ` +
    `${data.records.filter(r => r.error === null).length} encodes, ${data.created.slice(0, 10)}`;
  options(byId("clip"), data.clips.map(c => [c.name, c.name]));
  options(byId("figure"), data.figures.map(f => [f.name, f.label]));
  const sides = [["source", "source"], ...data.codecs.map(c => [c.name, c.label])];
  options(byId("left"), sides, data.codecs[0].name);
  options(byId("right"), sides, data.codecs.length > 1 ? data.analysis.reference : "source");
  for (const codec of data.codecs) {
    const box = element("input", {type: "checkbox", checked: "", value: codec.name});
    box.addEventListener("change", () => { if (box.checked) hidden.delete(codec.name); else hidden.add(codec.name); draw(); });
    byId("codecs").append(element("label", {}, box, element("span", {class: "swatch", style: `background:${colour(codec.name)}`}), codec.label));
  }
  const root = document.documentElement;
  root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  byId("theme").addEventListener("click", () => { root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark"; });
  let before = null;
  addEventListener("beforeprint", () => { before = root.dataset.theme; root.dataset.theme = "light"; });
  addEventListener("afterprint", () => { root.dataset.theme = before; });
  byId("clip").addEventListener("change", () => { chooseClip(); drawSheets(); draw(); });
  for (const id of ["figure", "rung"]) byId(id).addEventListener("change", draw);
  for (const id of ["left", "right", "picture", "zoom"]) byId(id).addEventListener("change", drawPictures);
  compare.start();
  chooseClip();
  drawSheets();
  drawMade();
  draw();
}
start();
