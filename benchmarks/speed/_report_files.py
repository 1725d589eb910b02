"""Files of a benchmark's result: Markdown, JSON and a picture."""

import json
from dataclasses import asdict
from pathlib import Path

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from hamiltone.files import atomic_write

from ..pages import markdown_table, put_between, svg_text
from ._results import BenchmarkResult, Row, Table, Target

JSON, MARKDOWN, PICTURE = "benchmark.json", "benchmark.md", "benchmark.svg"
_BEGIN, _END = "<!-- tables of the benchmark -->", "<!-- end of the tables -->"


def write_benchmark(result: BenchmarkResult, folder: Path, page: Path | None = None) -> None:
    """Write ``benchmark.json``, ``benchmark.md`` and ``benchmark.svg`` into a folder.

    Args:
        result: what was measured.
        folder: where to; it is made.
        page: a Markdown file whose part between the two comments for it becomes the tables.

    Raises:
        PageError: the page has not the two comments.
    """
    text = markdown(result)
    if page is not None:
        put_between(page, _BEGIN, _END, text)
    facts = {
        "machine": result.machine,
        "tables": [
            asdict(table) | {"targets": [asdict(target) | {"met": target.met} for target in table.targets]}
            for table in result.tables
        ],
    }
    atomic_write(folder / JSON, json.dumps(facts, indent=2) + "\n")
    atomic_write(folder / MARKDOWN, text)
    atomic_write(folder / PICTURE, picture(result))


def _cells(row: Row) -> list[str]:
    """The numbers of a row as text."""
    return ["" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.3g}" for value in row.values]


def _target_cells(target: Target) -> list[str]:
    """A target as text: what, its bound, as measured, met or missed."""
    bound = f"{target.side} {target.bound:g}"
    return [target.what, bound, f"{target.value:.3g}", "met" if target.met else "missed"]


_TARGET_COLUMNS = ("Target", "Bound", "Measured", "")


def markdown(result: BenchmarkResult) -> str:
    """Machine, tables and targets in Markdown."""
    machine = ", ".join(f"{name} {value}" for name, value in result.machine.items() if name not in ("quick", "against"))
    parts = [f"Measured on: {machine}.\n"]
    if "against" in result.machine:
        parts.append("Against: " + ", ".join(f"{k} {v}" for k, v in result.machine["against"].items()) + ".\n")
    if result.machine.get("quick"):
        parts.append("A quick run with tiny sizes: these numbers mean nothing.\n")
    targets = [target for table in result.tables for target in table.targets]
    if targets:
        parts.append(_titled("Targets", _TARGET_COLUMNS, [_target_cells(target) for target in targets]))
    for table in result.tables:
        rows = [[row.name, *_cells(row)] for row in table.rows]
        parts.append(_titled(table.title, ("", *table.columns), rows))
    return "\n".join(parts)


def _titled(title: str, columns: tuple[str, ...], rows: list[list[str]]) -> str:
    return f"### {title}\n\n{markdown_table(columns, rows)}"


def picture(result: BenchmarkResult) -> str:
    """All tables drawn below one another, as SVG."""
    figure = Figure(figsize=(10, 0.6 + sum(_height(table) for table in result.tables)), layout="constrained")
    FigureCanvasSVG(figure)
    heights = [_height(table) for table in result.tables]
    for axes, table in zip(
        figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights).flat, result.tables, strict=True
    ):
        columns = [number for number, name in enumerate(table.columns) if not name.endswith(("ms", "MiB"))]
        thickness = 0.8 / len(columns)
        for place, column in enumerate(columns):
            values = [row.values[column] or 0.0 for row in table.rows]
            where = [row + place * thickness for row in range(len(values))]
            axes.barh(where, values, thickness, label=table.columns[column])
        axes.set_yticks([row + 0.4 - thickness / 2 for row in range(len(table.rows))], [row.name for row in table.rows])
        axes.invert_yaxis()
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_title(table.title, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))  # beside the bars, never over them
    return svg_text(figure)


def _height(table: Table) -> float:
    return 1.0 + 0.3 * len(table.rows)
