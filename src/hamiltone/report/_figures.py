"""The figures of a run and of a group of runs, inline in the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ._drawing import LINE_STYLES, MARKERS, PAGE, inline_svg, shown, style

MOST_CLASSES_DRAWN = 24
_MOST_CLASSES_WITH_COUNTS = 12


@dataclass(frozen=True)
class Series:
    """A line of a panel: its name in the legend and one value per epoch, None where there is none."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Estimate:
    """A line of the overview: a run's accuracy with its interval, if it has one, and chance."""

    name: str
    value: float
    low: float | None
    high: float | None
    chance: float | None


def curves(
    title: str,
    unit: str,
    epochs: Sequence[int],
    series: Sequence[Series],
    best_epoch: int | None,
    *,
    share: bool = False,
) -> Markup:
    """One panel of training curves over the epochs; ``share`` draws values of 0..1 as percentages."""
    with style():
        figure, axes = _panel(3.5, 2.6)
        for number, line in enumerate(series):
            axes.plot(
                epochs,
                [math.nan if value is None else value for value in line.values],
                label=shown(line.name),
                color=PAGE.series[number % len(PAGE.series)],
                linestyle=LINE_STYLES[number % len(LINE_STYLES)],
                marker=MARKERS[number % len(MARKERS)],
                markevery=max(1, len(epochs) // 8),
            )
        if best_epoch is not None:
            axes.axvline(best_epoch, color=PAGE.faint, linewidth=1, linestyle=(0, (1, 2)), label="best epoch", zorder=0)
        axes.set(xlabel="epoch", ylabel=unit)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        if share:
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=" %"))
        axes.margins(y=0.12)
        axes.legend(loc="best", handlelength=3)
        last = "; ".join(f"{line.name} ends at {_last(line.values)}" for line in series)
        return inline_svg(figure, title, f"{unit} over {len(epochs)} epochs: {last}.")


def confusion(title: str, counts: Sequence[Sequence[int]], labels: Sequence[str]) -> Markup:
    """A confusion matrix: shade and percentages by row (true class), counts in the cells where they are readable."""
    classes = len(labels)
    with_counts = classes <= _MOST_CLASSES_WITH_COUNTS
    side = 0.46 if with_counts else 0.24
    longest = max(len(shown(label)) for label in labels)
    margin = 0.55 + 0.075 * longest
    with style():
        figure, axes = _panel(side * classes + margin, side * classes + margin * 0.8)
        for true, row in enumerate(counts):
            for predicted, count in enumerate(row):
                share = count / max(1, sum(row))
                axes.add_patch(
                    Rectangle(
                        (predicted - 0.5, true - 0.5),
                        1,
                        1,
                        facecolor=to_rgba(PAGE.heat, share),
                        edgecolor=PAGE.faint,
                        lw=0.4,
                    )
                )
                if with_counts and count:
                    ink = PAGE.paper if share > 0.62 else PAGE.ink
                    inside = {"color": ink, "ha": "center", "in_layout": False}
                    axes.text(predicted, true - 0.02, f"{count}", {"va": "bottom", "fontsize": 9, **inside})
                    axes.text(predicted, true + 0.06, f"{100 * share:.0f} %", {"va": "top", "fontsize": 7, **inside})
        axes.set(
            xlim=(-0.5, classes - 0.5), ylim=(classes - 0.5, -0.5), aspect="equal", xlabel="predicted", ylabel="true"
        )
        axes.set_xticks(
            range(classes), [shown(label) for label in labels], rotation=45, ha="right", rotation_mode="anchor"
        )
        axes.set_yticks(range(classes), [shown(label) for label in labels])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        recalls = ", ".join(
            f"{label} {row[true]} of {sum(row)}" for true, (label, row) in enumerate(zip(labels, counts, strict=True))
        )
        return inline_svg(figure, title, f"Rows are true classes, columns predictions. Right: {recalls}.")


def overview(title: str, estimates: Sequence[Estimate]) -> Markup:
    """Accuracies of runs as dots, their intervals as lines, chance as a tick."""
    with style():
        figure, axes = _panel(4.7, 0.85 + 0.3 * len(estimates))
        chance_named = False
        for place, estimate in enumerate(estimates):
            if estimate.low is not None and estimate.high is not None:
                axes.plot([estimate.low, estimate.high], [place, place], color=PAGE.series[0], linewidth=2.2, zorder=2)
            axes.plot(estimate.value, place, marker="o", markersize=7, color=PAGE.series[0], zorder=3)
            if estimate.chance is not None:
                label = None if chance_named else "chance"
                axes.plot(
                    estimate.chance,
                    place,
                    marker="|",
                    markersize=13,
                    markeredgewidth=2,
                    color=PAGE.series[1],
                    ls="",
                    label=label,
                )
                chance_named = True
        axes.set_yticks(range(len(estimates)), [shown(estimate.name) for estimate in estimates])
        axes.set(
            xlim=(0, 1), ylim=(len(estimates) - 0.4, -0.6), xlabel="accuracy, and its 95 % interval where estimable"
        )
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.grid(axis="x", color=PAGE.faint, alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        if chance_named:
            axes.legend(loc="upper right", handletextpad=0.2)
        values = "; ".join(f"{estimate.name} {100 * estimate.value:.1f} %" for estimate in estimates)
        return inline_svg(figure, title, f"Accuracies: {values}.")


def _panel(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def _last(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{known[-1]:.4g}" if known else "nothing"
