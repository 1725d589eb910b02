"""Figures of a study: Figure 2, for the page and for print, and the probes, for the page.

Sizes are those of print: 17 cm wide (a page), or 8.5 cm (a column) where there is one panel only.
"""

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from hamiltone.records import METHOD_NAMES

from ._figure2 import TASKS, Figure2, LayerLine, LayerPoint
from ._figure_style import LINE_STYLES, MARKERS, PAGE, PRINT, Palette, printed_files, style
from ._probe_results import ProbePanel
from ._svg import inline_svg

_COLUMN, _PAGE = 8.5 / 2.54, 17 / 2.54
_SMALL, _TEXT = 7.5, 8
_MOST_TICKS = 7
_TASK_NAMES = {"S": "speakers (S)", "W": "words (W)"}
_FINE_DOTS = (0, (1, 2))


def figure2_files(numbers: Figure2) -> dict[str, bytes]:
    """Figure 2 for print, by kind of file: ``svg`` and ``png``."""
    with style(PRINT):
        return printed_files(_figure2(numbers, PRINT))


def figure2_inline(numbers: Figure2) -> Markup:
    """Figure 2 in the colours of the page."""
    values = "; ".join(
        f"{line.network}, {line.split} split, {line.task}: "
        + ", ".join(f"layer {point.layer} {100 * point.difference.estimate:+.1f}" for point in line.points)
        for line in numbers.lines
    )
    with style(PAGE):
        title = "Difference of test accuracy from the baseline by AT layer, in percentage points"
        return inline_svg(_figure2(numbers, PAGE), title, f"{values}.")


def probes_inline(panels: Sequence[ProbePanel]) -> Markup:
    """The probes of one corpus and split: a row per network, a column per target."""
    values = "; ".join(
        f"{panel.network}, {panel.target}, {line.method}: {100 * line.accuracies[-1]:.0f} % in the last layer"
        for panel in panels
        for line in panel.lines
    )
    place = f"{panels[0].corpus}, {panels[0].split} split"
    with style(PAGE):
        title = f"What linear probes read from the features: {place}"
        return inline_svg(_probes_figure(panels), title, f"{values}.")


def _probes_figure(panels: Sequence[ProbePanel]) -> Figure:
    """Panels of networks with equally many layers share the axis of layers."""
    networks = list(dict.fromkeys(panel.network for panel in panels))
    targets = list(dict.fromkeys(panel.target for panel in panels))
    figure = _figure(_PAGE if len(targets) > 1 else _COLUMN, 0.75 + 1.75 * len(networks))
    grid = GridSpec(len(networks), len(targets), figure=figure)
    same_layers: dict[int, Axes] = {}
    for panel in panels:
        row, column = networks.index(panel.network), targets.index(panel.target)
        axes = figure.add_subplot(grid[row, column], sharex=same_layers.get(panel.last_hidden))
        same_layers.setdefault(panel.last_hidden, axes)
        _probe_panel(axes, panel)
        _label(axes, column, row == len(networks) - 1, "layer", "accuracy of the probe")
    drawn = {line.method for panel in panels for line in panel.lines}
    handles = [_method_handle(method) for method in METHOD_NAMES if method in drawn]
    handles.append(Line2D([], [], color=PAGE.faint, linestyle=_FINE_DOTS, label="chance"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)), handlelength=3.2)
    return figure


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure


def _figure2(numbers: Figure2, palette: Palette) -> Figure:
    """A row per split and a column per network, and the mean of all lines beside them."""
    rows, columns = len(numbers.splits), len(numbers.networks) + bool(numbers.mean)
    figure = _figure(_PAGE if columns > 1 else _COLUMN, 0.85 + 1.65 * rows)
    grid = GridSpec(rows, columns, figure=figure)
    first = None
    for row, split in enumerate(numbers.splits):
        for column, network in enumerate(numbers.networks):
            lines = [line for line in numbers.lines if (line.split, line.network) == (split, network)]
            if lines:
                axes = figure.add_subplot(grid[row, column], sharex=first, sharey=first)
                first = first or axes
                _layer_panel(axes, f"{network}\n{split} split", numbers, palette, lines)
                _label(axes, column, row == rows - 1, "AT layer", "difference of test\naccuracy (% points)")
    if numbers.mean:
        axes = figure.add_subplot(grid[0, -1], sharex=first, sharey=first)
        _layer_panel(axes, f"mean of the {len(numbers.lines)} lines\n", numbers, palette, [])
        _label(axes, columns - 1, True, "AT layer", "")
    handles = _layer_handles(numbers, palette)
    if numbers.mean and rows > 1:
        free = figure.add_subplot(grid[1:, -1])
        free.set_axis_off()
        free.legend(handles=handles, loc="center", handlelength=3.2, fontsize=_SMALL)
    else:
        columns_of_legend = 4 if columns > 1 else 2
        figure.legend(
            handles=handles, loc="outside lower center", ncols=columns_of_legend, handlelength=3.2, fontsize=_SMALL
        )
    return figure


def _label(axes: Axes, column: int, lowest: bool, below: str, beside: str) -> None:
    """Name the axes at the figure's left and bottom only, where panels share them."""
    if lowest:
        axes.set_xlabel(below, fontsize=_TEXT)
    if column == 0:
        axes.set_ylabel(beside, fontsize=_TEXT)
    else:
        axes.tick_params(labelleft=False)


def _layer_panel(axes: Axes, title: str, numbers: Figure2, palette: Palette, lines: Sequence[LayerLine]) -> None:
    layers = numbers.layers
    consecutive = _consecutive(layers)
    axes.axhline(0, color=palette.faint, linewidth=0.8, zorder=1)
    for line in lines:
        number = TASKS.index(line.task)
        shift = 0.0 if consecutive or len(lines) == 1 else 0.12 * (2 * number - 1)
        _layer_line(axes, line.points, _line_style(palette.series[number], number), consecutive, shift)
    if numbers.mean and lines:
        places = [point.layer for point in numbers.mean]
        axes.plot(places, _in_points(numbers.mean), color=palette.ink, linestyle=":", linewidth=1.1, zorder=2)
    elif numbers.mean:
        _layer_line(axes, numbers.mean, _line_style(palette.ink, 3), consecutive)
    axes.set_title(title, loc="left", fontsize=_TEXT, color=palette.ink)
    axes.set_xticks(layers if len(layers) <= _MOST_TICKS else layers[:: math.ceil(len(layers) / _MOST_TICKS)])
    axes.set_xlim(layers[0] - 0.7, layers[-1] + 0.7)
    axes.tick_params(labelsize=_SMALL)
    axes.grid(axis="y", color=palette.faint, alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)


def _consecutive(layers: Sequence[int]) -> bool:
    """Whether there is a band to draw between neighbouring layers, and no gap in it."""
    return len(layers) == layers[-1] - layers[0] + 1 and len(layers) > 1


def _line_style(color: str, number: int, size: float = 3.5) -> dict[str, Any]:
    """Lines of different numbers differ in dashes and marker, too."""
    dashes, marker = LINE_STYLES[number], MARKERS[number]
    return {"color": color, "linestyle": dashes, "marker": marker, "markersize": size, "linewidth": 1.3}


def _layer_line(
    axes: Axes, points: Sequence[LayerPoint], style: dict[str, Any], consecutive: bool, shift: float = 0.0
) -> None:
    """Bands between neighbouring layers; bars where layers in between were not tried."""
    places = [point.layer + shift for point in points]
    axes.plot(places, _in_points(points), **style, zorder=3)
    known = [
        (place, 100 * point.difference.low, 100 * point.difference.high)
        for place, point in zip(places, points, strict=True)
        if point.difference.low is not None and point.difference.high is not None
    ]
    if known and consecutive:
        where, low, high = zip(*known, strict=True)
        axes.fill_between(where, low, high, color=style["color"], alpha=0.16, linewidth=0, zorder=1)
    elif known:
        where, low, high = zip(*known, strict=True)
        axes.vlines(where, low, high, color=style["color"], linewidth=1, zorder=2)


def _layer_handles(numbers: Figure2, palette: Palette) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Line2D([], [], **_line_style(palette.series[number], number), label=f"AT with {_TASK_NAMES[task]}")
        for number, task in enumerate(TASKS)
        if any(line.task == task for line in numbers.lines)
    ]
    if numbers.mean:
        handles.append(Line2D([], [], color=palette.ink, linestyle=":", linewidth=1.1, label="mean of the lines"))
    points = [point for line in numbers.lines for point in line.points]
    if any(point.difference.low is not None for point in points):
        told = "95 % over speakers"
        band = Patch(facecolor=palette.faint, alpha=0.35, label=told)
        bar = Line2D([], [], color=palette.faint, linestyle="none", marker="|", markersize=9, label=told)
        handles.append(band if _consecutive(numbers.layers) else bar)
    return handles


def _in_points(points: Sequence[LayerPoint]) -> list[float]:
    return [100 * point.difference.estimate for point in points]


def _probe_panel(axes: Axes, panel: ProbePanel) -> None:
    axes.axhline(panel.chance, color=PAGE.faint, linewidth=1, linestyle=_FINE_DOTS, zorder=1)
    for line in panel.lines:
        drawn = _method_handle(line.method)
        drawn.set_data(line.layers, line.accuracies)
        axes.add_line(drawn)
    axes.set_title(f"{panel.target}\n{panel.network}", loc="left", fontsize=_TEXT, color=PAGE.ink)
    axes.set_ylim(-0.03, 1.05)
    axes.set_xlim(0.3, panel.last_hidden + 0.7)
    convolutions = range(1, panel.last_hidden, max(1, math.ceil((panel.last_hidden - 2) / 4)))
    names = [str(layer) if layer < panel.last_hidden - 1 else "" for layer in convolutions]
    axes.set_xticks([*convolutions, panel.last_hidden], [*names, "last"])
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.tick_params(labelsize=_SMALL)


def _method_handle(method: str) -> Line2D:
    number = METHOD_NAMES.index(method)
    color = PAGE.ink if number == 0 else PAGE.series[number - 1]
    return Line2D([], [], **_line_style(color, number, size=3.0), label="no AT" if number == 0 else method)
