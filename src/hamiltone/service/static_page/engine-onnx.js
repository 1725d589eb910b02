// The engine in the browser: the model runs here, and the recording stays here. See engine-http.js for what it offers.

import { RATE, toSamples } from "./audio.js";
import { EngineError } from "./engine-error.js";
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
        throw new EngineError("audio_format", "This browser cannot read the file as sound.");
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

      const wanted = bounds(samples.length, about, hop ? Math.round(hop * RATE) : about.frame_samples);
      const heard = new Map();
      for (const window of wanted) heard.set(String(window), await hear(window));
      const frames = wanted.map((window) => ({
        start: window[0] / RATE,
        end: window[1] / RATE,
        scores: named(heard.get(String(window)).scores, about.labels),
      }));
      const overall = about.labels.map(
        (label) => frames.reduce((sum, { scores }) => sum + scores[label], 0) / frames.length,
      );
      const result = {
        path: name,
        label: about.labels[overall.indexOf(Math.max(...overall))],
        scores: named(overall, about.labels),
        frames,
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
  if (!samples.length) throw new EngineError("no_recording", "The recording holds no sound.");
  if (seconds > about.seconds) {
    throw new EngineError("audio_length", "The recording is too long.", { seconds });
  }
  const offset = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  if (samples.reduce((peak, value) => Math.max(peak, Math.abs(value - offset)), 0) < about.silent_peak) {
    throw new EngineError("audio_silent", "The recording is silent.");
  }
}

async function fetched(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
}

const named = (scores, labels) => Object.fromEntries(labels.map((label, i) => [label, scores[i]]));
