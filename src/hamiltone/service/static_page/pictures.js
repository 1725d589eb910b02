// What the page draws, made in the browser: envelope, spectrogram, quaternion axes. The service makes the same
// (service/_pictures.py says what the bytes mean).

import { envelope } from "./drawing.js";
import { transform } from "./fourier.js";

const COLUMNS = 1000;
const WINDOW = 256;
const HOP = 128;
const BINS = 128;
const DECIBELS = 70;

export function draw(samples, features, about) {
  return {
    seconds: samples.length / about.rate,
    waveform: envelope(samples, COLUMNS),
    spectrogram: picture(decibels(folded(spectrogram(samples)))),
    axes: axes(samples, features, about),
  };
}

/** Magnitudes, a column for each 128 samples: an array of columns of 128 bins. */
export function spectrogram(samples) {
  const window = Float64Array.from({ length: WINDOW }, (_, i) => 0.54 - 0.46 * Math.cos((2 * Math.PI * i) / WINDOW));
  const scale = 1 / window.reduce((sum, value) => sum + value);
  const cut = Math.max(1, roundHalfEven(samples.length / HOP));
  return Array.from({ length: cut }, (_, column) => {
    const real = new Float64Array(WINDOW);
    const imaginary = new Float64Array(WINDOW);
    for (let i = 0; i < WINDOW; i += 1) real[i] = window[i] * (samples[column * HOP - WINDOW / 2 + i] ?? 0);
    transform(real, imaginary);
    return Float64Array.from({ length: BINS }, (_, bin) => scale * Math.hypot(real[bin], imaginary[bin]));
  });
}

/** The channels that the network sees, joined over frames; none where it sees the spectrogram itself. */
function axes(samples, features, { axes: names, columns: each, frame_samples: size, time_reversed: reversed }) {
  if (!names.length) return [];
  const [, , times, height] = features[0].dims;
  return names.map((name, channel) => {
    const columns = features.flatMap(({ data }, number) =>
      // A frame may span half a column, as RH-Emo's 62.5: then every other one gives a column more.
      Array.from({ length: Math.floor((number + 1) * each) - Math.floor(number * each) }, (_, time) => {
        const at = (channel * times + (reversed ? times - 1 - time : time)) * height;
        return Float64Array.from(data.subarray(at, at + height), Math.abs);
      }),
    );
    const cut = folded(columns.slice(0, Math.max(1, roundHalfEven((samples.length * each) / size))));
    const maximum = cut.reduce((most, column) => Math.max(most, ...column), 0);
    const levels = cut.map((column) => column.map((value) => (maximum > 0 ? value / maximum : 0)));
    return { name, component: "rijk"[channel], maximum, ...picture(levels) };
  });
}

/** At most COLUMNS columns, the greatest value of those that fall together. */
function folded(columns) {
  if (columns.length <= COLUMNS) return columns;
  const start = (i) => Math.floor((i * columns.length) / COLUMNS);
  return Array.from({ length: COLUMNS }, (_, i) => {
    const greatest = Float64Array.from(columns[start(i)]);
    for (let j = start(i) + 1; j < start(i + 1); j += 1) {
      columns[j].forEach((value, bin) => {
        greatest[bin] = Math.max(greatest[bin], value);
      });
    }
    return greatest;
  });
}

function decibels(columns) {
  const loudest = columns.reduce((most, column) => Math.max(most, ...column), 1e-38);
  const least = 10 ** (-DECIBELS / 20);
  return columns.map((column) => column.map((value) => 1 + (20 * Math.log10(Math.max(value / loudest, least))) / DECIBELS));
}

/** Bytes, row by row, the highest frequency first. */
function picture(columns) {
  const width = columns.length;
  const height = columns[0].length;
  const bytes = new Uint8Array(width * height);
  columns.forEach((column, x) => {
    column.forEach((level, y) => {
      bytes[(height - 1 - y) * width + x] = roundHalfEven(255 * level);
    });
  });
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return { width, height, data: btoa(text) };
}

function roundHalfEven(value) {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 ? down + 1 : down;
}
