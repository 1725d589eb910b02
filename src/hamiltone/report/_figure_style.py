"""Style of figures: colours, line styles, markers, type, and the files for print.

Lines differ in style and markers as well, so nothing rests on colour alone.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Palette:
    """Colours by what they are for; the series can be told apart by the colour-blind."""

    ink: str
    faint: str
    series: tuple[str, ...]


PAGE = Palette("#000001", "#000002", ("#000003", "#000004", "#000005", "#000006", "#000007"))
"""Marker colours, which become the variables of the page."""
PRINT = Palette("#000000", "#5c6670", ("#0072b2", "#c04f00", "#00795a", "#a8407e", "#55606a"))
"""For white paper; in grey, line styles and markers tell the series apart."""
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v")
_LONGEST_LABEL = 22
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


@contextmanager
def style(palette: Palette = PAGE) -> Iterator[None]:
    """The library's own defaults with ours on top, whatever the user's matplotlibrc says."""
    with mpl.rc_context(), warnings.catch_warnings():
        # The browser draws the text with its own fonts, so a sign that matplotlib's font lacks is not missing.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        mpl.rcdefaults()
        mpl.rc("svg", fonttype="none", hashsalt="hamiltone")
        mpl.rc("text", parse_math=False, color=palette.ink)
        mpl.rc("axes", labelcolor=palette.ink, edgecolor=palette.faint, labelsize=9)
        mpl.rc("axes.spines", top=False, right=False)
        for axis in ("xtick", "ytick"):
            mpl.rc(axis, color=palette.faint, labelcolor=palette.ink, labelsize=8.5)
        mpl.rc("legend", fontsize=8.5, frameon=False)
        mpl.rc("lines", linewidth=1.6, markersize=4)
        yield


def printed_files(figure: Figure) -> dict[str, bytes]:
    """The figure as files for print: SVG whose letters are outlines, so that no font is needed, and PNG of 300 dpi."""
    files = {}
    for kind, canvas, metadata in (
        ("svg", FigureCanvasSVG, NO_METADATA),
        ("png", FigureCanvasAgg, {"Software": None}),
    ):
        canvas(figure)
        file = io.BytesIO()
        with mpl.rc_context({"svg.fonttype": "path"}):
            figure.savefig(file, format=kind, dpi=300, metadata=metadata)
        files[kind] = file.getvalue()
    return files


def shown(label: str) -> str:
    """A label as an axis shows it: cut where it would be too long."""
    label = printable(label)
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "\N{HORIZONTAL ELLIPSIS}"


def printable(text: str) -> str:
    """XML holds no control characters."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
