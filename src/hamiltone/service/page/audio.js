// Sound in the browser: files to 16 kHz mono, WAV files, the microphone.

import { resampled } from "./resampling.js";
import { sampleRate } from "./sample-rate.js";

export const RATE = 16000;
const USUAL_RATE = 48000; // for files that do not say, or say what no browser plays

/** Decode any file that the browser reads, as 16 kHz mono. */
export async function toSamples(blob) {
  const bytes = await blob.arrayBuffer();
  // A browser resamples, and with a short filter, to the rate of the context that decodes: the recording's own is best.
  const context = contextAt(sampleRate(bytes) ?? USUAL_RATE);
  const sound = await context.decodeAudioData(bytes);
  return resampled(mono(sound), sound.sampleRate, RATE);
}

function contextAt(rate) {
  try {
    return new OfflineAudioContext(1, 1, rate);
  } catch {
    return new OfflineAudioContext(1, 1, USUAL_RATE);
  }
}

export async function toWav(blob) {
  return wav(await toSamples(blob), RATE);
}

/** A WAV file of 16-bit samples. */
export function wav(samples, rate) {
  const bytes = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, word) => [...word].forEach((letter, i) => bytes.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, 2 * rate, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  text(36, "data");
  bytes.setUint32(40, 2 * samples.length, true);
  samples.forEach((value, i) => {
    bytes.setInt16(44 + 2 * i, Math.round(32767 * Math.min(1, Math.max(-1, value))), true);
  });
  return new Blob([bytes.buffer], { type: "audio/wav" });
}

/** The channels of what the browser decoded as one. */
export function mono(buffer) {
  const count = buffer.numberOfChannels;
  if (count === 1) return buffer.getChannelData(0);
  const channels = Array.from({ length: count }, (_, channel) => buffer.getChannelData(channel));
  const signs = signsOf(channels);
  const mean = new Float32Array(buffer.length);
  for (let i = 0; i < mean.length; i += 1) {
    let sum = 0;
    for (let channel = 0; channel < count; channel += 1) sum += signs[channel] * channels[channel][i];
    mean[i] = sum / count;
  }
  return mean;
}

/** -1 for channels that would take the others away, where channels cancel: as hamiltone.audio mixes them. */
function signsOf(channels) {
  const step = 7; // enough of the samples to see a power
  const count = channels.length;
  const power = channels.map((channel) => variance((i) => channel[i], channel.length, step));
  const mixed = (i) => channels.reduce((sum, channel) => sum + channel[i], 0) / count;
  const cancelled = variance(mixed, channels[0].length, step) < (0.1 / count) * (power.reduce((a, b) => a + b) / count);
  if (!cancelled) return channels.map(() => 1);
  const most = Math.max(...power);
  const loud = channels[power.findIndex((value) => 2 * value >= most)];
  const offset = loud.reduce((sum, value) => sum + value, 0) / loud.length;
  return channels.map((channel) => (loud.reduce((sum, value, i) => sum + (value - offset) * channel[i], 0) < 0 ? -1 : 1));
}

function variance(value, length, step) {
  let [number, sum, squares] = [0, 0, 0];
  for (let i = 0; i < length; i += step, number += 1) {
    sum += value(i);
    squares += value(i) ** 2;
  }
  return squares / number - (sum / number) ** 2;
}

/** The microphone, kept sample by sample, so that both the last seconds and the whole can be had at any time. */
export class Recorder {
  static async start() {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Error("The microphone needs a secure page: open this one as http://localhost or over https.");
    }
    let stream;
    try {
      // As it sounds: the browser's cleaning of calls would change the voice.
      const constraints = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      stream = await navigator.mediaDevices.getUserMedia({ audio: constraints });
    } catch (error) {
      const reason = error.name === "NotFoundError" ? "There is no microphone." : "The microphone was not allowed.";
      throw new Error(`${reason} You can choose a recording instead.`);
    }
    const context = new AudioContext();
    try {
      await context.audioWorklet.addModule(new URL("./recorder-worklet.js", import.meta.url));
      await context.resume();
    } catch (error) {
      stream.getTracks().forEach((track) => track.stop());
      throw error;
    }
    return new Recorder(context, stream);
  }

  constructor(context, stream) {
    this.rate = context.sampleRate;
    this.length = 0;
    this.peak = 0;
    this.context = context;
    this.stream = stream;
    this.parts = [];
    const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => {
      this.parts.push(data);
      this.length += data.length;
      this.peak = data.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0);
    };
    context.createMediaStreamSource(stream).connect(node);
  }

  get seconds() {
    return this.length / this.rate;
  }

  /** The last seconds, at the microphone's own rate. */
  last(seconds) {
    const wanted = Math.min(this.length, Math.round(seconds * this.rate));
    const samples = new Float32Array(wanted);
    let end = wanted;
    for (let i = this.parts.length - 1; end > 0; i -= 1) {
      const part = this.parts[i].subarray(Math.max(0, this.parts[i].length - end));
      end -= part.length;
      samples.set(part, end);
    }
    return samples;
  }

  async stop() {
    this.stream.getTracks().forEach((track) => track.stop());
    await this.context.close();
    return this.last(this.seconds + 1);
  }
}
