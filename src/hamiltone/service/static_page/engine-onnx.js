// The engine in the browser: the model runs here, and the recording stays here. See engine-http.js for what it offers.

import { RATE, toSamples } from "./audio.js";
import { EngineError } from "./engine-error.js";
import { SHORT, clippedShare, isSteady, notes } from "./hearing.js";
import { draw } from "./pictures.js";
import * as ort from "./runtime/ort.mjs";

ort.env.wasm.numThreads = 1; // more would need headers that a plain server does not send
ort.env.wasm.wasmPaths = { wasm: new URL("./runtime/ort.wasm", import.meta.url).href };

export function createEngine() {
  let loading = null;

  /** The model and what it knows of itself, once. */
  function ready() {
    loading ??= load().catch((error) => {
      loading = null;
      throw new EngineError("unloadable", `The model could not be loaded (${error.message}).`);
    });
    return loading;
  }

  async function load() {
    const about = await (await fetched("model.json")).json();
    const bytes = await (await fetched("model.onnx")).arrayBuffer();
    return { about, session: await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] }) };
  }

  return {
    place: "It stays on this machine: the model runs in your browser.",
    about: async () => (await ready()).about,
    setToken() {},

    async analyse(blob, { name = "recording", hop, detail = false, signal } = {}) {
      const { about, session } = await ready();
      const samples = await toSamples(blob).catch(() => {
        throw new EngineError("audio_format", "this browser cannot read it as sound.");
      });
      check(samples, about);

      /** Scores and features of one window. */
      async function hear([start, stop]) {
        signal?.throwIfAborted();
        const frame = new Float32Array(about.frame_samples);
        frame.set(samples.subarray(start, stop));
        const waveform = new ort.Tensor("float32", frame, [1, frame.length]);
        const { scores, features } = await session.run({ waveform });
        await new Promise((resolve) => setTimeout(resolve)); // the page goes on between two windows
        return { scores: [...scores.data], features };
      }

      // The line of time, and the windows side by side that the overall scores are the mean of, as in service/_windows.py.
      const listed = bounds(samples.length, about, Math.round((hop ?? about.hop) * RATE)).map(String);
      const counted = bounds(samples.length, about, about.frame_samples).map(String);
      const heard = new Map();
      for (const key of new Set([...listed, ...counted])) {
        const [start, stop] = key.split(",").map(Number);
        const sound = samples.subarray(start, stop);
        heard.set(key, {
          ...(await hear([start, stop])),
          start: start / RATE,
          end: stop / RATE,
          steady: isSteady(sound),
          clipped: clippedShare(sound),
        });
      }

      const end = samples.length / RATE;
      const short = end < SHORT;
      const frames = listed.map((key) => {
        const { start, end, scores, steady } = heard.get(key);
        return { start, end, label: labelOf(scores, about, steady || short), scores: named(scores, about.labels) };
      });
      const whole = counted.map((key) => heard.get(key));
      const overall = about.labels.map((_, i) => whole.reduce((sum, { scores }) => sum + scores[i], 0) / whole.length);
      const steady = 2 * whole.filter((window) => window.steady).length >= whole.length;
      const result = {
        path: name,
        speaker: null,
        start: 0,
        end,
        label: labelOf(overall, about, steady || short),
        scores: named(overall, about.labels),
        frames,
        notes: notes(whole, end, steady),
      };
      if (!detail) return result;
      const features = [];
      for (let start = 0; start < samples.length; start += about.frame_samples) {
        const window = [start, Math.min(start + about.frame_samples, samples.length)];
        features.push((heard.get(String(window)) ?? (await hear(window))).features);
      }
      return { ...result, detail: draw(samples, features, about) };
    },
  };
}

/** The class with the highest score, or "unsure", as Recognizer.label has it. */
function labelOf(scores, { labels, unsure_below: least }, untold) {
  const highest = Math.max(...scores);
  return untold || highest < least ? "unsure" : labels[scores.indexOf(highest)];
}

/** Where windows begin and end, as hamiltone.audio.frame_bounds has it. */
export function bounds(length, { frame_samples: size, least_samples: least }, hop) {
  const following = Math.ceil(Math.max(0, length - size) / hop);
  const windows = Array.from({ length: following + 1 }, (_, i) => [i * hop, Math.min(i * hop + size, length)]);
  const last = windows.at(-1);
  if (windows.length > 1 && last[1] - last[0] < least) windows.pop();
  return windows;
}

function check(samples, about) {
  const seconds = samples.length / RATE;
  if (!samples.length) throw new EngineError("no_recording", "holds no sound.");
  if (seconds > about.seconds) {
    throw new EngineError("audio_length", "too long.", { seconds });
  }
  const offset = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  if (samples.reduce((peak, value) => Math.max(peak, Math.abs(value - offset)), 0) < about.silent_peak) {
    throw new EngineError("audio_silent", "is silent.");
  }
}

async function fetched(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
}

const named = (scores, labels) => Object.fromEntries(labels.map((label, i) => [label, scores[i]]));
