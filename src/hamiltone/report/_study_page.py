"""A study's part of the report: what the page shows of it, and the files beside the page."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup

from hamiltone.files import atomic_write, content_key
from hamiltone.measures import confusion_matrix

from ._figures import MOST_CLASSES_DRAWN, confusion
from ._layers import Figure2, figure2
from ._probes import ProbeRow, Probes, probes
from ._records import METHODS, Run
from ._resources import Resources, resources
from ._resources_text import resource_cells, resources_csv
from ._study import Study, StudyRun, find_plan, read_study
from ._study_figures import figure2_files, figure2_inline, probes_inline
from ._table1 import BEST_OF, Table1, TableCell, table1
from ._table1_text import table1_cells, table1_csv, table1_tex, table1_words
from ._tables import NOTHING, Cell, as_text, markdown_table, percent


@dataclass(frozen=True)
class Matrices:
    """The confusion matrices of one corpus, split and network: a figure, or why it is not drawn, per cell."""

    name: str
    cells: tuple[tuple[TableCell, Markup | None], ...]


@dataclass(frozen=True)
class Source:
    """The runs behind one figure or table."""

    name: str
    anchor: str
    runs: tuple[StudyRun, ...]


@dataclass(frozen=True)
class StudyPage:
    """Everything that the page tells of a study.

    Attributes:
        study: the study.
        key: the hash of its settings.
        failures: the runs that failed, with reasons, then those that were skipped.
        tables: Table 1, corpus by corpus.
        table_words: how it was made and what it can say.
        figure: Figure 2, if there is anything to draw, with ``layers`` as its numbers.
        resource_rows: the table of resources.
        resource_words: how to read it.
        probe_figures: what can be read from the features, one figure per corpus and split.
        probe_rows: the same as a table.
        probes_missing: what could not be probed, and why.
        matrices: the confusion matrices of Table 1's cells.
        shown: the runs whose curves are drawn: of each cell the first that it is made of, and all pre-training.
        others: the recognisers whose curves are not drawn, as a table.
        compared: the runs whose wrong clips are compared, named by network and method.
        sources: what each figure and table is made of.
    """

    study: Study
    key: str
    failures: list[StudyRun]
    tables: dict[str, list[dict[str, Cell]]]
    table_words: list[str]
    layers: Figure2
    figure: Markup | None
    resource_rows: list[dict[str, Cell]]
    resource_words: list[str]
    probe_figures: list[Markup]
    probe_rows: list[dict[str, Cell]]
    probes_missing: tuple[str, ...]
    matrices: list[Matrices]
    shown: list[Run]
    others: list[dict[str, Cell]]
    compared: list[Run]
    sources: list[Source]


def study_page(study: Study) -> tuple[StudyPage, dict[str, bytes]]:
    """What the page shows of a study, and the files beside it: name -> content."""
    table, layers, costs = table1(study), figure2(study), resources(study)
    read = probes(study, table)
    first = [cell.selection.runs[0] for cell in table.cells if cell.selection.runs and cell.method != BEST_OF]
    drawn = {run.planned.folder for run in first}
    page = StudyPage(
        study=study,
        key=content_key(study.settings),
        failures=[run for state in ("failed", "skipped") for run in study.runs if run.state == state],
        tables={corpus: table1_cells(table, corpus) for corpus in dict.fromkeys(row[0] for row in table.rows)},
        table_words=table1_words(table),
        layers=layers,
        figure=figure2_inline(layers) if layers.lines else None,
        resource_rows=resource_cells(costs),
        resource_words=costs.words if costs.rows else [],
        probe_figures=_probe_figures(read) if read else [],
        probe_rows=[_probe_row(row) for row in read.rows] if read else [],
        probes_missing=read.missing if read else (),
        matrices=_matrices(table),
        shown=[run.run for run in (*first, *study.pretraining) if run.run],
        others=[_other(run) for run in study.recognisers if run.planned.folder not in drawn],
        compared=_compared(table),
        sources=_sources(table, layers, costs, read),
    )
    return page, _files(table, page, costs)


def table1_rows(folder: Path, study: str | None = None) -> list[dict[str, str]]:
    """The rows of Table 1 as text, for a terminal; none if the folder holds no study.

    Raises:
        ReportError: as ``write_report``.
    """
    plan = find_plan(folder, study)
    return as_text(table1_cells(table1(read_study(folder, plan)))) if plan else []


def resource_rows(folder: Path, study: str | None = None) -> list[dict[str, str]]:
    """The rows of the table of resources as text, for a terminal; none if the folder holds no study.

    Raises:
        ReportError: as ``write_report``.
    """
    plan = find_plan(folder, study)
    return as_text(resource_cells(resources(read_study(folder, plan)))) if plan else []


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Put the files beside the page."""
    for name, content in files.items():
        atomic_write(folder / name, content)


def _files(table: Table1, page: StudyPage, costs: Resources) -> dict[str, bytes]:
    texts = {
        "table1.md": _document(
            f"Table 1: {page.study.name}", markdown_table(as_text(table1_cells(table))), page.table_words
        ),
        "table1.csv": table1_csv(table),
        "table1.tex": table1_tex(table),
        "resources.md": _document(
            f"Resources: {page.study.name}", markdown_table(as_text(page.resource_rows)), page.resource_words
        ),
        "resources.csv": resources_csv(costs),
    }
    files = {name: text.encode("utf-8", "replace") for name, text in texts.items()}
    if page.figure is not None:
        files |= {f"figure2.{kind}": content for kind, content in figure2_files(page.layers).items()}
    return files


def _document(title: str, table: str, words: Iterable[str]) -> str:
    return "\n".join([f"# {title}", "", table or "No runs yet.", "", *(f"- {sentence}" for sentence in words), ""])


def _matrices(table: Table1) -> list[Matrices]:
    groups: dict[str, list[tuple[TableCell, Markup | None]]] = {}
    for cell in table.cells:
        if not cell.clips.empty and cell.method != BEST_OF:
            labels = _labels(cell)
            counts = confusion_matrix(cell.clips["truth"].tolist(), cell.clips["prediction"].tolist(), labels).tolist()
            figure = None
            if len(labels) <= MOST_CLASSES_DRAWN:
                figure = confusion(f"Confusion matrix (test clips): {cell.name}", counts, labels)
            groups.setdefault(f"{cell.corpus}, {cell.split} split, {cell.network}", []).append((cell, figure))
    return [Matrices(name, tuple(cells)) for name, cells in groups.items()]


def _labels(cell: TableCell) -> list[str]:
    """The classes in the order of the records, and any that only the predictions have."""
    known = [label for run in cell.selection.runs if run.run for label in run.run.record.labels]
    found = sorted({*cell.clips["truth"], *cell.clips["prediction"]})
    return list(dict.fromkeys([*known, *found]))


def _compared(table: Table1) -> list[Run]:
    """Of each cell the runs of its first seed, all folds."""
    found = []
    for cell in table.cells:
        if cell.method in METHODS:
            seed = min((run.condition.seed for run in cell.selection.runs), default=None)
            name = f"{cell.network}, {'no AT' if cell.method == 'none' else cell.method}"
            found += [
                replace(run.run, label=name) for run in cell.selection.runs if run.run and run.condition.seed == seed
            ]
    return found


def _probe_figures(read: Probes) -> list[Markup]:
    places = dict.fromkeys((panel.corpus, panel.split) for panel in read.panels)
    return [probes_inline([panel for panel in read.panels if (panel.corpus, panel.split) == place]) for place in places]


def _probe_row(row: ProbeRow) -> dict[str, Cell]:
    return {
        "Network": Cell(row.network),
        "AT": Cell(row.method),
        "Probe for": Cell(row.target),
        "Corpus": Cell(row.corpus),
        "Split": Cell(row.split),
        "AT layer": Cell(", ".join(map(str, row.layers)) or NOTHING),
        "AT layer, without AT": Cell(percent(row.at_layer and row.at_layer[0])),
        "AT layer, with AT": Cell(percent(row.at_layer and row.at_layer[1])),
        "Last hidden, without AT": Cell(percent(row.last_hidden and row.last_hidden[0])),
        "Last hidden, with AT": Cell(percent(row.last_hidden and row.last_hidden[1])),
        "Chance": Cell(percent(row.chance)),
    }


def _other(run: StudyRun) -> dict[str, Cell]:
    record = run.run.record if run.run else None
    validation = record.validation if record else None
    return {
        "Run": Cell(run.label),
        "State": Cell(run.state, run.reason),
        "Validation accuracy": Cell(percent(validation and validation.accuracy and validation.accuracy.value)),
        "Test accuracy": Cell(
            percent(record.test.accuracy.value if record and record.test and record.test.accuracy else None)
        ),
        "Best epoch": Cell(NOTHING if record is None or record.best_epoch is None else str(record.best_epoch)),
        "Folder": Cell(run.planned.folder),
    }


def _sources(table: Table1, layers: Figure2, costs: Resources, read: Probes | None) -> list[Source]:
    of_table = {run.planned.folder: run for cell in table.cells for run in cell.selection.runs}
    sources = [Source("Table 1 and the confusion matrices", "source-table-1", tuple(of_table.values()))]
    if layers.lines:
        sources.append(Source("Figure 2", "source-figure-2", layers.runs))
    of_costs = tuple(run for row in costs.rows for run in row.runs)
    sources.append(Source("Resources", "source-resources", of_costs))
    if read:
        sources.append(Source("Probes", "source-probes", read.runs))
    return sources
