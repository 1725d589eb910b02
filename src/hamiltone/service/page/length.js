// How long a recording is, and what is said where it is too long.

import { EngineError } from "./engine-error.js";

const PATIENCE = 3000; // milliseconds for a header to be read
const SMALL = 1 << 20; // bytes that are soon decoded

/** The seconds that a file's header tells, as the browser's player reads it; null where it does not. */
export async function secondsOf(blob) {
  const address = URL.createObjectURL(blob);
  const sound = new Audio();
  const told = await new Promise((resolve) => {
    sound.addEventListener("loadedmetadata", () => resolve(sound.duration));
    sound.addEventListener("error", () => resolve(null));
    setTimeout(resolve, PATIENCE, null);
    sound.preload = "metadata";
    sound.src = address;
  });
  sound.removeAttribute("src");
  URL.revokeObjectURL(address);
  return Number.isFinite(told) ? told : null;
}

/** Refuse a recording of hours, before it is sent or fills the memory. */
export async function checkLength(blob, limit) {
  const seconds = blob.size > SMALL ? await secondsOf(blob) : null;
  // Of some files the header's length is an estimate: in doubt it is decoded.
  if (seconds > 2 * limit) throw new EngineError("audio_length", "too long.", { seconds });
}

/** What a person can do about a recording that is longer than the limit (both in seconds; null: not known). */
export function tooLong(seconds, limit) {
  const length = seconds > limit ? `${spoken(Math.ceil(seconds))}; ` : "";
  return (
    `too long: ${length}at most ${spoken(limit)}. ` +
    "Cut it, or use “hamiltone predict” on the command line, which takes any length."
  );
}

/** "45 s", "12 min", "10 min 5 s". */
export function spoken(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = Number((seconds - 60 * minutes).toFixed(1));
  if (!minutes) return `${rest} s`;
  return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
}
