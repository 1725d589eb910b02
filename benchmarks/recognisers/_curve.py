"""Learning curves: recall against the number of speakers who train, in a table and a picture."""

from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from hamiltone.measures import Interval

from ..pages import markdown_table, svg_text
from ._protocols import Protocol
from ._scores import ProtocolScores
from ._text import interval_text

_COLOURS = ("#5c6670", "#d55e00", "#cc79a7", "#0072b2", "#009e73", "#e69f00")
_MARKERS = "osv^Dx"


@dataclass(frozen=True)
class LearningCurve:
    """Systems on one protocol, which learn from some of its training speakers, and from all.

    Attributes:
        protocol: its name.
        title: its heading.
        points: system's title -> training speakers -> recall, where it was measured: with all of them, and fewer.
    """

    protocol: str
    title: str
    points: Mapping[str, Mapping[int, Interval]]

    def counts(self) -> list[int]:
        """The numbers of training speakers that any system was measured with."""
        return sorted({count for points in self.points.values() for count in points})


def learning_curves(
    protocols: Mapping[str, Protocol], scores: Mapping[str, ProtocolScores]
) -> tuple[LearningCurve, ...]:
    """The curves of which two points at least are measured, of all training speakers and of fewer.

    Args:
        protocols: all, by name.
        scores: of those that are measured.
    """
    curves = []
    for whole in scores:
        fewer = {
            protocols[name].split.training_speakers: one
            for name, one in scores.items()
            if protocols[name].curve_of == whole
        }
        measured = {count: one for count, one in sorted(fewer.items()) if count is not None}
        if measured:
            measured[_training_speakers(scores[whole])] = scores[whole]
            curves.append(LearningCurve(whole, protocols[whole].title, _points(measured)))
    return tuple(curve for curve in curves if curve.points)


def _training_speakers(scores: ProtocolScores) -> int:
    """How many train in a fold where one of the folds tests and another one validates."""
    return round(scores.speakers * (scores.folds - 2) / scores.folds)


def _points(measured: Mapping[int, ProtocolScores]) -> dict[str, dict[int, Interval]]:
    by_count = {count: {one.name: one for one in scores.measured} for count, scores in measured.items()}
    whole = max(by_count)
    points = {
        one.system.title: {count: systems[name].uar for count, systems in by_count.items() if name in systems}
        for name, one in by_count[whole].items()
    }
    return {title: counts for title, counts in points.items() if len(counts) > 1}


def curve_section(curve: LearningCurve, picture: str) -> str:
    """The curve as a section of the page.

    Args:
        curve: what it tells.
        picture: where its picture lies.
    """
    counts = curve.counts()
    rows = [
        [title, *(interval_text(points[count]) if count in points else "" for count in counts)]
        for title, points in curve.points.items()
    ]
    last, before = counts[-1], counts[-2]
    gains = [points[last].estimate - points[before].estimate for points in curve.points.values() if before in points]
    return "\n".join(
        [
            f"## How many speakers it takes: {curve.title}",
            "",
            f"![Recall against training speakers]({picture})",
            "",
            f"`{curve.protocol}` with some of the speakers who train, drawn by the seed, for as many steps as with "
            "all; those who validate and test stay. Machines learn from those who validate, too.",
            "",
            markdown_table(["system", *(f"{count} speakers" for count in counts)], rows, left=1),
            f"From {before} to {last} speakers the systems gain {min(gains):+.3f} to {max(gains):+.3f}.",
            "",
        ]
    )


def curve_picture(curve: LearningCurve) -> str:
    """An SVG, the same bytes for the same curve."""
    with mpl.rc_context({"svg.hashsalt": "hamiltone", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(5.6, 3.4), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        counts = curve.counts()
        for number, (title, points) in enumerate(curve.points.items()):
            colour, marker = _COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)]
            places = [count * 1.02 ** (number - (len(curve.points) - 1) / 2) for count in points]
            axes.plot(
                places, [interval.estimate for interval in points.values()], marker + "-", color=colour, label=title,
                linewidth=1.2, markersize=4,
            )  # fmt: skip
            for place, interval in zip(places, points.values(), strict=True):
                low, high = interval.low, interval.high
                if low is not None and high is not None:
                    axes.plot([place, place], [low, high], color=colour, linewidth=0.8, alpha=0.6)
        axes.set_xscale("log")
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.minorticks_off()
        axes.set_xlabel("speakers who train")
        axes.set_ylabel("UAR and its 95 % interval over speakers")
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", linewidth=0.4, color="0.85")
        return svg_text(figure)
