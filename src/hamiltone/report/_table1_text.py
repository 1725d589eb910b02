"""Text of Table 1: cells for the page and for Markdown, and the statistics in words."""

from collections.abc import Iterable, Sequence

from hamiltone.measures import MINIMUM_SPEAKERS, MOST_SPEAKERS_ENUMERATED, Interval
from hamiltone.records import RunRecord, SplitFacts

from ._paper_table1 import paper_cell
from ._run_tables import NOTHING, CellText
from ._runs import in_order, protocols
from ._study_results import PAPER_SPLITS
from ._table1 import BEST_OF, Spread, Table1, TableCell

CONTROL_WORDS = (
    "Reporting the best of several AT layers against one baseline is a selection, which alone can look like a gain; "
    f"the row \N{LEFT DOUBLE QUOTATION MARK}{BEST_OF}\N{RIGHT DOUBLE QUOTATION MARK} gives such a selection "
    "to re-seeded baselines (a weaker one where they are fewer than the layers), chosen by validation accuracy for "
    "each seed and fold, so AT has gained something only where it is better than that row, too."
)
_UNSEEN = "test speakers are unheard in training"
_HEARD = "test clips are other recordings of speakers heard in training, so nothing is said of new speakers"


def table1_cells(table: Table1, corpus: str | None = None) -> list[dict[str, CellText]]:
    """The rows of Table 1 in the paper's layout, its own figures last; of one corpus for the page.

    Columns of a split that the study does not have are left out, and the paper's figures where it has no such corpus.
    """
    rows = []
    wanted = [row for row in table.rows if corpus in (None, row[0])]
    beside = _has_paper(name for name, _, _ in wanted)
    for row_corpus, network, method in wanted:
        cells = {split: table.cell(row_corpus, split, network, method) for split in table.splits}
        if corpus is None:
            row = {"Corpus": CellText(row_corpus), "Network": CellText(network), "AT": CellText(method)}
        else:
            row = {"Network and AT": CellText(f"{network}, {method}")}
        row["Parameters"] = _parameters(list(cells.values()))
        row |= {f"AT layer, {split}": _layers(cell) for split, cell in cells.items()}
        for split, cell in cells.items():
            row |= {f"{name}, {split}": text for name, text in _measures(cell).items()}
        for split in PAPER_SPLITS if beside else ():
            paper = paper_cell(row_corpus, split, network, method)
            layer = f"layer {paper.layer}" if paper and paper.layer else ""
            row[f"Paper, {split}"] = CellText(f"{paper.accuracy:.1f} %", layer) if paper else CellText(NOTHING)
        rows.append(row)
    return rows


def table1_words(table: Table1) -> list[str]:
    """How the table was made and what it can say, one sentence or two each."""
    words = [
        "The AT layer is selected on validation accuracy alone (per fold, the mean over seeds; of equal layers the "
        "earlier); its test predictions, pooled over folds and seeds, are the cell.",
        "Accuracy and UAR count clips. Brackets are 95 % t intervals over speakers: the clips of one voice, "
        "over all seeds and folds, are one cluster. \N{PLUS-MINUS SIGN} is the standard deviation over seeds.",
    ]
    words += [_split_words(table, split) for split in in_order((*PAPER_SPLITS, *table.splits), PAPER_SPLITS)]
    words += [f"Protocol of {line}." for line in protocols(_records(table.cells))]
    adjusted = (
        f", adjusted by Holm for the {table.tests} test{'' if table.tests == 1 else 's'} in this table."
        if table.tests
        else ". No cell of this table allows it."
    )
    words.append(
        "Difference: accuracy minus the baseline's in percentage points, on the clips of the seeds and folds that both "
        f"have. p: a two-sided permutation test that swaps the two for whole speakers{adjusted}{_smallest_p(table)}"
    )
    if few := _few_speakers(table):
        words.append(
            f"With fewer than {MINIMUM_SPEAKERS} test speakers neither intervals nor p are estimable, and the "
            f"order of the methods means nothing: {', '.join(few)}."
        )
    words.append(CONTROL_WORDS if any(cell.method == BEST_OF for cell in table.cells) else _without_control(table))
    if _has_paper(cell.corpus for cell in table.cells):
        words.append("Beside it the accuracies that the paper reports, one run per cell, without intervals.")
    return words


def _split_words(table: Table1, split: str) -> str:
    """What a split promises of new speakers, and how many test speakers each corpus has."""
    cells = [cell for cell in table.cells if cell.split == split]
    if not cells:
        return f"The {split} split is not part of this study."
    people: dict[str, int] = {}
    for cell in cells:
        if cell.accuracy:
            people[cell.corpus] = max(people.get(cell.corpus, 0), cell.accuracy.speakers)
    told = ", ".join(f"{corpus} {number}" for corpus, number in people.items()) or "none yet"
    promise = " or ".join(_promises(split, [record.split for record in _records(cells)]))
    return f"{split.capitalize()} split{promise and ': '}{promise}. Test speakers over the folds carried out: {told}."


def _promises(split: str, made: Iterable[SplitFacts]) -> dict[str, None]:
    """The paper's splits are known; others say it themselves, once they are made."""
    if split in PAPER_SPLITS:
        return {_UNSEEN if split == "actor" else _HEARD: None}
    told = (facts.protocol.partition(":")[0] or (_UNSEEN if facts.unseen_speakers else "") for facts in made)
    return dict.fromkeys(promise for promise in told if promise)


def _records(cells: Iterable[TableCell]) -> list[RunRecord]:
    return [run.record for cell in cells for run in cell.selection.runs if run.record]


def _few_speakers(table: Table1) -> list[str]:
    """Where there are too few test speakers for an interval, with their number."""
    fewest: dict[str, int] = {}
    for cell in table.cells:
        for interval in (cell.accuracy, cell.difference):
            if interval and interval.low is None:
                place = f"{cell.corpus}, {cell.split} split"
                fewest[place] = min(interval.speakers, fewest.get(place, interval.speakers))
    return [f"{place} ({speakers})" for place, speakers in fewest.items()]


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


def _measures(cell: TableCell) -> dict[str, CellText]:
    return {
        "Accuracy": CellText(NOTHING, cell.absent) if cell.absent else _interval(cell.accuracy, note=cell.note),
        "UAR": _interval(cell.uar),
        "Over seeds": _over_seeds(cell),
        "Difference": _interval(cell.difference, "+.1f", ""),
        "p": _p(cell),
    }


def _interval(interval: Interval | None, form: str = ".1f", unit: str = " %", note: str = "") -> CellText:
    """An estimate and its interval, if it has one; why it may have none stands below the table."""
    if interval is None:
        return CellText(NOTHING)
    text = f"{100 * interval.estimate:{form}}{unit}"
    if interval.low is None or interval.high is None:
        return CellText(text, note)
    bounds = f"[{100 * interval.low:{form}}, {100 * interval.high:{form}}]"
    return CellText(text, "; ".join(part for part in (bounds, note) if part))


def _over_seeds(cell: TableCell) -> CellText:
    if cell.accuracy_over_seeds is None or cell.uar_over_seeds is None:
        return CellText(NOTHING)
    seeds = cell.accuracy_over_seeds.seeds
    if seeds == 1:
        return CellText(NOTHING, "1 seed")
    return CellText(_spread(cell.accuracy_over_seeds), f"UAR {_spread(cell.uar_over_seeds)}; {seeds} seeds")


def _spread(spread: Spread) -> str:
    return f"{100 * spread.mean:.1f} \N{PLUS-MINUS SIGN} {100 * (spread.deviation or 0):.1f}"


def _p(cell: TableCell) -> CellText:
    if cell.p_adjusted is not None:
        return CellText("< 0.001" if cell.p_adjusted < 0.001 else f"{cell.p_adjusted:.3f}")
    return CellText(NOTHING)


def _layers(cell: TableCell) -> CellText:
    selection = cell.selection
    if cell.method == BEST_OF and selection.planned:
        return CellText(NOTHING, f"best of {selection.candidates_planned // selection.planned}")
    chosen = [layer for layer in selection.layers if layer is not None]
    if not chosen:
        return CellText(NOTHING)
    if len(set(chosen)) == 1:
        return CellText(str(chosen[0]))
    return CellText(", ".join("?" if layer is None else str(layer) for layer in selection.layers), "by fold")


def _parameters(cells: Sequence[TableCell]) -> CellText:
    known = [cell.parameters for cell in cells if cell.parameters is not None]
    return CellText(f"{known[0]:,}" if known else NOTHING)
