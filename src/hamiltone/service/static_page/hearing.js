// What a window's sound is, apart from any emotion, and the notes on it: as service/_sound.py and service/_prediction.py
// have it, where their bounds are explained.

const PART = 512;
const DEPTH = 1e-6;
const LEAST_SPREAD = 1.5;
const NEAR = 0.98;
const HEAVILY_CLIPPED = 0.02;
/** Seconds; there is hardly a syllable in less. */
export const SHORT = 0.5;

/** Whether the level hardly changes, as that of noise, hum, tones and silence. */
export function isSteady(samples) {
  const count = Math.floor((samples.length - 1) / PART);
  if (count < 2) return false;
  const power = Array.from({ length: count }, (_, part) => {
    let sum = 0;
    for (let i = part * PART; i < (part + 1) * PART; i += 1) sum += (samples[i + 1] - samples[i]) ** 2;
    return sum / PART;
  });
  const loudest = power.reduce((most, value) => Math.max(most, value), 0);
  const levels = power.filter((value) => value > DEPTH * loudest).map((value) => 10 * Math.log10(value));
  levels.sort((a, b) => a - b);
  return !levels.length || percentile(levels, 0.9) - percentile(levels, 0.1) < LEAST_SPREAD;
}

/** The share of samples within 2 % of the highest absolute value. */
export function clippedShare(samples) {
  const highest = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return samples.reduce((count, value) => count + (Math.abs(value) > NEAR * highest), 0) / samples.length;
}

/** What is wrong with the sound of a recording, whose windows side by side these are. */
export function notes(windows, seconds, steady) {
  const short = seconds < SHORT ? [`only ${Math.max(seconds, 0.01).toFixed(2)} s of sound: too short to mean much`] : [];
  if (steady) {
    const silent = windows.filter((window) => window.steady).length;
    const where = silent === windows.length ? "" : ` in ${silent} of ${windows.length} windows`;
    return [...short, `no speech is heard${where}: the level is as steady as that of noise or of a tone`];
  }
  const clipped = windows.reduce((sum, window) => sum + window.clipped, 0) / windows.length;
  if (clipped <= HEAVILY_CLIPPED || short.length) return short;
  const share = `${(100 * clipped).toFixed(0)} % of the samples lie at the limit`;
  return [...short, `heavily clipped: ${share}; it is not the voice's own sound`];
}

/** Between two neighbours where it falls between them. */
function percentile(sorted, share) {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  return sorted[below] + (at - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}
