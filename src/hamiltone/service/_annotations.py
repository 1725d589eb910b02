"""Labels over time in the formats of programs for annotators: Audacity, Praat (TextGrid), subtitles (SRT).

Of a whole recording a label stands for neighbouring windows that have it, from the beginning of the first to that of
the next label; of segments it stands for the segment. Annotations hold labels alone, subtitles the scores, too.
"""

from collections.abc import Callable, Sequence

from ._prediction import Prediction, Stretch

Marks = list[tuple[str | None, Stretch]]


def _marks(predictions: Sequence[Prediction]) -> Marks:
    """Labels with their times and speakers, of one recording, in order."""
    found: Marks = []
    for each in predictions:
        segment = Stretch(each.start, each.end, each.label, each.scores.get(each.label))
        found += [(each.speaker, stretch) for stretch in (each.stretches() if each.whole else [segment])]
    return sorted(found, key=lambda mark: (mark[1].start, mark[1].end))


def audacity_labels(predictions: Sequence[Prediction]) -> str:
    """A label track: start, end and label in a line, separated by tabs."""
    return "".join(
        f"{mark.start:.6f}\t{mark.end:.6f}\t{_text(speaker, mark.label)}\n" for speaker, mark in _marks(predictions)
    )


def subtitles(predictions: Sequence[Prediction]) -> str:
    """SRT: numbered, with times to the millisecond."""
    return "".join(
        f"{number}\n{_clock(mark.start)} --> {_clock(mark.end)}\n{_text(speaker, _scored(mark))}\n\n"
        for number, (speaker, mark) in enumerate(_marks(predictions), 1)
    )


def textgrid(predictions: Sequence[Prediction]) -> str:
    """Praat's TextGrid (long form): an interval tier ``emotion``, or one for each speaker; empty between segments."""
    marks = _marks(predictions)
    end = max(mark.end for _, mark in marks)
    tiers: dict[str, list[Stretch]] = {}
    for speaker, mark in marks:
        tiers.setdefault("emotion" if speaker is None else f"emotion of {speaker}", []).append(mark)
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end!r}"]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, stretches) in enumerate(tiers.items(), 1):
        intervals = _without_gaps(stretches, end)
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(name)}"]
        lines += ["        xmin = 0", f"        xmax = {end!r}", f"        intervals: size = {len(intervals)}"]
        for place, (start, stop, label) in enumerate(intervals, 1):
            lines += [f"        intervals [{place}]:", f"            xmin = {start!r}", f"            xmax = {stop!r}"]
            lines += [f"            text = {_quoted(label)}"]
    return "\n".join(lines) + "\n"


ANNOTATIONS: dict[str, tuple[Callable[[Sequence[Prediction]], str], str]] = {
    "audacity": (audacity_labels, ".txt"),
    "textgrid": (textgrid, ".TextGrid"),
    "srt": (subtitles, ".srt"),
}
"""By the format's name: what writes the predictions of one recording, and the suffix of its files."""


def _without_gaps(stretches: Sequence[Stretch], end: float) -> list[tuple[float, float, str]]:
    """Intervals from 0 to the end; where one speaker's overlap, which a tier cannot hold, the later begins later."""
    intervals: list[tuple[float, float, str]] = []
    at = 0.0
    for mark in stretches:
        if mark.end <= at:
            continue
        if mark.start > at:
            intervals.append((at, mark.start, ""))
        intervals.append((max(at, mark.start), mark.end, mark.label))
        at = mark.end
    return [*intervals, (at, end, "")] if at < end else intervals


def _text(speaker: str | None, label: str) -> str:
    return label if speaker is None else f"{speaker}: {label}"


def _scored(mark: Stretch) -> str:
    return mark.label if mark.score is None else f"{mark.label} ({100 * mark.score:.0f} %)"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _clock(seconds: float) -> str:
    whole = round(1000 * seconds)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02},{whole % 1000:03}"
