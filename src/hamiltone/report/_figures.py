"""Figures as SVG that stands inline in the page: its colours are the page's own, light or dark.

matplotlib draws with marker colours which are then replaced by the page's CSS variables. Lines differ in style and
markers as well, so nothing rests on colour alone.
"""

import hashlib
import io
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

_INK, _FAINT, _PAPER, _HEAT = "#000001", "#000002", "#000003", "#000004"
_SERIES = ("#000005", "#000006", "#000007", "#000008", "#000009")
_VARIABLES = {
    _INK: "--ink",
    _FAINT: "--faint",
    _PAPER: "--page",
    _HEAT: "--heat",
    **{marker: f"--series-{number}" for number, marker in enumerate(_SERIES, start=1)},
}
_LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
_MARKERS = ("o", "s", "^", "D", "v")
_CSS_PIXELS_PER_POINT = 96 / 72
MOST_CLASSES_DRAWN = 24
_MOST_CLASSES_WITH_COUNTS = 12
_LONGEST_LABEL = 22


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
    with _style():
        figure, axes = _panel(3.5, 2.6)
        for number, line in enumerate(series):
            axes.plot(
                epochs,
                [math.nan if value is None else value for value in line.values],
                label=_shown(line.name),
                color=_SERIES[number % len(_SERIES)],
                linestyle=_LINE_STYLES[number % len(_LINE_STYLES)],
                marker=_MARKERS[number % len(_MARKERS)],
                markevery=max(1, len(epochs) // 8),
            )
        if best_epoch is not None:
            axes.axvline(best_epoch, color=_FAINT, linewidth=1, linestyle=(0, (1, 2)), label="best epoch", zorder=0)
        axes.set(xlabel="epoch", ylabel=unit)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        if share:
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=" %"))
        axes.margins(y=0.12)
        axes.legend(loc="best", handlelength=3)
        last = "; ".join(f"{line.name} ends at {_last(line.values)}" for line in series)
        return _svg(figure, title, f"{unit} over {len(epochs)} epochs: {last}.")


def confusion(title: str, counts: Sequence[Sequence[int]], labels: Sequence[str]) -> Markup:
    """A confusion matrix: shade and percentages by row (true class), counts in the cells where they are readable."""
    classes = len(labels)
    with_counts = classes <= _MOST_CLASSES_WITH_COUNTS
    side = 0.46 if with_counts else 0.24
    longest = max(len(_shown(label)) for label in labels)
    margin = 0.55 + 0.075 * longest
    with _style():
        figure, axes = _panel(side * classes + margin, side * classes + margin * 0.8)
        for true, row in enumerate(counts):
            for predicted, count in enumerate(row):
                share = count / max(1, sum(row))
                axes.add_patch(
                    Rectangle(
                        (predicted - 0.5, true - 0.5), 1, 1, facecolor=to_rgba(_HEAT, share), edgecolor=_FAINT, lw=0.4
                    )
                )
                if with_counts and count:
                    ink = _PAPER if share > 0.62 else _INK
                    inside = {"color": ink, "ha": "center", "in_layout": False}
                    axes.text(predicted, true - 0.02, f"{count}", {"va": "bottom", "fontsize": 9, **inside})
                    axes.text(predicted, true + 0.06, f"{100 * share:.0f} %", {"va": "top", "fontsize": 7, **inside})
        axes.set(
            xlim=(-0.5, classes - 0.5), ylim=(classes - 0.5, -0.5), aspect="equal", xlabel="predicted", ylabel="true"
        )
        axes.set_xticks(
            range(classes), [_shown(label) for label in labels], rotation=45, ha="right", rotation_mode="anchor"
        )
        axes.set_yticks(range(classes), [_shown(label) for label in labels])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        recalls = ", ".join(
            f"{label} {row[true]} of {sum(row)}" for true, (label, row) in enumerate(zip(labels, counts, strict=True))
        )
        return _svg(figure, title, f"Rows are true classes, columns predictions. Right: {recalls}.")


def overview(title: str, estimates: Sequence[Estimate]) -> Markup:
    """Accuracies of runs as dots, their intervals as lines, chance as a tick."""
    with _style():
        figure, axes = _panel(4.7, 0.85 + 0.3 * len(estimates))
        chance_named = False
        for place, estimate in enumerate(estimates):
            if estimate.low is not None and estimate.high is not None:
                axes.plot([estimate.low, estimate.high], [place, place], color=_SERIES[0], linewidth=2.2, zorder=2)
            axes.plot(estimate.value, place, marker="o", markersize=7, color=_SERIES[0], zorder=3)
            if estimate.chance is not None:
                label = None if chance_named else "chance"
                axes.plot(
                    estimate.chance,
                    place,
                    marker="|",
                    markersize=13,
                    markeredgewidth=2,
                    color=_SERIES[1],
                    ls="",
                    label=label,
                )
                chance_named = True
        axes.set_yticks(range(len(estimates)), [_shown(estimate.name) for estimate in estimates])
        axes.set(
            xlim=(0, 1), ylim=(len(estimates) - 0.4, -0.6), xlabel="accuracy, and its 95 % interval where estimable"
        )
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.grid(axis="x", color=_FAINT, alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        if chance_named:
            axes.legend(loc="upper right", handletextpad=0.2)
        values = "; ".join(f"{estimate.name} {100 * estimate.value:.1f} %" for estimate in estimates)
        return _svg(figure, title, f"Accuracies: {values}.")


@contextmanager
def _style() -> Iterator[None]:
    """The library's own defaults with ours on top, whatever the user's matplotlibrc says."""
    with mpl.rc_context(), warnings.catch_warnings():
        # The browser draws the text with its own fonts, so a sign that matplotlib's font lacks is not missing.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        mpl.rcdefaults()
        mpl.rc("svg", fonttype="none", hashsalt="hamiltone")
        mpl.rc("text", parse_math=False, color=_INK)
        mpl.rc("axes", labelcolor=_INK, edgecolor=_FAINT, labelsize=9)
        mpl.rc("axes.spines", top=False, right=False)
        for axis in ("xtick", "ytick"):
            mpl.rc(axis, color=_FAINT, labelcolor=_INK, labelsize=8.5)
        mpl.rc("legend", fontsize=8.5, frameon=False)
        mpl.rc("lines", linewidth=1.6, markersize=4)
        yield


def _panel(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def _svg(figure: Figure, title: str, description: str) -> Markup:
    """The figure as an element for HTML: named for screen readers, with identifiers that no other figure has."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    drawing = ElementTree.fromstring(file.getvalue())
    prefix = "f" + hashlib.sha256((title + file.getvalue()).encode()).hexdigest()[:10]
    _strip_namespaces(drawing, prefix)
    width = _CSS_PIXELS_PER_POINT * float(drawing.attrib["viewBox"].split()[2])
    drawing.attrib = {
        "viewBox": drawing.attrib["viewBox"],
        "width": f"{width:.0f}",
        "role": "img",
        "aria-labelledby": f"{prefix}-title {prefix}-description",
    }
    for name, text in (("desc", description), ("title", title)):
        element = ElementTree.Element(name, id=f"{prefix}-{'title' if name == 'title' else 'description'}")
        element.text = _printable(text)
        drawing.insert(0, element)
    text = ElementTree.tostring(drawing, encoding="unicode")
    for marker, variable in _VARIABLES.items():
        text = text.replace(marker, f"var({variable})")
    return Markup(text)


def _strip_namespaces(parent: ElementTree.Element, prefix: str) -> None:
    """HTML knows SVG without namespaces; metadata and the style sheet, which would reach the whole page, go."""
    for child in list(parent):
        child.tag = child.tag.rpartition("}")[2]
        if child.tag in ("metadata", "style") or (child.tag == "defs" and _only_style(child)):
            parent.remove(child)
            continue
        attributes = {key.rpartition("}")[2]: value for key, value in child.attrib.items()}
        if "id" in attributes:
            attributes["id"] = f"{prefix}-{attributes['id']}"
        if attributes.get("href", "").startswith("#"):
            attributes["href"] = f"#{prefix}-{attributes['href'][1:]}"
        child.attrib = {key: value.replace("url(#", f"url(#{prefix}-") for key, value in attributes.items()}
        _strip_namespaces(child, prefix)
    parent.tag = parent.tag.rpartition("}")[2]


def _only_style(element: ElementTree.Element) -> bool:
    return len(element) > 0 and all(child.tag.endswith("style") for child in element)


def _shown(label: str) -> str:
    label = _printable(label)
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _printable(text: str) -> str:
    """XML holds no control characters."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _last(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{known[-1]:.4g}" if known else "nothing"
