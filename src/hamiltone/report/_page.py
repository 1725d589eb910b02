"""The report page: one HTML file with everything in it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

import hamiltone
from hamiltone.files import atomic_write
from hamiltone.records import RunRecord, find_plan

from ._confusion import ConfusionMatrix
from ._missed_clips import clips_missed_by_all
from ._opening import runs_opening
from ._run_figures import Accuracy, Curve, curves, overview
from ._run_tables import AXES, CellText, evaluated_on, interval_note, pretraining_cells, result_cells
from ._runs import ReportError, Run, protocols, read_runs
from ._study_page import study_page
from ._study_results import read_study

_THEME = Path(hamiltone.__file__).parent / "service" / "page" / "theme.css"  # one look for both pages
_MOST_CLIPS_LISTED = 40
_MOST_RUNS_OPEN = 12


@dataclass(frozen=True)
class _Group:
    """The emotion runs that answer one question: same corpus, same kind of split."""

    corpus: str
    evaluated_on: str
    rows: list[dict[str, CellText]]
    figure: Markup | None
    intervals: str


@dataclass(frozen=True)
class _RunFigures:
    """The curves of one run, and its confusion matrix, where it has one that is not shown elsewhere."""

    run: Run
    panels: list[Markup]
    confusion: ConfusionMatrix | None


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
        ReportError: no such folder, no records in it, or ``out`` is a folder.
        RecordError: no such study, several and none chosen, or a file of a run or a study that cannot be read.
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
        runs, shown = [run.run for run in found.runs if run.run], page["shown"]
    records = [run.record for run in runs]
    text = _template().render(
        theme=_THEME.read_text(encoding="utf-8"),
        opening=page["opening"] if page else runs_opening(runs),
        study=page,
        corpora=_unique((record.corpus.name, record.corpus.note) for record in records),
        protocols=protocols(records),
        synthetic=_unique(record.corpus.name for record in records if record.corpus.synthetic),
        only_synthetic=all(record.corpus.synthetic for record in records),
        notes=_notes(runs),
        groups=[] if page else _groups(runs),
        pretraining=pretraining_cells(runs),
        figures=[_figures(run, in_study=page is not None) for run in shown],
        open_figures=page is None and len(runs) <= _MOST_RUNS_OPEN,
        missed=clips_missed_by_all(page["compared"] if page else runs),
        most_listed=_MOST_CLIPS_LISTED,
        runs=runs,
        shown=shown,
        settings={run.place: json.dumps(run.record.settings, indent=2, ensure_ascii=False) for run in shown},
    )
    for name, content in files.items():
        atomic_write(out.parent / name, content)
    atomic_write(out, text.encode("utf-8", "replace"))
    return out


def _template() -> Template:
    loader = PackageLoader("hamiltone.report")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html")


def protocol_lines(folder: Path, study: str | None = None) -> list[str]:
    """Which protocol each corpus was split by, a line for each kind of split, as the page says it.

    Raises:
        ReportError, RecordError: as ``write_report``.
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
            Accuracy(run.label, test.accuracy.value, test.accuracy.low, test.accuracy.high, test.chance)
            for run in found
            if (test := run.record.test)
        ]
        figure = overview(f"Accuracy on {place}: {corpus}", estimates) if estimates else None
        groups.append(_Group(corpus, place, rows, figure, interval_note(found)))
    return groups


def _figures(run: Run, *, in_study: bool) -> _RunFigures:
    """``in_study``: the confusion matrices of recognisers are shown elsewhere, over all runs of a cell."""
    record = run.record
    matrix = None
    if record.evaluated and not (in_study and record.task == "emotion"):
        name = f"Confusion matrix ({'test' if record.test else 'validation'} clips): {run.label}"
        matrix = ConfusionMatrix(name, record.evaluated.labels, record.evaluated.confusion)
    return _RunFigures(run, _panels(run), matrix)


def _panels(run: Run) -> list[Markup]:
    record = run.record
    numbers = [epoch.epoch for epoch in record.epochs]
    if record.task == "rh-emo":
        panels = [
            ("Reconstruction", "reconstruction BCE", _both(record, "reconstruction"), False),
            *((f"Axis {term}", f"{term} loss", _both(record, term), False) for term in AXES),
        ]
    else:
        measures = {"accuracy": "accuracy", "UAR": "uar"}
        validation = [Curve(name, _values(record, "validation", key)) for name, key in measures.items()]
        panels = [
            ("Loss", "cross-entropy", _both(record, "cross_entropy"), False),
            ("Anti-transfer", "anti-transfer term", _both(record, "anti_transfer"), False),
            ("Validation", "share of validation clips", validation, True),
        ]
    drawn = []
    for title, unit, series, share in panels:
        known = [curve for curve in series if any(value is not None for value in curve.values)]
        if known:
            drawn.append(curves(f"{title}: {run.label}", unit, numbers, known, record.best_epoch, share=share))
    return drawn


def _both(record: RunRecord, name: str) -> list[Curve]:
    return [Curve("training", _values(record, "train", name)), Curve("validation", _values(record, "validation", name))]


def _values(record: RunRecord, part: Literal["train", "validation"], name: str) -> list[float | None]:
    return [getattr(epoch, part).get(name) for epoch in record.epochs]


def _notes(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Every note once, with the runs that it is about."""
    notes: dict[str, list[str]] = {}
    for run in runs:
        for note in _unique(run.record.notes):
            notes.setdefault(note, []).append(run.label)
    return notes


def _unique(items: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(items))
