"""The pages of the Python interface: one for each folder with a public face, in the order in which people need them."""

import importlib
import inspect
from pathlib import Path

FACES = {
    "service": "Recordings to emotions",
    "quaternion": "Quaternion layers for any network",
    "antitransfer": "The anti-transfer loss for any network",
    "audio": "Sound: decoding and frames",
    "corpora": "Corpora, splits, checks",
    "speech": "Fronts: what networks see of sound",
    "networks": "Networks and saved models",
    "settings": "Settings",
    "training": "Training",
    "study": "Studies",
    "records": "What runs and studies leave behind",
    "measures": "Measures, intervals, tests",
    "report": "Reports",
}


def write_api(folder: Path) -> None:
    """Write a page for each face, and the page that lists them; what two faces show stands on the page of the first."""
    folder.mkdir(exist_ok=True)
    told: dict[int, str] = {}
    for face, title in FACES.items():
        name = f"hamiltone.{face}"
        module = importlib.import_module(name)
        lines = [f"# {name}", "", title + ".", "", "```{eval-rst}", f".. automodule:: {name}", "   :no-members:", ""]
        for member in module.__all__:
            thing = getattr(module, member)
            if id(thing) in told:
                lines += [f"``{member}`` is that of ``hamiltone.{told[id(thing)]}``.", ""]
                continue
            told[id(thing)] = face
            lines += [*_directive(f"{name}.{member}", thing), ""]
        (folder / f"{face}.md").write_text("\n".join([*lines, "```", ""]), encoding="utf-8")
    rows = [f"| [hamiltone.{face}]({face}.md) | {title} |" for face, title in FACES.items()]
    head = ["# From Python", "", "| module | for |", "|---|---|", *rows, ""]
    tree = ["```{toctree}", ":hidden:", "", *FACES, "```", ""]
    (folder / "python.md").write_text("\n".join([*head, *tree]), encoding="utf-8")


def _directive(name: str, thing: object) -> list[str]:
    if inspect.isclass(thing):
        kind = "autoexception" if issubclass(thing, BaseException) else "autoclass"
        return [f".. {kind}:: {name}", "   :members:", "   :show-inheritance:"]
    if callable(thing):
        return [f".. autofunction:: {name}"]
    # Sphinx would tell of a constant what its type is for.
    return [f".. py:data:: {name}", f"   :type: {type(thing).__name__}"]
