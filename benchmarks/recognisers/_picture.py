"""Picture of the comparison: recall of each system with its interval, a panel for each protocol."""

from collections.abc import Mapping

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ..pages import svg_text
from ._scores import Measured, ProtocolScores
from ._systems import SvmSystem

_USUAL, _OURS = "#5c6670", "#0072b2"
_ROW, _FRAME = 0.3, 0.75  # inches


def picture(scores: Mapping[str, ProtocolScores]) -> str:
    """An SVG, the same bytes for the same scores.

    Args:
        scores: by the heading of the panel.
    """
    panels = max(1, len(scores))
    columns = min(2, panels)
    lengths = [len(one.measured) for one in scores.values()] or [1]
    heights = [_FRAME + _ROW * max(lengths[first : first + columns]) for first in range(0, panels, columns)]
    with mpl.rc_context({"svg.hashsalt": "hamiltone", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(4.6 * columns, sum(heights)), layout="constrained")
        FigureCanvasSVG(figure)
        every = list(figure.subplots(len(heights), columns, squeeze=False, height_ratios=heights).flat)
        for axes, (title, one) in zip(every, scores.items(), strict=False):
            _panel(axes, title, one.measured)
        for axes in every[len(scores) :]:
            axes.set_axis_off()
        figure.supxlabel("UAR and its 95 % interval over speakers; hollow: uses the speaker's other clips", fontsize=8)
        return svg_text(figure)


def _panel(axes: Axes, title: str, measured: tuple[Measured, ...]) -> None:
    for row, one in enumerate(measured):
        colour = _USUAL if isinstance(one.system, SvmSystem) else _OURS
        filled = "white" if one.system.per_speaker else colour
        uar = one.uar
        if uar.low is not None and uar.high is not None:
            axes.plot([uar.low, uar.high], [row, row], color=colour, linewidth=1.4, solid_capstyle="butt")
        axes.plot(uar.estimate, row, "o", color=colour, markerfacecolor=filled, markersize=5)
        axes.annotate(
            f"{uar.estimate:.3f}", (uar.estimate, row), (0, 5), textcoords="offset points", ha="center", fontsize=7
        )
    axes.set_yticks(range(len(measured)), [one.system.title for one in measured])
    axes.set_ylim(len(measured) - 0.4, -0.7)
    axes.set_title(title, fontsize=9, loc="right")  # the room for long ones is left of the panel
    axes.margins(x=0.08)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", linewidth=0.4, color="0.85")
    axes.set_axisbelow(True)
