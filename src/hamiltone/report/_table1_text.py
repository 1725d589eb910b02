"""Table 1 as text: cells for the page and for Markdown, a tidy CSV, LaTeX, and the statistics in words."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from hamiltone.measures import MINIMUM_SPEAKERS, MOST_SPEAKERS_ENUMERATED, Interval

from ._paper import paper_cell
from ._records import protocols
from ._table1 import BEST_OF, SPLITS, Spread, Table1, TableCell
from ._tables import NOTHING, Cell, percent

CONTROL_WORDS = (
    "Reporting the best of several AT layers against one baseline is a selection, which alone can look like a gain; "
    f"the row \N{LEFT DOUBLE QUOTATION MARK}{BEST_OF}\N{RIGHT DOUBLE QUOTATION MARK} gives the same selection "
    "to as many re-seeded baselines, chosen by validation accuracy for each seed and fold, so AT has gained something "
    "only where it is better than that row, too."
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


def table1_cells(table: Table1, corpus: str | None = None) -> list[dict[str, Cell]]:
    """The rows of Table 1 in the paper's layout, its own figures last; of one corpus for the page.

    Columns of a split that the study does not have are left out, and the paper's figures where it has no such corpus.
    """
    rows = []
    wanted = [row for row in table.rows if corpus in (None, row[0])]
    beside = _has_paper(name for name, _, _ in wanted)
    for row_corpus, network, method in wanted:
        cells = {split: table.cell(row_corpus, split, network, method) for split in table.splits}
        if corpus is None:
            row = {"Corpus": Cell(row_corpus), "Network": Cell(network), "AT": Cell(method)}
        else:
            row = {"Network and AT": Cell(f"{network}, {method}")}
        row["Parameters"] = _parameters(list(cells.values()))
        row |= {f"AT layer, {split}": _layers(cell) for split, cell in cells.items()}
        for split, cell in cells.items():
            row |= {f"{name}, {split}": text for name, text in _measures(cell).items()}
        for split in SPLITS if beside else ():
            paper = paper_cell(row_corpus, split, network, method)
            layer = f"layer {paper.layer}" if paper and paper.layer else ""
            row[f"Paper, {split}"] = Cell(f"{paper.accuracy:.1f} %", layer) if paper else Cell(NOTHING)
        rows.append(row)
    return rows


def table1_csv(table: Table1) -> str:
    """One line per cell; shares in 0..1 as numbers, the paper's accuracies as shares, too; empty where unknown."""
    file = io.StringIO()
    lines = [_tidy(cell) for cell in table.cells]
    writer = csv.DictWriter(file, list(_tidy_names()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
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


def table1_words(table: Table1) -> list[str]:
    """How the table was made and what it can say, one sentence or two each."""
    words = [
        "The AT layer is selected on validation accuracy alone (per fold, the mean over seeds; of equal layers the "
        "earlier); its test predictions, pooled over folds and seeds, are the cell.",
        "Accuracy and UAR count clips. Brackets are 95 % intervals, bootstrapped over speakers: the clips of one "
        "voice, over all seeds and folds, are one cluster. \N{PLUS-MINUS SIGN} is the standard deviation over seeds.",
    ]
    for split in SPLITS:
        of_split = [cell for cell in table.cells if cell.split == split]
        if not of_split:
            words.append(f"The {split} split is not part of this study.")
            continue
        heard = (
            "test speakers are unheard in training"
            if split == "actor"
            else "test clips are other recordings of speakers heard in training, so nothing is said of new speakers"
        )
        people: dict[str, int] = {}
        for cell in of_split:
            if cell.accuracy:
                people[cell.corpus] = max(people.get(cell.corpus, 0), cell.accuracy.speakers)
        told = ", ".join(f"{corpus} {number}" for corpus, number in people.items())
        words.append(f"{split.capitalize()} split: {heard}. Test speakers over all folds: {told or 'none yet'}.")
    done = [run.run.record for cell in table.cells for run in cell.selection.runs if run.run]
    words += [f"Protocol of {line}." for line in protocols(done)]
    adjusted = (
        f", adjusted by Holm for the {table.tests} test{'' if table.tests == 1 else 's'} in this table."
        if table.tests
        else ". No cell of this table allows it."
    )
    words.append(
        "Difference: accuracy minus the baseline's in percentage points, on the clips of the seeds and folds that both "
        f"have. p: a two-sided permutation test that swaps the two for whole speakers{adjusted}{_smallest_p(table)}"
    )
    if any(cell.accuracy and cell.accuracy.speakers < MINIMUM_SPEAKERS for cell in table.cells):
        words.append(f"With fewer than {MINIMUM_SPEAKERS} test speakers neither intervals nor p are estimable.")
    words.append(CONTROL_WORDS if any(cell.method == BEST_OF for cell in table.cells) else _without_control(table))
    if _has_paper(cell.corpus for cell in table.cells):
        words.append("Beside it the accuracies that the paper reports, one run per cell, without intervals.")
    return words


def _without_control(table: Table1) -> str:
    if all(cell.selection.candidates_planned <= cell.selection.planned for cell in table.cells):
        return "Each method has one AT layer, so that none was chosen."
    return (
        "The study has no re-seeded baselines, so the best of several AT layers stands against one baseline: "
        "that alone can look like a gain."
    )


def _has_paper(corpora: Iterable[str]) -> bool:
    return any(paper_cell(corpus, "actor", "real", "none") for corpus in corpora)


def _smallest_p(table: Table1) -> str:
    """With few speakers there are few swaps, so that no difference, however large, has a small p."""
    tested = [cell.accuracy.speakers for cell in table.cells if cell.p is not None and cell.accuracy]
    if not tested or min(tested) > MOST_SPEAKERS_ENUMERATED:
        return ""
    smallest = 2 / 2 ** min(tested)
    return (
        f" With {min(tested)} test speakers, however large the difference, p is at least {smallest:.2g} before the "
        f"adjustment; the smallest of {table.tests} is then {min(1.0, smallest * table.tests):.2g} or more."
    )


def points(interval: Interval | None) -> Cell:
    """A difference in percentage points, and its interval or why there is none."""
    if interval is None:
        return Cell(NOTHING)
    if interval.low is None or interval.high is None:
        return Cell(f"{100 * interval.estimate:+.1f}", interval.note)
    return Cell(f"{100 * interval.estimate:+.1f}", f"[{100 * interval.low:+.1f}, {100 * interval.high:+.1f}]")


def _measures(cell: TableCell) -> dict[str, Cell]:
    return {
        "Accuracy": Cell(NOTHING, cell.absent) if cell.absent else _share(cell.accuracy, cell.note),
        "UAR": _share(cell.uar),
        "Over seeds": _over_seeds(cell),
        "Difference": points(cell.difference),
        "p": _p(cell),
    }


def _share(interval: Interval | None, note: str = "") -> Cell:
    if interval is None:
        return Cell(NOTHING)
    bounds = interval.note
    if interval.low is not None and interval.high is not None:
        bounds = f"[{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
    return Cell(percent(interval.estimate), "; ".join(part for part in (bounds, note) if part))


def _over_seeds(cell: TableCell) -> Cell:
    if cell.accuracy_over_seeds is None or cell.uar_over_seeds is None:
        return Cell(NOTHING)
    seeds = cell.accuracy_over_seeds.seeds
    if seeds == 1:
        return Cell(NOTHING, "1 seed")
    return Cell(_spread(cell.accuracy_over_seeds), f"UAR {_spread(cell.uar_over_seeds)}; {seeds} seeds")


def _spread(spread: Spread) -> str:
    return f"{100 * spread.mean:.1f} \N{PLUS-MINUS SIGN} {100 * (spread.deviation or 0):.1f}"


def _p(cell: TableCell) -> Cell:
    if cell.p_adjusted is not None:
        return Cell("< 0.001" if cell.p_adjusted < 0.001 else f"{cell.p_adjusted:.3f}")
    tested = cell.method not in ("none", BEST_OF) and cell.difference is not None
    return Cell(NOTHING, cell.difference.note if tested and cell.difference else "")


def _layers(cell: TableCell) -> Cell:
    selection = cell.selection
    if cell.method == BEST_OF and selection.planned:
        return Cell(NOTHING, f"best of {selection.candidates_planned // selection.planned}")
    chosen = [layer for layer in selection.layers if layer is not None]
    if not chosen:
        return Cell(NOTHING)
    if len(set(chosen)) == 1:
        return Cell(str(chosen[0]))
    return Cell(", ".join("?" if layer is None else str(layer) for layer in selection.layers), "by fold")


def _parameters(cells: Sequence[TableCell]) -> Cell:
    known = [cell.parameters for cell in cells if cell.parameters is not None]
    return Cell(f"{known[0]:,}" if known else NOTHING)


def _tidy(cell: TableCell) -> dict[str, Any]:
    selection, paper = cell.selection, paper_cell(cell.corpus, cell.split, cell.network, cell.method)
    values: tuple[Any, ...] = (
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
    return dict(zip(_tidy_names(), values, strict=True))


def _tidy_names() -> tuple[str, ...]:
    return (
        *("corpus", "split", "network", "anti_transfer", "parameters", "layers"),
        *("runs", "runs_planned", "candidates", "candidates_planned", "clips", "speakers"),
        *("accuracy", "accuracy_low", "accuracy_high", "uar", "uar_low", "uar_high"),
        *("accuracy_seed_mean", "accuracy_seed_deviation", "seeds", "uar_seed_mean", "uar_seed_deviation"),
        *("difference", "difference_low", "difference_high", "difference_clips", "p", "p_holm", "note"),
        *("paper_accuracy", "paper_layer"),
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
