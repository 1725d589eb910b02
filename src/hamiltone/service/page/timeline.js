// The lanes below one another, and the cursor across them that goes with the playing sound.

import { drawAreas, drawEnvelope, drawPicture, points, scoresAt } from "./drawing.js";

const get = (id) => document.getElementById(id);
const NOTES = {
  "rh-emo":
    "What RH-Emo makes of the spectrogram, one picture for each component of a quaternion (r, i, j, k), " +
    "learned towards emotion, valence, arousal and dominance. Each is scaled to its own maximum, and faint parts are lifted.",
  derivatives:
    "The components of the quaternions (r, i, j, k) that the network sees: the spectrogram " +
    "and its changes over time and frequency. Each is scaled to its own maximum, and faint parts are lifted.",
};
// Of a kind that this page does not know, as an extension's.
const OTHER_NOTE =
  "The components of the quaternions (r, i, j, k) that the network sees. " +
  "Each is scaled to its own maximum, and faint parts are lifted.";
const FAINT = 0.5;
const KEYS = { ArrowLeft: -0.25, ArrowRight: 0.25, ArrowDown: -0.25, ArrowUp: 0.25, PageDown: -2, PageUp: 2 };

export function createTimeline({ onMove }) {
  const audio = get("audio");
  const cursor = get("cursor");
  const overlay = get("overlay");
  let shown = null;
  let time = 0;

  function show(result, order, colours, front) {
    const seconds = result.detail.seconds;
    shown = { result, order, colours, seconds, line: points(result.frames, seconds) };
    get("axes").replaceChildren(...result.detail.axes.map(axisLane));
    get("inside").hidden = !result.detail.axes.length;
    get("axes-note").textContent = Object.hasOwn(NOTES, front) ? NOTES[front] : OTHER_NOTE;
    for (const id of ["course", "ticks", "readout"]) get(id).hidden = result.frames.length === 1; // nothing changes
    drawRuler(seconds);
    cursor.setAttribute("aria-valuemax", seconds.toFixed(2));
    draw();
    move(0);
  }

  function draw() {
    if (!shown || !get("waveform").clientWidth) return;
    const { result, order, colours, line, seconds } = shown;
    if (!get("course").hidden) drawAreas(get("areas"), line, order, colours, { to: seconds });
    drawEnvelope(get("waveform"), result.detail.waveform);
    drawPicture(get("spectrogram"), result.detail.spectrogram);
    if (get("inside").open) result.detail.axes.forEach((axis, i) => drawPicture(get(`axis-${i}`), axis, FAINT));
  }

  /** Put the cursor to a time; the sound follows only where it was a person who moved. */
  function move(to, { seek = false } = {}) {
    if (!shown) return;
    time = Math.min(shown.seconds, Math.max(0, to));
    cursor.style.left = `${(100 * time) / shown.seconds}%`;
    const scores = scoresAt(shown.line, time);
    const best = Object.keys(scores).sort((a, b) => scores[b] - scores[a]);
    const text = best.slice(0, 3).map((label) => `${label} ${Math.round(100 * scores[label])} %`).join(", ");
    cursor.setAttribute("aria-valuenow", time.toFixed(2));
    cursor.setAttribute("aria-valuetext", `${time.toFixed(1)} seconds: ${text}`);
    get("readout").textContent = `At ${time.toFixed(1)} s: ${text}`;
    onMove(scores);
    // Before the sound is loaded this is where it will start.
    if (seek) audio.currentTime = Number.isFinite(audio.duration) ? Math.min(time, audio.duration) : time;
  }

  function follow() {
    move(audio.currentTime);
    if (!audio.paused && !audio.ended) requestAnimationFrame(follow);
  }
  audio.addEventListener("play", follow);
  audio.addEventListener("seeked", () => move(audio.currentTime));

  const timeOf = ({ clientX }) => {
    const { left, width } = overlay.getBoundingClientRect();
    return ((clientX - left) / width) * shown.seconds;
  };
  overlay.addEventListener("pointerdown", (event) => {
    if (!shown || event.button !== 0) return;
    overlay.setPointerCapture(event.pointerId);
    move(timeOf(event), { seek: true });
  });
  overlay.addEventListener("pointermove", (event) => {
    if (overlay.hasPointerCapture(event.pointerId)) move(timeOf(event), { seek: true });
  });
  cursor.addEventListener("keydown", (event) => {
    if (!shown) return;
    if (event.key in KEYS) move(time + KEYS[event.key], { seek: true });
    else if (event.key === "Home") move(0, { seek: true });
    else if (event.key === "End") move(shown.seconds, { seek: true });
    else if (event.key === " " && !get("unplayable").hidden) return;
    else if (event.key === " ") audio.paused ? audio.play() : audio.pause();
    else return;
    event.preventDefault();
  });

  new ResizeObserver(() => draw()).observe(get("lanes"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  return { show };
}

function axisLane({ name, component }, i) {
  const lane = document.createElement("div");
  lane.className = "lane";
  const title = document.createElement("h3");
  title.append(`${component} `);
  const small = document.createElement("small");
  small.textContent = name;
  title.append(small);
  const canvas = document.createElement("canvas");
  canvas.id = `axis-${i}`;
  canvas.setAttribute("height", "52");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Quaternion axis ${component}, ${name}, over time`);
  lane.append(title, canvas);
  return lane;
}

function drawRuler(seconds) {
  const steps = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
  const step = steps.find((candidate) => seconds / candidate <= 8) ?? steps.at(-1);
  const marks = [];
  for (let at = 0; at <= seconds; at += step) {
    const mark = document.createElement("span");
    mark.style.left = `${(100 * at) / seconds}%`;
    mark.textContent = at >= 60 ? clock(at) : `${at} s`;
    if (at > 0.95 * seconds) mark.className = "last";
    marks.push(mark);
  }
  document.getElementById("ruler").replaceChildren(...marks);
}

export function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}
