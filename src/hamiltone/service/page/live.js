// Speaking: while the microphone is open, a result each second from its last four seconds.

import { Recorder, RATE, wav } from "./audio.js";
import { drawAreas, drawEnvelope, envelope } from "./drawing.js";
import { resampled } from "./resampling.js";
import { byScore, make, nearest, swatch } from "./result.js";
import { clock } from "./timeline.js";

const get = (id) => document.getElementById(id);
const WINDOW = 4;
const SHOWN = 30;
const SILENT = 0.005;

/** Record until stopped; resolves to a WAV file of the whole, or to null where it was discarded. */
export async function record({ engine, about, colours }) {
  const recorder = await Recorder.start();
  const heard = [];
  const abort = new AbortController();
  let asking = false;
  let said = "";

  function say(text) {
    if (text !== said) get("now").textContent = text; // only changes are read aloud
    said = text;
  }

  async function listen() {
    if (asking || recorder.seconds < 1) return;
    asking = true;
    const end = recorder.seconds;
    const last = recorder.last(WINDOW);
    try {
      if (last.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0) < SILENT) {
        say("Listening … (it is silent)");
        return;
      }
      const blob = wav(await resampled(last, recorder.rate, RATE), RATE);
      const { label, scores } = await engine.analyse(blob, { name: "live.wav", signal: abort.signal });
      heard.push({ time: end, scores });
      say(`${nearest(label)} ${byScore(scores)[0]}`);
      drawLive();
    } catch (error) {
      if (error.name !== "AbortError" && error.code !== "audio_silent") say(error.message);
    } finally {
      asking = false;
    }
  }

  function drawLive() {
    const line = heard.filter(({ time }) => time > recorder.seconds - SHOWN);
    if (!line.length) return;
    const from = Math.max(0, recorder.seconds - SHOWN);
    const order = about.labels;
    drawAreas(get("live-areas"), [{ ...line[0], time: Math.max(from, line[0].time - 1) }, ...line], order, colours, {
      from,
      to: Math.max(SHOWN / 3, recorder.seconds),
    });
    const best = byScore(heard.at(-1).scores).slice(0, 4);
    get("live-legend").replaceChildren(
      ...best.map((label) =>
        make("li", [swatch(colours[label]), `${label} ${Math.round(100 * heard.at(-1).scores[label])} %`]),
      ),
    );
  }

  function tick() {
    get("clock").textContent = clock(recorder.seconds);
    drawEnvelope(get("level"), envelope(recorder.last(8), 200));
    if (recorder.seconds >= about.seconds - 1) get("stop").click();
  }

  get("live-areas").replaceChildren();
  get("live-legend").replaceChildren();
  say("Listening …");
  get("choose").hidden = true;
  get("live").hidden = false;
  get("stop").focus();
  const listening = setInterval(listen, 1000);
  const ticking = setInterval(tick, 100);
  try {
    const keep = await new Promise((resolve) => {
      get("stop").onclick = () => resolve(true);
      get("cancel").onclick = () => resolve(false);
    });
    const samples = await recorder.stop();
    if (!keep || !samples.length) return null;
    return wav(await resampled(samples, recorder.rate, RATE), RATE);
  } finally {
    clearInterval(listening);
    clearInterval(ticking);
    abort.abort();
    get("live").hidden = true;
    get("choose").hidden = false;
    get("record").focus();
  }
}
