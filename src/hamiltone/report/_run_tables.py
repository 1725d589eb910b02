"""Tables of runs: rows of cells for the page, the same rows as text for a terminal or a document."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hamiltone.measures import UNKNOWN_SPEAKERS
from hamiltone.records import RunRecord, Score

from ._runs import Run, read_runs

UNSEEN, HELD_OUT = "unseen speakers", "held-out recordings"
NOTHING = "\N{EN DASH}"
AXES = ("discrete", "valence", "arousal", "dominance")


class CellText(NamedTuple):
    """The text of a table's cell, and what stands smaller beside it."""

    text: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.detail}".strip()


def result_rows(folder: Path) -> list[dict[str, str]]:
    """One row per emotion run below ``folder``: method, AT layer, accuracy, UAR and macro-F1 with 95 % intervals, cost.

    Measures are percentages of test clips; "Chance" is the accuracy of always naming the commonest class.

    Raises:
        ReportError: no such folder, or no records in it.
        RecordError: a record that cannot be read.
    """
    return as_text(result_cells(read_runs(folder)))


def pretraining_rows(folder: Path) -> list[dict[str, str]]:
    """One row per pre-trained network below ``folder`` (RH-Emo, speaker, word), with what shows that it learned.

    RH-Emo: the reconstruction's BCE beside that of a constant predictor, and each embedding axis's standard deviation
    on unseen clips. Speaker and word: the accuracy beside chance.

    Raises:
        ReportError: no such folder, or no records in it.
        RecordError: a record that cannot be read.
    """
    return as_text(pretraining_cells(read_runs(folder)))


def result_cells(runs: Sequence[Run]) -> list[dict[str, CellText]]:
    """``result_rows`` of runs."""
    return [_result(run) for run in runs if run.record.task == "emotion"]


def pretraining_cells(runs: Sequence[Run]) -> list[dict[str, CellText]]:
    """``pretraining_rows`` of runs; columns that no run fills are left out."""
    rows = [_pretraining(run) for run in runs if run.record.task != "emotion"]
    empty = {key for key in (rows[0] if rows else ()) if all(row[key].text == NOTHING for row in rows)}
    return [{key: cell for key, cell in row.items() if key not in empty} for row in rows]


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    r"""A Markdown table of rows that have the same keys, padded so that it also reads in a terminal.

    >>> print(markdown_table([{"Run": "baseline", "UAR": "51.0 %"}, {"Run": "S|2", "UAR": "54.2 %"}]))
    | Run      | UAR    |
    | -------- | ------ |
    | baseline | 51.0 % |
    | S\|2     | 54.2 % |
    """
    if not rows:
        return ""
    lines = [[_escaped(value) for value in line] for line in (list(rows[0]), *(row.values() for row in rows))]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(value.ljust(width) for value, width in zip(line, widths, strict=True))} |" for line in lines
    )


def evaluated_on(record: RunRecord) -> str:
    """What the test clips are: of speakers unheard in training, or other recordings of the same speakers."""
    return UNSEEN if record.split.unseen_speakers else HELD_OUT


def percent(share: float | None) -> str:
    """A share as a percentage with one decimal.

    >>> percent(0.5)
    '50.0 %'
    """
    return NOTHING if share is None else f"{100 * share:.1f} %"


def interval_note(runs: Sequence[Run]) -> str:
    """Why some runs of a table have no intervals, in a sentence; empty where all have."""
    few = [run for run in runs if run.record.test and run.record.test.accuracy.note]
    if not few:
        return ""
    tests = [run.record.test for run in few if run.record.test]
    speakers = sorted({test.speakers for test in tests if test.accuracy.note != UNKNOWN_SPEAKERS})
    whose = "" if len(few) == len(runs) else f" of {', '.join(run.label for run in few)}"
    counted = " or ".join(map(str, speakers))
    order = "; the order of the methods means nothing" if len(few) > 1 else ""
    why = [f"{counted} test speaker{'' if counted == '1' else 's'}, and six are needed"] if speakers else []
    if any(test.accuracy.note == UNKNOWN_SPEAKERS for test in tests):
        why.append("not all test clips have a speaker")
    return f"No intervals{whose}: {', or '.join(why)}{order}."


def interval_notes(folder: Path) -> str:
    """Why some emotion runs below ``folder`` have no intervals in ``result_rows``; empty where all have.

    Raises:
        ReportError: no such folder, or no records in it.
        RecordError: a record that cannot be read.
    """
    return interval_note([run for run in read_runs(folder) if run.record.task == "emotion"])


def _score(score: Score | None, *, note: bool = False) -> CellText:
    """A measure and its interval; why there is none is told here with ``note``, else once, below the table."""
    if score is None:
        return CellText(NOTHING)
    if score.low is None or score.high is None:
        return CellText(percent(score.value), score.note if note else "")
    return CellText(percent(score.value), f"[{100 * score.low:.1f}, {100 * score.high:.1f}]")


def _result(run: Run) -> dict[str, CellText]:
    record, test = run.record, run.record.test
    method, form = record.method_words
    return {
        "Run": CellText(run.label),
        "Corpus": CellText(record.corpus.name),
        "Evaluated on": CellText(evaluated_on(record)),
        "Method": CellText(method or "none", f"({form})" if form else ""),
        "AT layer": CellText(", ".join(map(str, record.layers)) or NOTHING),
        "Accuracy": _score(test and test.accuracy),
        "UAR": _score(test and test.uar),
        "Macro-F1": _score(test and test.macro_f1),
        "Chance": CellText(percent(test and test.chance)),
        "Clips": _number(test and test.clips),
        "Speakers": _number(test and test.speakers),
        **_cost(record),
    }


def _pretraining(run: Run) -> dict[str, CellText]:
    record, evaluated, rebuilt = run.record, run.record.evaluated, run.record.reconstruction
    deviations = ", ".join(map(_decimal, rebuilt.axis_deviation)) if rebuilt else NOTHING
    accuracy = _score(evaluated and evaluated.accuracy, note=True)
    if evaluated and not record.test:
        accuracy = CellText(accuracy.text, f"{accuracy.detail} (validation)".strip())
    return {
        "Run": CellText(run.label),
        "Task": CellText("RH-Emo" if record.task == "rh-emo" else record.task),
        "Corpus": CellText(record.corpus.name),
        "Reconstruction BCE": CellText(_decimal(rebuilt and rebuilt.bce)),
        "BCE of a constant": CellText(_decimal(rebuilt and rebuilt.bce_constant)),
        "Deviation of the axes": CellText(deviations, f"({', '.join(AXES)})" if rebuilt else ""),
        "Accuracy": accuracy,
        "Chance": CellText(percent(evaluated and evaluated.chance)),
        "Classes": _number(len(record.labels) or None),
        "Clips": _number(evaluated and evaluated.clips),
        **_cost(record),
    }


def seconds_text(seconds: float | None) -> str:
    """A duration in seconds."""
    return NOTHING if seconds is None else f"{seconds:.1f}" if seconds < 100 else f"{seconds:.0f}"


def _cost(record: RunRecord) -> dict[str, CellText]:
    return {
        "Best epoch": CellText(str(record.best_epoch), f"of {len(record.epochs)}"),
        "Seconds per epoch": CellText(seconds_text(record.resources.seconds_per_epoch)),
        "Peak memory": CellText(memory(record.resources.peak_memory_bytes)),
        "Parameters": _number(record.parameters["trained"]),
    }


def _number(value: int | None) -> CellText:
    return CellText(NOTHING if value is None else f"{value:,}")


def _decimal(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4f}" if abs(value) >= 1e-3 or value == 0 else f"{value:.1e}"


def memory(size: int | float | None) -> str:
    """A number of bytes in MiB or GiB."""
    if size is None:
        return NOTHING
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def as_text(rows: Sequence[Mapping[str, CellText]]) -> list[dict[str, str]]:
    """The same rows with each cell as one text."""
    return [{key: str(cell) for key, cell in row.items()} for row in rows]


def _escaped(value: str) -> str:
    return " ".join(value.split()).replace("\\", "\\\\").replace("|", "\\|")
