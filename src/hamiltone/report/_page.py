"""The page: one HTML file with everything in it."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hamiltone.files import atomic_write

from ._figures import MOST_CLASSES_DRAWN, Estimate, Series, confusion, curves, overview
from ._hard_clips import clips_missed_by_all
from ._records import Evaluation, Record, ReportError, Run, protocols, read_runs
from ._study import find_plan, read_study
from ._study_page import study_page, write_files
from ._tables import Cell, evaluated_on, pretraining_cells, result_cells

_MOST_CLIPS_LISTED = 40
_MOST_RUNS_OPEN = 12
_AXIS_TERMS = ("discrete", "valence", "arousal", "dominance")


@dataclass(frozen=True)
class _Group:
    """The emotion runs that answer one question: same corpus, same kind of split."""

    corpus: str
    evaluated_on: str
    rows: list[dict[str, Cell]]
    figure: Markup | None


@dataclass(frozen=True)
class _RunFigures:
    """The figures of one run; ``undrawn`` says why a confusion matrix is missing."""

    run: Run
    panels: list[Markup]
    confusion: Markup | None
    undrawn: str


def write_report(folder: Path, out: Path | None = None, study: str | None = None) -> Path:
    """Write one page on all runs found below a folder: tables, curves, confusion matrices, hard clips, provenance.

    If the folder holds a study (``studies/NAME.json``), the page is about its runs and leads with it, and beside the
    page are ``table1.md``, ``table1.csv``, ``table1.tex``, ``resources.md``, ``resources.csv`` and, if there is
    anything to draw, ``figure2.svg`` and ``figure2.png``. The page itself needs no network and no other file, and the
    same records give the same bytes.

    Args:
        folder: holds the runs' folders (each with ``record.json``, and ``predictions.csv`` beside it) at any depth.
        out: the page's path; ``report.html`` in ``folder`` by default.
        study: which study of the folder, by name; needed only if there are several.

    Returns:
        The path of the page.

    Raises:
        ReportError: no such folder, no records in it, one that cannot be read, ``out`` is a folder, no such study, or
            several and none chosen.
    """
    folder = Path(folder)
    out = folder / "report.html" if out is None else Path(out)
    if out.is_dir():
        raise ReportError(f"{out} is a folder: give the path of the page itself, such as {out / 'report.html'}")
    plan = find_plan(folder, study)
    if plan is None:
        runs = read_runs(folder)
        page, files, shown = None, {}, runs
    else:
        found = read_study(folder, plan)
        page, files = study_page(found)
        runs = [run.run for run in found.runs if run.run]
        shown = page.shown
    records = [run.record for run in runs]
    environment = Environment(
        loader=PackageLoader("hamiltone.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("report.html").render(
        study=page,
        corpora=_unique((record.corpus.name, record.corpus.note) for record in records),
        protocols=protocols(records),
        synthetic=_unique(record.corpus.name for record in records if record.corpus.synthetic),
        only_synthetic=all(record.corpus.synthetic for record in records),
        notes=_notes(runs),
        groups=[] if page else _groups(runs),
        pretraining=pretraining_cells(runs),
        figures=[_figures(run, pooled=page is not None) for run in shown],
        open_figures=page is None and len(runs) <= _MOST_RUNS_OPEN,
        missed=clips_missed_by_all(page.compared if page else runs),
        most_listed=_MOST_CLIPS_LISTED,
        runs=runs,
        shown=shown,
        settings={run.place: json.dumps(run.record.settings, indent=2, ensure_ascii=False) for run in shown},
    )
    write_files(out.parent, files)
    atomic_write(out, text.encode("utf-8", "replace"))
    return out


def protocol_lines(folder: Path, study: str | None = None) -> list[str]:
    """Which protocol each corpus was split by, a line for each kind of split, as the page says it.

    Raises:
        ReportError: as ``write_report``.
    """
    folder = Path(folder)
    plan = find_plan(folder, study)
    runs = read_runs(folder) if plan is None else [run.run for run in read_study(folder, plan).runs if run.run]
    return protocols(run.record for run in runs)


def _groups(runs: Sequence[Run]) -> list[_Group]:
    members: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.record.task == "emotion":
            members.setdefault((run.record.corpus.name, evaluated_on(run.record)), []).append(run)
    groups = []
    for (corpus, place), found in members.items():
        rows = result_cells(found)
        for row in rows:
            del row["Corpus"], row["Evaluated on"]
        estimates = [
            Estimate(run.label, test.accuracy.value, test.accuracy.low, test.accuracy.high, test.chance)
            for run in found
            if (test := run.record.test) and test.accuracy and test.accuracy.value is not None
        ]
        figure = overview(f"Accuracy on {place}: {corpus}", estimates) if estimates else None
        groups.append(_Group(corpus, place, rows, figure))
    return groups


def _figures(run: Run, *, pooled: bool) -> _RunFigures:
    """``pooled``: the confusion matrices of recognisers are shown elsewhere, over all runs of a cell."""
    if pooled and run.record.task == "emotion":
        return _RunFigures(run, _panels(run), None, "")
    return _RunFigures(run, _panels(run), *_confusion(run, run.record.evaluated))


def _panels(run: Run) -> list[Markup]:
    record = run.record
    numbers = [epoch.epoch for epoch in record.epochs]
    if not numbers:
        return []
    if record.task == "rh-emo":
        panels = [
            ("Reconstruction", "reconstruction BCE", _both(record, "reconstruction"), False),
            *((f"Axis {term}", f"{term} loss", _both(record, term), False) for term in _AXIS_TERMS),
        ]
    else:
        loss = [Series("training", _values(record, "train", "cross_entropy", "loss"))]
        loss.append(Series("validation", _values(record, "validation", "cross_entropy", "loss")))
        panels = [
            ("Loss", "cross-entropy", loss, False),
            ("Anti-transfer", "anti-transfer term", _both(record, "anti_transfer"), False),
            (
                "Validation",
                "share of validation clips",
                [
                    Series("accuracy", _values(record, "validation", "accuracy")),
                    Series("UAR", _values(record, "validation", "uar")),
                ],
                True,
            ),
        ]
    drawn = []
    for title, unit, series, share in panels:
        known = [line for line in series if any(value is not None for value in line.values)]
        if known:
            drawn.append(curves(f"{title}: {run.label}", unit, numbers, known, record.best_epoch, share=share))
    return drawn


def _both(record: Record, name: str) -> list[Series]:
    return [
        Series(part, _values(record, key, name)) for part, key in (("training", "train"), ("validation", "validation"))
    ]


def _values(record: Record, part: str, *names: str) -> list[float | None]:
    """The first of the names that any epoch has, for every epoch."""
    epochs: list[dict[str, Any]] = [getattr(epoch, part) for epoch in record.epochs]
    for name in names:
        if any(name in epoch for epoch in epochs):
            return [_number(epoch.get(name)) for epoch in epochs]
    return [None] * len(epochs)


def _number(value: Any) -> float | None:
    """A plain number, or the value of a measure with an interval."""
    if isinstance(value, dict):
        value = value.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _confusion(run: Run, evaluated: Evaluation | None) -> tuple[Markup | None, str]:
    if evaluated is None or not evaluated.confusion:
        return None, ""
    if len(evaluated.labels) > MOST_CLASSES_DRAWN:
        return None, f"A confusion matrix of {len(evaluated.labels)} classes is too large to read and is not drawn."
    part = "test" if run.record.test else "validation"
    return confusion(f"Confusion matrix ({part} clips): {run.label}", evaluated.confusion, evaluated.labels), ""


def _notes(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Every note once, with the runs that it is about."""
    notes: dict[str, list[str]] = {}
    for run in runs:
        for note in _unique(run.record.notes):
            notes.setdefault(note, []).append(run.label)
    return notes


def _unique(items: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(items))
