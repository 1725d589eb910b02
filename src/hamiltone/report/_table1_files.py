"""Files of Table 1: a tidy CSV, and LaTeX."""

import csv
import io
import re
from collections.abc import Sequence
from itertools import groupby

from hamiltone.measures import Interval

from ._paper_table1 import paper_cell
from ._table1 import Spread, Table1, TableCell
from ._table1_text import table1_cells

_COLUMNS = (
    *("corpus", "split", "network", "anti_transfer", "parameters", "layers"),
    *("runs", "runs_planned", "candidates", "candidates_planned", "clips", "speakers"),
    *("accuracy", "accuracy_low", "accuracy_high", "uar", "uar_low", "uar_high"),
    *("accuracy_seed_mean", "accuracy_seed_deviation", "seeds", "uar_seed_mean", "uar_seed_deviation"),
    *("difference", "difference_low", "difference_high", "difference_clips", "p", "p_holm", "note"),
    *("paper_accuracy", "paper_layer"),
)
_NAMES_OF_ROWS = ("Corpus", "Network", "AT")
_TEX_SIGNS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\N{EN DASH}": "--",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MINUS SIGN}": "$-$",
    "<": "$<$",
    ">": "$>$",
    "|": r"\textbar{}",
    '"': "''",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def table1_csv(table: Table1) -> str:
    """One line per cell; shares in 0..1 as numbers, the paper's accuracies as shares, too; empty where unknown."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_tidy(cell) for cell in table.cells)
    return file.getvalue()


def table1_tex(table: Table1) -> str:
    r"""A ``tabular`` for ``\input`` in a document with ``\usepackage{booktabs}``."""
    rows = table1_cells(table)
    if not rows:
        return "% The study has no recognisers.\n"
    headings = [_heading(name) for name in rows[0]]
    groups, rules, start = [], [], 1
    for group, members in groupby(headings, key=lambda heading: heading[0]):
        width = len(list(members))
        groups.append(rf"\multicolumn{{{width}}}{{c}}{{{_tex(group)}}}" if group else " & " * (width - 1))
        rules += [rf"\cmidrule(lr){{{start}-{start + width - 1}}}"] if group else []
        start += width
    lines = [
        r"% Needs \usepackage{booktabs}. It is wide: put it into a landscape page, or into \resizebox of graphicx.",
        rf"\begin{{tabular}}{{{''.join('l' if name in _NAMES_OF_ROWS else 'r' for name in rows[0])}}}",
        r"\toprule",
        " & ".join(groups) + r" \\",
        " ".join(rules),
        _tex_line([name for _, name in headings]),
        r"\midrule",
    ]
    before = rows[0]
    for row in rows:
        if (row["Corpus"], row["Network"]) != (before["Corpus"], before["Network"]):
            lines.append(r"\midrule")
        lines.append(_tex_line([str(cell) for cell in row.values()]))
        before = row
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _tidy(cell: TableCell) -> tuple[object, ...]:
    selection, paper = cell.selection, paper_cell(cell.corpus, cell.split, cell.network, cell.method)
    return (
        *(cell.corpus, cell.split, cell.network, cell.method, cell.parameters),
        " ".join("" if layer is None else str(layer) for layer in selection.layers).strip(),
        *(len(selection.runs), selection.planned, selection.candidates, selection.candidates_planned),
        *(len(cell.clips), cell.speakers),
        *_numbers(cell.accuracy),
        *_numbers(cell.uar),
        *_seeds(cell.accuracy_over_seeds),
        *_seeds(cell.uar_over_seeds)[:2],
        *_numbers(cell.difference),
        *(cell.compared, cell.p, cell.p_adjusted, cell.note),
        *((round(paper.accuracy / 100, 6), paper.layer) if paper else (None, None)),
    )


def _numbers(interval: Interval | None) -> tuple[float | None, float | None, float | None]:
    return (interval.estimate, interval.low, interval.high) if interval else (None, None, None)


def _seeds(spread: Spread | None) -> tuple[float | None, float | None, int | None]:
    return (spread.mean, spread.deviation, spread.seeds) if spread else (None, None, None)


def _heading(name: str) -> tuple[str, str]:
    """The group that a column belongs to, and its name within the group."""
    measure, _, split = name.partition(", ")
    if not split:
        return "", name
    return (measure, split) if measure in ("AT layer", "Paper") else (f"{split.capitalize()} split", measure)


def _tex_line(texts: Sequence[str]) -> str:
    # A bracket right after the end of a line would be read as its optional argument.
    return " & ".join(f"{{}}{text}" if text.startswith("[") else text for text in map(_tex, texts)) + r" \\"


def _tex(text: str) -> str:
    escaped = "".join(_TEX_SIGNS.get(sign, sign) for sign in " ".join(text.split()))
    return re.sub(r"(?<![\w-])-(?=\d)", "$-$", escaped)
