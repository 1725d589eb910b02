// Another sampling rate: low-pass filters (windowed sincs, Kaiser's window) as soxr's "HQ" has them, which Python uses, so
// that the page and the command line hear the same.
//
// The steep filter is half of the work: it goes from the lower of the two rates to twice that, or back, by Fourier
// transforms. From there to the other rate a short filter does, in polyphase form.

import { transform } from "./fourier.js";

const PASS = 0.913744; // of the lower rate's Nyquist frequency: what comes through as it was; from 1 on, nothing does
const BETA = 13.04; // of Kaiser's window: some -127 dB are left of what does not come through
const SPREAD = 4.194; // half of a filter's length times the width of the band from pass to stop
const PHASES = 2048; // so many filters are made at most; other ones are interpolated between two of them
const SIZE = 4096; // of a transform
const BLOCK = 1 << 18; // samples that are made before the page has its turn

/** Samples at the rate `to` (both in Hz), as many as soxr gives; outside of the recording there is silence. */
export async function resampled(samples, from, to) {
  if (from === to) return samples;
  const low = Math.min(from, to);
  const steps = from > to ? [polyphase(from, 2 * low, low), halving()] : [doubling(), polyphase(2 * low, to, low)];
  const made = new Float32Array(Math.floor((samples.length * to) / from + 0.5));
  for (let first = 0; first < made.length; first += BLOCK) {
    if (first) await new Promise((resolve) => setTimeout(resolve));
    made.set(block(samples, steps, first, Math.min(first + BLOCK, made.length)), first);
  }
  return made;
}

// A step has span(first, end), which samples it needs to make those from `first` to before `end`, and
// run(given, start, first, end), which makes them; given[0] is the sample number `start`.

function block(samples, steps, first, end) {
  const spans = [[first, end]];
  for (const step of steps.toReversed()) spans.unshift(step.span(...spans[0]));
  const [start, stop] = spans[0];
  // In double precision, and with the silence around it, so that no loop below converts or asks.
  let given = new Float64Array(stop - start);
  const inside = samples.subarray(Math.max(0, start), Math.max(0, Math.min(stop, samples.length)));
  if (inside.length) given.set(inside, Math.max(0, -start));
  steps.forEach((step, i) => {
    given = step.run(given, spans[i][0], ...spans[i + 1]);
  });
  return given;
}

/** From one rate to another, where what lies above the Nyquist frequency of `low` does not count: a short filter. */
function polyphase(from, to, low) {
  const common = divisor(from, to);
  const [up, down] = [to / common, from / common];
  const pass = (PASS * low) / 2;
  const stop = Math.min(from, to) - low / 2; // mirrored, it lies above what counts
  const { half, weight } = lowPass(pass / from, stop / from);
  const taps = 2 * Math.ceil(half);
  const phases = Math.min(up, PHASES);
  const rows = Array.from({ length: phases + 1 }, (_, phase) =>
    Float64Array.from({ length: taps }, (_, i) => weight(phase / phases + taps / 2 - 1 - i)),
  );
  const begin = (n) => Math.floor((n * down) / up) - taps / 2 + 1;
  return {
    span: (first, end) => [begin(first), begin(end - 1) + taps],
    run(given, start, first, end) {
      const made = new Float64Array(end - first);
      for (let n = first; n < end; n += 1) {
        const at = begin(n) - start;
        const place = ((n * down - Math.floor((n * down) / up) * up) / up) * phases;
        const row = Math.floor(place);
        const value = product(given, at, rows[row]);
        const share = place - row;
        made[n - first] = share > 0 ? value + share * (product(given, at, rows[row + 1]) - value) : value;
      }
      return made;
    },
  };
}

function product(values, at, row) {
  let [even, odd] = [0, 0]; // side by side, as processors add
  for (let i = 0; i < row.length; i += 2) {
    even += values[at + i] * row[i];
    odd += values[at + i + 1] * row[i + 1];
  }
  return even + odd;
}

const halving = () => steep(1, 2);
const doubling = () => steep(2, 1);

/**
 * The steep filter between a rate and its double, by overlapping transforms (overlap-save). On the grid of the
 * double rate given samples lie `between` places apart, and those that are made `apart`.
 */
function steep(between, apart) {
  const { half, weight } = lowPass(PASS / 4, 1 / 4);
  const edge = 2 * Math.ceil(half / 2); // what a transform gets wrong at either end
  const useful = SIZE - 2 * edge;
  const response = new Float64Array(SIZE); // real, as the filter is symmetric
  for (let i = -edge; i <= edge; i += 1) response[(i + SIZE) % SIZE] = (between * weight(i)) / SIZE;
  transform(response, new Float64Array(SIZE));
  const [given, made] = [SIZE / between, SIZE / apart];
  const spectrum = [new Float64Array(given), new Float64Array(given)];
  const filtered = [new Float64Array(made), new Float64Array(made)];
  return {
    span: (first, end) => [
      Math.floor((first * apart - edge) / between),
      Math.ceil(((end - 1) * apart + edge) / between) + 1,
    ],
    run(samples, start, first, end) {
      const result = new Float64Array(end - first);
      // Places on the grid where a transform begins; even ones, which have samples of either rate.
      const stop = end * apart;
      for (let place = 2 * Math.floor((first * apart) / 2) - edge; place + edge < stop; place += 2 * useful) {
        // Two real stretches at once, as real and imaginary part.
        spectrum.forEach((part, i) => {
          const from = (place + i * useful) / between - start;
          const inside = samples.subarray(Math.max(0, from), Math.max(0, Math.min(from + given, samples.length)));
          part.fill(0);
          if (inside.length) part.set(inside, Math.max(0, -from));
        });
        transform(...spectrum);
        for (const [i, part] of filtered.entries()) {
          part.fill(0);
          for (let k = 0; k < SIZE; k += 1) part[k & (made - 1)] += spectrum[i][k & (given - 1)] * response[k];
        }
        transform(filtered[1], filtered[0]);
        filtered.forEach((part, i) => {
          const from = (place + i * useful + edge) / apart - first;
          const skipped = Math.max(0, -from);
          const fitting = Math.min(useful / apart, result.length - from);
          if (fitting > skipped) {
            result.set(part.subarray(edge / apart + skipped, edge / apart + fitting), from + skipped);
          }
        });
      }
      return result;
    },
  };
}

/**
 * The weights of a low-pass filter over the distance in samples, and half of its length; frequencies in cycles per
 * sample (Oppenheim and Schafer, Discrete-Time Signal Processing, section 7.5). The constants are those that give
 * soxr's own response to an impulse.
 */
function lowPass(pass, stop) {
  const half = SPREAD / (stop - pass);
  const twice = pass + stop; // the middle of the two, twice
  const whole = bessel(BETA);
  function weight(distance) {
    const place = distance / half;
    if (Math.abs(place) >= 1) return 0;
    const angle = Math.PI * twice * distance;
    const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
    return (twice * sinc * bessel(BETA * Math.sqrt(1 - place * place))) / whole;
  }
  return { half, weight };
}

/** The modified Bessel function of the first kind and order 0, by its series. */
function bessel(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-17 * sum; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function divisor(a, b) {
  return b ? divisor(b, a % b) : a;
}
