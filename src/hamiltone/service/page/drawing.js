// Drawing: stacked areas, waveforms, pictures of bytes. Everything is drawn at the size that it has on the page.

import { inkOn, pictureColours } from "./colours.js";

const SVG = "http://www.w3.org/2000/svg";
const LABEL_HEIGHT = 15;
const APART = 5; // pixels from one point of the areas to the next at least; closer ones are drawn as their mean
const OUTLINED = 12; // pixels between points from which on areas have outlines; closer, outlines would hide them

export const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Points of time with scores: the middle of each window, and flat on to both ends. */
export function points(frames, seconds) {
  const middles = frames.map(({ start, end, scores }) => ({ time: (start + end) / 2, scores }));
  return [{ time: 0, scores: middles[0].scores }, ...middles, { time: seconds, scores: middles.at(-1).scores }];
}

/** The scores at a time, between two points in proportion. */
export function scoresAt(line, time) {
  const next = Math.max(1, line.findIndex((point, i) => i > 0 && point.time >= time));
  const [a, b] = [line[next - 1], line[next]];
  const share = b.time > a.time ? Math.min(1, Math.max(0, (time - a.time) / (b.time - a.time))) : 0;
  return Object.fromEntries(
    Object.keys(a.scores).map((label) => [label, a.scores[label] + share * (b.scores[label] - a.scores[label])]),
  );
}

/** The points of each stretch of time as one, their mean; the first and the last stay. */
export function folded(line, stretches) {
  if (line.length - 2 <= stretches) return line;
  const [first, last] = [line[0], line.at(-1)];
  const groups = Array.from({ length: stretches }, () => []);
  for (const point of line.slice(1, -1)) {
    const share = (point.time - first.time) / (last.time - first.time);
    groups[Math.min(stretches - 1, Math.floor(share * stretches))].push(point);
  }
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const means = groups
    .filter((group) => group.length)
    .map((group) => ({
      time: mean(group.map(({ time }) => time)),
      scores: Object.fromEntries(
        Object.keys(first.scores).map((label) => [label, mean(group.map(({ scores }) => scores[label]))]),
      ),
    }));
  return [first, ...means, last];
}

/**
 * Draw shares that sum to 1 as areas on one another, the first label at the bottom.
 * Each area that is thick enough carries its name.
 */
export function drawAreas(svg, given, order, colours, { from = 0, to }) {
  const { width, height } = svg.getBoundingClientRect();
  const line = folded(given, Math.max(1, Math.floor(width / APART)));
  const outlined = width / line.length >= OUTLINED;
  const x = (time) => ((time - from) / (to - from)) * width;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  let below = line.map(() => 0);
  const areas = [];
  const names = [];
  for (const label of order) {
    const above = below.map((share, i) => share + line[i].scores[label]);
    const edge = line.map(({ time }, i) => `${x(time).toFixed(1)},${((1 - above[i]) * height).toFixed(1)}`);
    const ground = [line.at(-1), line[0]].map(({ time }) => `${x(time).toFixed(1)},${height.toFixed(1)}`);
    const area = document.createElementNS(SVG, "polygon");
    area.setAttribute("points", [...edge, ...ground].join(" "));
    area.setAttribute("fill", colours[label]);
    if (outlined) {
      area.setAttribute("stroke", style("--card"));
      area.setAttribute("stroke-width", "1.2");
    }
    areas.unshift(area); // each reaches the ground, behind those below it: nothing shows between two
    const name = placed(label, line, below, above, x, height);
    if (name) {
      name.setAttribute("fill", inkOn(colours[label]));
      name.setAttribute("stroke", colours[label]); // around the letters
      names.push(name);
    }
    below = above;
  }
  svg.append(...areas, ...names);
}

/** A label where most of its area lies around the whole word, or nothing where there is no room for it. */
function placed(label, line, below, above, x, height) {
  const half = label.length * 4.2 + 8;
  const level = (shares, at) => {
    const next = Math.max(1, line.findIndex((point, i) => i > 0 && x(point.time) >= at));
    const [a, b] = [x(line[next - 1].time), x(line[next].time)];
    return shares[next - 1] + (b > a ? (at - a) / (b - a) : 0) * (shares[next] - shares[next - 1]);
  };
  const last = x(line.at(-1).time) - half;
  let best = null;
  for (let at = x(line[0].time) + half; at <= last; at += 6) {
    const among = line.flatMap(({ time }, i) => (Math.abs(x(time) - at) < half ? [i] : []));
    const range = (shares) => [level(shares, at - half), level(shares, at + half), ...among.map((i) => shares[i])];
    const floor = Math.max(...range(below));
    const ceiling = Math.min(...range(above));
    const room = (ceiling - floor) * height;
    if (room > LABEL_HEIGHT && (!best || room > best.room + 1)) best = { room, at, y: (1 - (ceiling + floor) / 2) * height };
  }
  if (!best) return null;
  const text = document.createElementNS(SVG, "text");
  text.setAttribute("x", best.at.toFixed(1));
  text.setAttribute("y", (best.y + 4.5).toFixed(1));
  text.setAttribute("text-anchor", "middle");
  text.setAttribute("class", "area-label");
  text.textContent = label;
  return text;
}

/** Draw an envelope, scaled so that the loudest sound fills the height. */
export function drawEnvelope(canvas, { low, high }) {
  const { context, width, height } = prepared(canvas);
  const peak = Math.max(0.05, ...high, ...low.map((value) => -value));
  context.fillStyle = style("--accent");
  const step = width / low.length;
  low.forEach((least, i) => {
    const top = (1 - high[i] / peak) * 0.5 * height;
    const bottom = (1 - least / peak) * 0.5 * height;
    context.fillRect(i * step, Math.min(top, height / 2 - 0.5), Math.max(1, step), Math.max(1, bottom - top));
  });
}

/** Draw a picture of bytes over the whole canvas; a gamma below 1 shows what is faint. */
export function drawPicture(canvas, { width, height, data }, gamma = 1) {
  const ramp = pictureColours(isDark());
  const colours = ramp.map((_, level) => ramp[Math.round(255 * (level / 255) ** gamma)]);
  const small = document.createElement("canvas");
  small.width = width;
  small.height = height;
  const pixels = new ImageData(width, height);
  [...atob(data)].forEach((letter, i) => {
    pixels.data.set(colours[letter.charCodeAt(0)], 4 * i);
    pixels.data[4 * i + 3] = 255;
  });
  small.getContext("2d").putImageData(pixels, 0, 0);
  const { context, ...size } = prepared(canvas);
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, size.width, size.height);
}

/** The least and the greatest value of equal parts. */
export function envelope(samples, columns) {
  const count = Math.max(1, Math.min(columns, samples.length));
  const low = [];
  const high = [];
  for (let i = 0; i < count; i += 1) {
    let [least, greatest] = [Infinity, -Infinity];
    const end = Math.floor(((i + 1) * samples.length) / count);
    for (let j = Math.floor((i * samples.length) / count); j < end; j += 1) {
      least = Math.min(least, samples[j]);
      greatest = Math.max(greatest, samples[j]);
    }
    low.push(least);
    high.push(greatest);
  }
  return { low, high };
}

function prepared(canvas) {
  const scale = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = Number(canvas.dataset.height ?? canvas.getAttribute("height"));
  canvas.dataset.height = height; // the attribute counts pixels of the screen from now on
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return { context, width, height };
}
