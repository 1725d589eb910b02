// The engine that asks the service beside this page.
//
// An engine has
//   place                      where the recording goes, as a sentence
//   about() -> model           title, labels, trained_on, split, results, licence, warning, front, seconds
//   analyse(blob, options) -> result
//     options: name, hop (seconds; the model's own where absent), detail (boolean)
//     result: path, speaker, start, end, label, scores {label: 0..1}, frames [{start, end, label, scores}], notes, detail?
//     detail: seconds, waveform {low, high}, spectrogram {width, height, data}, axes [{name, component, ...}]
//     data: base64 of bytes, row by row, the highest frequency first
//   setToken(text)           where an engine asks for one (code unauthorised)
// and throws EngineError with a code.

import { toWav } from "./audio.js";
import { EngineError } from "./engine-error.js";

const TOKEN = "hamiltone-token";

export function createEngine() {
  let token = sessionStorage.getItem(TOKEN) ?? "";

  async function ask(path, options = {}) {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new EngineError("unreachable", "The service does not answer. Is it still running?");
    }
    if (response.ok) return response.json();
    const failure = await response.json().catch(() => ({}));
    if (failure.code === "unauthorised") throw new EngineError(failure.code, refused());
    throw new EngineError(failure.code ?? "failed", sentence(failure.message ?? `the service failed (${response.status})`));
  }

  /** The service's own line on this tells programs what to send. */
  function refused() {
    if (!token) return "This service asks for its token.";
    keep("");
    return "That token is not this service's.";
  }

  function keep(text) {
    token = text;
    sessionStorage.setItem(TOKEN, token);
  }

  function post(blob, { name = "recording", hop, detail = false, signal }) {
    const query = new URLSearchParams({ detail: String(detail) });
    if (hop) query.set("hop", String(hop));
    const body = new FormData();
    body.append("file", blob, name);
    return ask(`v1/predict?${query}`, { method: "POST", body, signal });
  }

  return {
    place: "It goes to the service that this page comes from, which keeps nothing of it.",
    about: () => ask("v1/model"),
    setToken: (text) => keep(text.trim()),
    async analyse(blob, options = {}) {
      try {
        return await post(blob, options);
      } catch (error) {
        // Browsers read more kinds of files (M4A, WebM) than the service does.
        if (error.code !== "audio_format") throw error;
        const converted = await toWav(blob).catch(() => null);
        if (!converted) throw error;
        return post(converted, options);
      }
    },
  };
}

/** A line of the service's, which calls each recording the same. */
function sentence(text) {
  return text.replace(/^(the )?recording:? /, "").replace(/\.?$/, ".");
}
