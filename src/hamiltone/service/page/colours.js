// Colours: of emotions, after Okabe and Ito, so that colour-blind people tell them apart; and of pictures.

const EMOTIONS = {
  neutral: "#9aa3ab",
  calm: "#56b4e9",
  happy: "#f0e442",
  happiness: "#f0e442",
  sad: "#0072b2",
  sadness: "#0072b2",
  angry: "#d55e00",
  anger: "#d55e00",
  fearful: "#cc79a7",
  fear: "#cc79a7",
  disgust: "#009e73",
  surprised: "#e69f00",
  surprise: "#e69f00",
  boredom: "#7a6a53",
};
const OTHERS = ["#d55e00", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#f0e442", "#9aa3ab"];
const FURTHER = ["#7a6a53", "#4b3f8f", "#8c1d40", "#5d7f00"];

/** A colour for each label: the emotion's own, or one that no other label has. */
export function palette(labels) {
  const taken = new Set(labels.map((label) => EMOTIONS[label.toLowerCase()]).filter(Boolean));
  const free = [...OTHERS, ...FURTHER].filter((colour) => !taken.has(colour));
  return Object.fromEntries(
    labels.map((label, i) => [label, EMOTIONS[label.toLowerCase()] ?? free.shift() ?? OTHERS[i % OTHERS.length]]),
  );
}

/** Black or white, whichever reads better on a colour. */
export function inkOn(colour) {
  const [r, g, b] = channels(colour).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return luminance > 0.18 ? "#10151a" : "#ffffff";
}

const PAPER = ["#ffffff", "#d9eaf0", "#86bccb", "#2f8097", "#0f4c63", "#06202d"];
const NIGHT = ["#10171d", "#12384a", "#1f6f86", "#5ab0bd", "#bfe3df", "#fffdf2"];

/** 256 colours from quiet to loud: ink on paper, or light in the dark. */
export function pictureColours(dark) {
  const stops = (dark ? NIGHT : PAPER).map(channels);
  return Array.from({ length: 256 }, (_, level) => {
    const at = (level / 255) * (stops.length - 1);
    const i = Math.min(stops.length - 2, Math.floor(at));
    return stops[i].map((value, c) => Math.round(value + (at - i) * (stops[i + 1][c] - value)));
  });
}

function channels(colour) {
  return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
}
