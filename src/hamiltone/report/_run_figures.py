"""Figures of runs: training curves, and an overview of accuracies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ._figure_style import LINE_STYLES, MARKERS, PAGE, shown, style
from ._svg import inline_svg


@dataclass(frozen=True)
class Curve:
    """A line of a panel: its name in the legend and one value per epoch, None where there is none."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Accuracy:
    """A line of the overview: a run's accuracy with its interval, if it has one, and chance."""

    name: str
    value: float
    low: float | None
    high: float | None
    chance: float


def curves(
    title: str,
    unit: str,
    epochs: Sequence[int],
    series: Sequence[Curve],
    best_epoch: int,
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
        axes.axvline(best_epoch, color=PAGE.faint, linewidth=1, linestyle=(0, (1, 2)), label="best epoch", zorder=0)
        axes.set(xlabel="epoch", ylabel=unit)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        if share:
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=" %"))
        axes.locator_params(axis="y", nbins=5)
        axes.margins(y=0.12)
        axes.legend(loc="best", handlelength=3)
        last = "; ".join(f"{line.name} ends at {_last(line.values)}" for line in series)
        return inline_svg(figure, title, f"{unit} over {len(epochs)} epochs: {last}.")


def overview(title: str, estimates: Sequence[Accuracy]) -> Markup:
    """Accuracies of runs as dots, their intervals as lines, chance as a tick."""
    with style():
        figure, axes = _panel(4.7, 0.85 + 0.3 * len(estimates))
        for place, estimate in enumerate(estimates):
            if estimate.low is not None and estimate.high is not None:
                axes.plot([estimate.low, estimate.high], [place, place], color=PAGE.series[0], linewidth=2.2, zorder=2)
            axes.plot(estimate.value, place, marker="o", markersize=7, color=PAGE.series[0], zorder=3)
        chances = [estimate.chance for estimate in estimates]
        tick = {"marker": "|", "markersize": 13, "markeredgewidth": 2, "color": PAGE.series[1]}
        axes.plot(chances, range(len(chances)), ls="", label="chance", **tick)
        axes.set_yticks(range(len(estimates)), [shown(estimate.name) for estimate in estimates])
        axes.set(
            xlim=(0, 1), ylim=(len(estimates) - 0.4, -0.6), xlabel="accuracy, and its 95 % interval where estimable"
        )
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.grid(axis="x", color=PAGE.faint, alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
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
