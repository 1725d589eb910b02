// The page: takes a recording, asks the engine, shows the result.

import { palette } from "./colours.js";
import { createEngine } from "./engine.js";
import { checkLength, secondsOf, spoken, tooLong } from "./length.js";
import { record } from "./live.js";
import { asCsv, asJson, byScore, make, save, showBars, showTable, showVerdict } from "./result.js";
import { createTimeline } from "./timeline.js";

// Codes of errors that are a recording's own.
const OF_THE_FILE = /^(audio_|too_large|no_recording|undecodable|decoding_timeout)/;

const get = (id) => document.getElementById(id);
const engine = createEngine();
const state = { about: null, colours: {}, result: null, sound: null, setTicks: () => {} };
const timeline = createTimeline({ onMove: (scores) => state.setTicks(scores) });

function tell(error, name) {
  const text = error?.message ?? "";
  const told = name && OF_THE_FILE.test(error.code) ? `${name}: ${text}` : text && text[0].toUpperCase() + text.slice(1);
  get("message").textContent = told;
  get("message").hidden = !error;
  get("token-form").hidden = error?.code !== "unauthorised";
  if (error?.code === "unauthorised") get("token").select();
}

function busy(text) {
  get("busy").hidden = !text;
  get("busy-text").textContent = text ?? "";
  for (const id of ["file", "record", "example"]) get(id).disabled = Boolean(text);
}

async function introduce() {
  const about = await engine.about();
  state.about = about;
  state.colours = palette(about.labels);
  get("limits").textContent = `, up to ${spoken(about.seconds)}`;
  get("place").textContent = engine.place;
  get("lead").textContent =
    "Give it a recording or speak. A network listens, four seconds at a time, and guesses: " +
    `${about.labels.slice(0, -1).join(", ")} or ${about.labels.at(-1)}.`;
  const [summary, ...measured] = about.results; // the first is for everybody
  get("summary").textContent = summary ?? "How often it is right was not recorded.";
  get("warning").textContent = about.warning;
  get("licence").textContent = about.licence;
  if (about.licence_file) get("licence").append(" ", make("a", "The whole licence", { href: about.licence_file }));
  const facts = {
    Model: about.title,
    "Trained on": about.trained_on,
    Split: about.split,
    Emotions: about.labels.join(", "),
    Measured: measured,
    Weights: about.weights.slice(0, 16),
  };
  const entries = Object.entries(facts).flatMap(([name, told]) => [
    make("dt", name),
    ...[told].flat().map((text) => make("dd", text)),
  ]);
  get("facts").replaceChildren(...entries);
}

async function analyse(blob, name) {
  const focused = document.activeElement;
  tell(null);
  busy("Listening to it …");
  try {
    if (!state.about) await introduce();
    await checkLength(blob, state.about.seconds);
    const result = await engine.analyse(blob, { name, detail: true });
    busy(null); // before it is scrolled to: the line takes room above it
    show(result, blob);
  } catch (error) {
    if (error.code === "audio_length") error.message = tooLong(error.seconds ?? (await secondsOf(blob)), state.about.seconds);
    busy(null);
    state.result = null; // it was of another recording
    get("result").hidden = true;
    get("audio").pause();
    focused.focus(); // which it lost while it was disabled
    tell(error, name);
  }
}

function show(result, blob) {
  state.result = result;
  get("result").hidden = false;
  if (state.sound) URL.revokeObjectURL(state.sound);
  state.sound = URL.createObjectURL(blob);
  get("unplayable").hidden = true;
  get("audio").hidden = false;
  get("audio").src = state.sound;
  showVerdict(result, state.colours);
  state.setTicks = showBars(result, state.colours);
  showTable(result);
  timeline.show(result, byScore(result.scores), state.colours, state.about.front);
  get("verdict").focus({ preventScroll: true });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  get("result").scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
}

get("audio").addEventListener("error", () => {
  get("audio").hidden = true;
  get("unplayable").hidden = false;
});

get("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  target.value = ""; // so that the same file can be chosen again
  if (file) analyse(file, file.name);
});

get("example").addEventListener("click", async () => {
  const response = await fetch("example.mp3").catch(() => null);
  if (response?.ok) await analyse(await response.blob(), "example.mp3");
  else tell({ message: "The example could not be loaded." });
});

let entered = 0;
document.addEventListener("dragenter", () => get("drop").classList.toggle("over", (entered += 1) > 0));
document.addEventListener("dragleave", () => get("drop").classList.toggle("over", (entered -= 1) > 0));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  entered = 0;
  get("drop").classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file && !get("file").disabled && get("live").hidden) analyse(file, file.name);
});

let speaking = false; // from the question for the microphone on
get("record").addEventListener("click", async () => {
  if (speaking) return;
  speaking = true;
  tell(null);
  try {
    if (!state.about) await introduce();
    get("result").hidden = true;
    const blob = await record({ engine, about: state.about, colours: state.colours });
    if (blob) await analyse(blob, "microphone.wav");
  } catch (error) {
    tell(error);
  } finally {
    speaking = false;
    get("result").hidden = !state.result;
  }
});

get("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  engine.setToken(get("token").value);
  tell(null);
  introduce().then(() => get("file").focus(), tell);
});

const stem = () => state.result.path.replace(/\.[^.]*$/, "") || "recording";
get("json").addEventListener("click", () => save(asJson(state.result), `${stem()}.json`, "application/json"));
get("csv").addEventListener("click", () => save(asCsv(state.result), `${stem()}.csv`, "text/csv"));

get("unstarted").remove();
busy(null); // before this script runs, buttons that look alive would do nothing
introduce().catch(tell);
