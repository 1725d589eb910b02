"""SVG of matplotlib figures that stands inline in the page: named, coloured by the page, and small.

matplotlib draws with marker colours, which are then replaced by the page's CSS variables, light or dark. Of what it
writes, all goes that a browser does not need: half the page would be identifiers of groups, names of fonts and digits.
"""

import hashlib
import io
import re
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib.figure import Figure

from ._figure_style import NO_METADATA, PAGE, printable

_VARIABLES = {
    PAGE.ink: "--ink",
    PAGE.faint: "--faint",
    **{marker: f"--series-{number}" for number, marker in enumerate(PAGE.series, start=1)},
}
_CSS_PIXELS_PER_POINT = 96 / 72
_DECIMALS = 2
_NUMBER = re.compile(r"-?\d+\.\d+|-0\b")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_NEEDLESS_STYLE = re.compile(r"font-family:[^;]*;?|text-anchor:start;?|stroke-dashoffset:0;?")
"""The page has fonts of its own; the others are what SVG has by default."""


def inline_svg(figure: Figure, title: str, description: str) -> Markup:
    """The figure as an element for HTML: named for screen readers, with identifiers that no other figure has."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata=NO_METADATA)
    drawing = ElementTree.fromstring(file.getvalue())
    prefix = "f" + hashlib.sha256((title + file.getvalue()).encode()).hexdigest()[:8]
    view = drawing.attrib["viewBox"]
    _simplify(drawing, _identifiers(drawing, prefix))
    _style_markers(drawing)
    drawing.attrib = {
        "viewBox": view,
        "width": f"{_CSS_PIXELS_PER_POINT * float(view.split()[2]):.0f}",
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


def _identifiers(drawing: ElementTree.Element, prefix: str) -> dict[str, str]:
    """Those that something refers to, and what they become."""
    found = {}
    for element in drawing.iter():
        for key, value in element.attrib.items():
            names = _REFERENCE.findall(value)
            if key.endswith("href") and value.startswith("#"):
                names.append(value[1:])
            for name in names:
                found.setdefault(name, f"{prefix}-{len(found)}")
    return found


def _simplify(element: ElementTree.Element, identifiers: dict[str, str]) -> None:
    """HTML knows SVG without namespaces; metadata and the style sheet, which would reach the whole page, go."""
    element.tag = element.tag.rpartition("}")[2]
    element.tail = None
    if element.tag != "text":
        element.text = None
    attributes = {key.rpartition("}")[2]: _short(key, value) for key, value in element.attrib.items()}
    name = attributes.pop("id", None)
    if name in identifiers:
        attributes["id"] = identifiers[name]
    if "href" in attributes:
        attributes["href"] = f"#{identifiers[attributes['href'][1:]]}"
    element.attrib = {
        key: _REFERENCE.sub(lambda match: f"url(#{identifiers[match[1]]})", value)
        for key, value in attributes.items()
        if value
    }
    children = list(element)
    for child in children:
        _simplify(child, identifiers)
    element[:] = [kept for child in children for kept in _needed(child)]


def _style_markers(drawing: ElementTree.Element) -> None:
    """Give what is drawn many times, a marker or a tick, its style where it is defined, and not at each use."""
    uses: dict[str, list[ElementTree.Element]] = {}
    for use in drawing.iter("use"):
        uses.setdefault(use.attrib["href"], []).append(use)
    for element in drawing.iter("path"):
        found = uses.get(f"#{element.get('id')}", [])
        styles = {use.get("style", "") for use in found}
        if len(styles) == 1:
            element.set("style", styles.pop())
            for use in found:
                use.attrib.pop("style", None)


def _needed(element: ElementTree.Element) -> tuple[ElementTree.Element, ...]:
    """The element, or what is in it if it says nothing itself, or nothing if it is not seen."""
    if element.tag in ("metadata", "style") or (element.tag == "path" and element.get("style") == "fill:none"):
        return ()
    if element.tag == "g" and not element.attrib:
        return tuple(element)
    return () if element.tag in ("g", "defs") and not len(element) else (element,)


def _short(key: str, value: str) -> str:
    """An attribute with few digits and blanks, and without what goes without saying."""
    if key == "id" or key.endswith("href"):
        return value
    value = _NUMBER.sub(lambda match: f"{round(float(match[0]), _DECIMALS) + 0:g}", value)
    if key == "style":
        return _NEEDLESS_STYLE.sub("", value.replace("; ", ";").replace(": ", ":")).removesuffix(";")
    if key == "d":
        return re.sub(r"\s*([A-Za-z])\s*", r"\1", value).strip()
    return "" if value.startswith("rotate(0 ") else value
