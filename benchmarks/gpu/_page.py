"""Tables of a run on a GPU in the page on performance."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hamiltone.errors import HamiltoneError

from ..pages import markdown_table, put_between

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- tables of the GPU -->", "<!-- end of the GPU's tables -->"


def put_into_page(results: Path, page: Path) -> None:
    """Put the tables of a ``results.json`` between the two comments for them.

    Raises:
        HamiltoneError: there are no results, or the page lacks the comments.
    """
    try:
        content = json.loads(results.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HamiltoneError(f"{results}: no results of benchmarks.gpu: {error}") from None
    put_between(page, BEGIN, END, f"\n{markdown(content)}\n")


def markdown(content: Mapping[str, Any]) -> str:
    """What was measured, as tables; a part that failed says so."""
    facts = content["machine"]
    told = ", ".join(f"{name} {value}" for name, value in facts.items() if name not in ("device", "tiny"))
    parts = [f"Measured on: {facts['device']}, {told}.\n"]
    if facts["tiny"]:
        parts.append("With tiny sizes: these numbers mean nothing.\n")
    for part, title, columns, rows in (
        ("checks", "Checks", ("check", "largest error", "bound", ""), _checks),
        ("steps", "A training step of VGG16", ("step", "ms", "clips a second", "MiB"), _steps),
        ("layers", "Layers, forward and backward, ms", (), _layers),
        ("recipe", "The paper's recipe", ("run", "epochs", "s an epoch", "MiB", "accuracy", "UAR"), _recipe),
    ):
        if part in content:
            names = columns or _layer_columns(content[part])
            parts.append(f"### {title}\n\n{markdown_table(names, rows(content[part], names))}")
    return "\n".join(parts)


Entries = Mapping[str, Mapping[str, Any]]
Columns = tuple[str, ...]


def _failed(name: str, entry: Mapping[str, Any], columns: Columns) -> list[str]:
    return [name, f"failed: {entry['error']}", *[""] * (len(columns) - 2)]


def _checks(entries: Entries, columns: Columns) -> Iterator[list[str]]:
    for name, entry in entries.items():
        if value := entry.get("value"):
            yield [name, f"{value['error']:.1e}", f"{value['bound']:.0e}", "kept" if value["kept"] else "broken"]
        else:
            yield _failed(name, entry, columns)


def _steps(entries: Entries, columns: Columns) -> Iterator[list[str]]:
    for name, entry in entries.items():
        if value := entry.get("value"):
            yield [name, f"{value['ms']:.2f}", f"{value['clips_per_second']:.0f}", f"{value['mib']:.0f}"]
        else:
            yield _failed(name, entry, columns)


def _layer_columns(entries: Entries) -> Columns:
    ways = dict.fromkeys(way for entry in entries.values() for way in entry.get("value", {}))
    return ("layer", *ways)


def _layers(entries: Entries, columns: Columns) -> Iterator[list[str]]:
    for name, entry in entries.items():
        if value := entry.get("value"):
            yield [name, *(f"{value[way]:.3f}" if way in value else "" for way in columns[1:])]
        else:
            yield _failed(name, entry, columns)


def _recipe(entries: Entries, columns: Columns) -> Iterator[list[str]]:
    for name, entry in entries.items():
        if "value" not in entry:
            yield _failed(name, entry, columns)
        for run, value in entry.get("value", {}).items():
            if told := value.get("unfinished"):
                yield [run, f"unfinished: {told}", "", "", "", ""]
                continue
            scores = [f"{100 * value[key]:.1f} %" if key in value else "" for key in ("accuracy", "uar")]
            pace = f"{value['seconds_per_epoch']:.2f}"
            yield [run, f"{value['epochs']} ({value['stopped']})", pace, f"{value['peak_memory_mib']:.0f}", *scores]
