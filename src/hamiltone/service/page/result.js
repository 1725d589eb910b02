// A result: the verdict in words, the bars, the table, and the files to keep.

const get = (id) => document.getElementById(id);
const UNSURE = "unsure"; // the label where the model cannot tell
const percent = (share) => `${Math.round(100 * share)} %`;

export function make(tag, content = [], properties = {}) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...[content].flat());
  return element;
}

export function swatch(colour) {
  const mark = make("span", [], { className: "swatch" });
  mark.style.background = colour;
  mark.setAttribute("aria-hidden", "true");
  return mark;
}

export const byScore = (scores) => Object.keys(scores).sort((a, b) => scores[b] - scores[a]);

/** What stands before the class with the highest score. */
export const nearest = (label) => (label === UNSURE ? "Not sure; nearest to" : "Sounds most like");

export function showVerdict(result, colours) {
  const [first, second] = byScore(result.scores);
  get("verdict").replaceChildren(
    `${nearest(result.label)} `,
    swatch(colours[first]),
    make("strong", first),
    ` (${percent(result.scores[first])})`,
  );
  const length = result.detail.seconds;
  const seconds = length < 1 ? Math.max(0.01, length).toFixed(2) : length.toFixed(1);
  const windows = result.frames.length === 1 ? "one window" : `${result.frames.length} windows`;
  get("about-file").textContent =
    `${result.path}: ${seconds} s in ${windows}. Next: ${second} (${percent(result.scores[second])}).`;
  get("caution").hidden = !result.notes.length;
  get("caution").replaceChildren(...result.notes.map((note) => make("span", `${note[0].toUpperCase()}${note.slice(1)}.`)));
}

/** Bars of the whole recording; returns a function that sets the ticks to other scores. */
export function showBars(result, colours) {
  const ticks = {};
  const rows = byScore(result.scores).map((label) => {
    const fill = make("span", [], { className: "fill" });
    fill.style.width = `${100 * result.scores[label]}%`;
    fill.style.background = colours[label];
    ticks[label] = make("span", [], { className: "tick" });
    const track = make("span", [fill, ticks[label]], { className: "track" });
    track.setAttribute("aria-hidden", "true");
    return make("li", [
      make("span", [swatch(colours[label]), label]),
      make("span", percent(result.scores[label]), { className: "number" }),
      track,
    ]);
  });
  get("bars").replaceChildren(...rows);
  return (scores) => {
    for (const [label, tick] of Object.entries(ticks)) tick.style.left = `${100 * scores[label]}%`;
  };
}

export function showTable(result) {
  const labels = Object.keys(result.scores);
  const row = (name, scores) => {
    const [best] = byScore(scores);
    const cells = labels.map((label) =>
      make("td", (100 * scores[label]).toFixed(1), { className: label === best ? "best" : "" }),
    );
    return make("tr", [make("th", name, { scope: "row" }), ...cells]);
  };
  get("table").replaceChildren(
    make("caption", "Scores in percent of each window and of the whole recording", { className: "hidden" }),
    make("thead", make("tr", ["Seconds", ...labels].map((name) => make("th", name, { scope: "col" })))),
    make("tbody", [
      row("all", result.scores),
      ...result.frames.map(({ start, end, scores }) => row(`${start.toFixed(1)} to ${end.toFixed(1)}`, scores)),
    ]),
  );
}

export function asJson({ detail: _, ...result }) {
  return `${JSON.stringify(result, null, 2)}\n`;
}

/** The table that the command writes, too: service/_csv.py says what the columns are. */
export function asCsv(result) {
  const labels = Object.keys(result.scores);
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const row = (part, { start, end, label, scores }, notes = []) => [
    result.path,
    result.speaker ?? "",
    part,
    start.toFixed(3),
    end.toFixed(3),
    label,
    ...labels.map((name) => scores[name].toFixed(6)),
    notes.join("; "),
  ];
  return [
    ["recording", "speaker", "part", "start", "end", "label", ...labels.map((label) => `score_${label}`), "notes"],
    row("overall", result, result.notes),
    ...result.frames.map((frame) => row("frame", frame)),
  ]
    .map((cells) => `${cells.map(quoted).join(",")}\n`)
    .join("");
}

export function save(text, name, type) {
  const link = make("a", [], { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
