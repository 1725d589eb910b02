"""How figures are drawn: colours, line styles, type, and SVG that stands inline in the page.

For the page, matplotlib draws with marker colours which are then replaced by the page's CSS variables, light or dark.
For print it draws with colours of its own. Lines differ in style and markers as well, so nothing rests on colour alone.
"""

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Palette:
    """Colours by what they are for; the series can be told apart by the colour-blind."""

    ink: str
    faint: str
    paper: str
    heat: str
    series: tuple[str, ...]


PAGE = Palette("#000001", "#000002", "#000003", "#000004", ("#000005", "#000006", "#000007", "#000008", "#000009"))
"""Marker colours, which become the variables of the page."""
PRINT = Palette("#000000", "#5c6670", "#ffffff", "#08407f", ("#0072b2", "#c04f00", "#00795a", "#a8407e", "#55606a"))
"""For white paper; in grey, line styles and markers tell the series apart."""
_VARIABLES = {
    PAGE.ink: "--ink",
    PAGE.faint: "--faint",
    PAGE.paper: "--page",
    PAGE.heat: "--heat",
    **{marker: f"--series-{number}" for number, marker in enumerate(PAGE.series, start=1)},
}
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v")
_CSS_PIXELS_PER_POINT = 96 / 72
_LONGEST_LABEL = 22
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


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
        ("svg", FigureCanvasSVG, _NO_METADATA),
        ("png", FigureCanvasAgg, {"Software": None}),
    ):
        canvas(figure)
        file = io.BytesIO()
        with mpl.rc_context({"svg.fonttype": "path"}):
            figure.savefig(file, format=kind, dpi=300, metadata=metadata)
        files[kind] = file.getvalue()
    return files


def inline_svg(figure: Figure, title: str, description: str) -> Markup:
    """The figure as an element for HTML: named for screen readers, with identifiers that no other figure has."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata=_NO_METADATA)
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
        element.text = printable(text)
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


def shown(label: str) -> str:
    """A label as an axis shows it: cut where it would be too long."""
    label = printable(label)
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "\N{HORIZONTAL ELLIPSIS}"


def printable(text: str) -> str:
    """XML holds no control characters."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
