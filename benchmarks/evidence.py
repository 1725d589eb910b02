"""Picture of what anti-transfer changes on unseen speakers, in all that is committed: python -m benchmarks.evidence.

Each row is a difference from the same network without anti-transfer, with its 95 % interval over speakers, of the
tables in docs/evidence/ and of the comparison of recognisers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from hamiltone.files import atomic_write
from hamiltone.measures import Interval

from .pages import svg_text
from .recognisers._folds import Places
from .recognisers._page import corpora_of
from .recognisers._protocols import read_protocols
from .recognisers._scores import protocol_scores
from .recognisers._systems import read_systems

EVIDENCE = Path(__file__).parents[1] / "docs" / "evidence"
PICTURE = "differences.svg"
_STRONG = "ravdess8"
_OF_STRONG = "Strong network, RAVDESS, 18 actors; UAR"
_STUDIES = {
    "ravdess-folds": "Quarter VGG16, RAVDESS, 18 actors, three seeds; accuracy",
    "ravdess-continued": "Its control, at layer 2, three seeds; accuracy",
    "ravdess-controls": "Other controls, S at layer 2, one seed; accuracy",
    "emodb-folds": "Quarter VGG16, EmoDB, 8 speakers, two seeds; accuracy",
}
_SAID = {  # rows of studies that their network's name does not explain
    ("continued", "dual SW"): "a baseline that goes on from a baseline",
    ("continued", "single S"): "",  # the same runs as without: the term times 0
    ("untrained", "single S"): "an untrained S",
    ("half-trained", "single S"): "a half-trained S",
    ("beta-tenth", "single S"): "beta 0.1",
    ("beta-ten", "single S"): "beta 10",
    ("before-relu", "single S"): "before the ReLU",
    ("centred", "single S"): "centred",
    ("real", "single S"): "in a real network",
}
_ROW, _FRAME = 0.22, 0.5  # inches
_USUAL, _APART = "#5c6670", "#0072b2"


@dataclass(frozen=True)
class Row:
    """A difference, in points, by what it is of."""

    label: str
    difference: Interval


def panels(evidence: Path, places: Places) -> dict[str, list[Row]]:
    """All differences, by what they are of.

    Args:
        evidence: folder of the studies' tables.
        places: of the comparison of recognisers.
    """
    found = {_OF_STRONG: list(_of_strong(places))}
    return found | {title: list(_of_study(evidence / name / "table1.csv")) for name, title in _STUDIES.items()}


def _of_strong(places: Places) -> Iterator[Row]:
    protocol, systems = read_protocols(places.protocols)[_STRONG], read_systems(places.systems)
    scores = protocol_scores(places.results, _STRONG, corpora_of(protocol), systems)
    assert scores is not None  # its results are committed
    trainings = {one.name: len(one.seeds) for one in scores.measured}
    for one in scores.differences:
        if one.baseline in ("alone", "alone-mean") and any(word in one.name for word in ("-gram", "-cka", "-reversal")):
            title = systems[one.name].title.removeprefix("RAVDESS alone, ")
            seeds = trainings[one.name]
            yield Row(f"{title} ({seeds} seed{'' if seeds == 1 else 's'})", _in_points(one.interval))


def _of_study(file: Path) -> Iterator[Row]:
    table = pd.read_csv(file).dropna(subset="difference")
    columns = ("network", "anti_transfer", "difference", "difference_low", "difference_high", "speakers")
    for network, method, *values in zip(*(table[name].tolist() for name in columns), strict=True):
        label = _SAID.get((network, method), method)
        if label:
            yield Row(label, _in_points(Interval(*values)))


def _in_points(interval: Interval) -> Interval:
    low, high = (None if one is None else 100 * one for one in (interval.low, interval.high))
    return Interval(100 * interval.estimate, low, high, interval.speakers)


def picture(rows: Mapping[str, Sequence[Row]]) -> str:
    """An SVG with a panel for each heading."""
    heights = [_FRAME + _ROW * len(its) for its in rows.values()]
    with mpl.rc_context({"svg.hashsalt": "hamiltone", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(6.4, sum(heights)), layout="constrained")
        FigureCanvasSVG(figure)
        every = figure.subplots(len(heights), 1, squeeze=False, sharex=True, height_ratios=heights).flat
        for axes, (title, its) in zip(every, rows.items(), strict=True):
            _panel(axes, title, its)
        figure.supxlabel(
            "less the same network without anti-transfer, percentage points; 95 % intervals over speakers", fontsize=8
        )
        return svg_text(figure)


def _panel(axes: Axes, title: str, rows: Sequence[Row]) -> None:
    axes.axvline(0, color="0.6", linewidth=0.8, linestyle="--")
    for place, row in enumerate(rows):
        value, low, high = row.difference.estimate, row.difference.low, row.difference.high
        colour = _USUAL
        if low is not None and high is not None:
            colour = _APART if low > 0 or high < 0 else _USUAL
            axes.plot([low, high], [place, place], color=colour, linewidth=1.4, solid_capstyle="butt")
        axes.plot(value, place, "o", color=colour, markersize=4)
        axes.annotate(f"{value:+.1f}", (1.0, place), xycoords=("axes fraction", "data"), va="center", fontsize=7)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_title(title, fontsize=8.5, loc="left")
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Draw the picture beside the pages of the evidence."""
    atomic_write(EVIDENCE / PICTURE, picture(panels(EVIDENCE, Places())))
    print(EVIDENCE / PICTURE)


if __name__ == "__main__":
    main()
