// The sampling rate that the header of a sound file gives: WAV, AIFF, FLAC, Ogg (Vorbis, FLAC, Opus), MPEG.

const MPEG_RATES = [44100, 48000, 32000];
const OPUS_RATE = 48000;

/** The rate of a file's bytes in Hz, or null where its header is of none of these kinds. */
export function sampleRate(buffer) {
  const bytes = new DataView(buffer);
  try {
    const start = afterTag(bytes);
    const name = word(bytes, start, 4);
    if (name === "RIFF" || name === "RF64" || name === "BW64") return ofWave(bytes);
    if (name === "FORM") return ofAiff(bytes);
    if (name === "fLaC") return ofFlac(bytes, start);
    if (name === "OggS") return ofOgg(bytes, start);
    return ofMpeg(bytes, start);
  } catch (error) {
    if (error instanceof RangeError) return null; // it ends within its header
    throw error;
  }
}

function ofWave(bytes) {
  for (let at = 12; ; at += 8 + padded(bytes.getUint32(at + 4, true))) {
    if (word(bytes, at, 4) === "fmt ") return bytes.getUint32(at + 12, true) || null;
  }
}

function ofAiff(bytes) {
  for (let at = 12; ; at += 8 + padded(bytes.getUint32(at + 4))) {
    if (word(bytes, at, 4) !== "COMM") continue;
    // A number of 80 bits: 16 of sign and exponent, 64 of mantissa, whose point is behind the first.
    const exponent = (bytes.getUint16(at + 16) & 0x7fff) - 16383;
    return Math.round(Number(bytes.getBigUint64(at + 18)) * 2 ** (exponent - 63)) || null;
  }
}

function ofFlac(bytes, at) {
  return bytes.getUint32(at + 18) >>> 12 || null;
}

function ofOgg(bytes, at) {
  const packet = at + 27 + bytes.getUint8(at + 26);
  if (word(bytes, packet, 7) === "\x01vorbis") return bytes.getUint32(packet + 12, true) || null;
  if (word(bytes, packet, 5) === "\x7fFLAC") return ofFlac(bytes, packet + 9);
  return word(bytes, packet, 8) === "OpusHead" ? OPUS_RATE : null;
}

/** Of the first frame of MPEG sound (layers 1 to 3), which padding may part from a tag. */
function ofMpeg(bytes, start) {
  let at = start;
  while (start && bytes.getUint8(at) === 0) at += 1;
  const head = bytes.getUint32(at);
  const [version, layer, index] = [(head >>> 19) & 3, (head >>> 17) & 3, (head >>> 10) & 3];
  if (head >>> 21 !== 0x7ff || version === 1 || layer === 0 || index === 3) return null;
  return MPEG_RATES[index] / { 3: 1, 2: 2, 0: 4 }[version];
}

/** Where the sound begins behind an ID3 tag. */
function afterTag(bytes) {
  if (word(bytes, 0, 3) !== "ID3") return 0;
  const size = [6, 7, 8, 9].reduce((sum, at) => (sum << 7) | (bytes.getUint8(at) & 0x7f), 0);
  const footer = bytes.getUint8(5) & 0x10 ? 10 : 0;
  return 10 + size + footer;
}

function word(bytes, at, length) {
  return String.fromCharCode(...Array.from({ length }, (_, i) => bytes.getUint8(at + i)));
}

const padded = (size) => size + (size % 2);
