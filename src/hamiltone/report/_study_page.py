"""The study's part of the report page, and the files beside the page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hamiltone.files import content_key
from hamiltone.measures import Interval, confusion_matrix
from hamiltone.records import METHOD_NAMES, find_plan

from ._confusion import ConfusionMatrix
from ._figure2 import Figure2, figure2
from ._layer_table import LAYER_WORDS, layer_cells
from ._opening import study_opening
from ._probe_results import PROBE_WORDS, ProbeResults, ProbeRow, probe_results
from ._resource_table import ResourceTable, resource_table
from ._resource_text import resource_cells, resources_csv
from ._run_tables import NOTHING, CellText, as_text, markdown_table, percent
from ._runs import Run
from ._search_table import SEARCH_WORDS, search_cells
from ._study_figures import figure2_files, figure2_inline, probes_inline
from ._study_results import StudyResults, StudyRun, read_study
from ._table1 import BEST_OF, Table1, TableCell, table1
from ._table1_files import table1_csv, table1_tex
from ._table1_text import table1_cells, table1_words


@dataclass(frozen=True)
class RunsBehind:
    """The runs behind one figure or table."""

    name: str
    anchor: str
    runs: tuple[StudyRun, ...]


def study_page(study: StudyResults) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What the page shows of a study, by the names in its templates, and the files beside it: name -> content.

    Curves are drawn of the runs ``shown``: of each cell the first that it is made of, and all pre-training; the other
    recognisers are a table. The wrong clips of the runs ``compared`` are compared.
    """
    table, layers, costs = table1(study), figure2(study), resource_table(study)
    read = probe_results(study, table)
    first = [cell.selection.runs[0] for cell in table.cells if cell.selection.runs and cell.method != BEST_OF]
    drawn = {run.planned.folder for run in first}
    page = {
        "study": study,
        "opening": study_opening(table, study.plan.settings.get("splits", ())),
        "key": content_key(study.plan.settings),
        "failures": [
            run for state in ("failed", "done", "skipped") for run in study.runs if run.state == state and run.reason
        ],
        "tables": {corpus: table1_cells(table, corpus) for corpus in dict.fromkeys(row[0] for row in table.rows)},
        "table_words": table1_words(table),
        "layers": layers,
        "figure": figure2_inline(layers) if layers.lines else None,
        "layer_rows": layer_cells(study),
        "layer_words": LAYER_WORDS,
        "resource_rows": resource_cells(costs),
        "resource_words": costs.words if costs.rows else [],
        "search_rows": search_cells(study),
        "search_words": SEARCH_WORDS,
        "probe_figures": _probe_figures(read) if read else [],
        "probe_rows": [_probe_row(row) for row in read.rows] if read else [],
        "probe_words": PROBE_WORDS,
        "probes_missing": read.missing if read else (),
        "matrices": _matrices(table),
        "shown": [run.run for run in (*first, *study.pretraining) if run.run],
        "others": [_other(run) for run in study.recognisers if run.planned.folder not in drawn],
        "compared": _compared(table),
        "sources": _sources(table, layers, costs, read),
    }
    return page, _files(study.plan.study, table, layers, costs, page)


def table1_rows(folder: Path, study: str | None = None) -> list[dict[str, str]]:
    """The rows of Table 1 as text, for a terminal; none if the folder holds no study.

    Raises:
        RecordError: as ``write_report``.
    """
    plan = find_plan(folder, study)
    return as_text(table1_cells(table1(read_study(folder, plan)))) if plan else []


def resource_rows(folder: Path, study: str | None = None) -> list[dict[str, str]]:
    """The rows of the table of resources as text, for a terminal; none if the folder holds no study.

    Raises:
        RecordError: as ``write_report``.
    """
    plan = find_plan(folder, study)
    return as_text(resource_cells(resource_table(read_study(folder, plan)))) if plan else []


def _files(
    name: str, table: Table1, layers: Figure2, costs: ResourceTable, page: Mapping[str, Any]
) -> dict[str, bytes]:
    texts = {
        "table1.md": _document(f"Table 1: {name}", table1_cells(table), page["table_words"]),
        "table1.csv": table1_csv(table),
        "table1.tex": table1_tex(table),
        "resources.md": _document(f"Resources: {name}", page["resource_rows"], page["resource_words"]),
        "resources.csv": resources_csv(costs),
    }
    for file, title, kind in (
        ("search.md", "Search", "search"),
        ("layers.md", "AT layers by validation", "layer"),
        ("probes.md", "Probes", "probe"),
    ):
        if rows := page[f"{kind}_rows"]:
            texts[file] = _document(f"{title}: {name}", rows, [page[f"{kind}_words"]])
    files = {file: text.encode("utf-8", "replace") for file, text in texts.items()}
    if layers.lines:
        files |= {f"figure2.{kind}": content for kind, content in figure2_files(layers).items()}
    return files


def _document(title: str, rows: Sequence[Mapping[str, CellText]], words: Iterable[str]) -> str:
    table = markdown_table(as_text(rows))
    return "\n".join([f"# {title}", "", table or "No runs yet.", "", *(f"- {sentence}" for sentence in words), ""])


def _matrices(table: Table1) -> dict[str, list[ConfusionMatrix]]:
    groups: dict[str, list[ConfusionMatrix]] = {}
    for cell in table.cells:
        if not cell.clips.empty and cell.method != BEST_OF:
            labels = _labels(cell)
            counts = confusion_matrix(cell.clips["truth"].tolist(), cell.clips["prediction"].tolist(), labels).tolist()
            matrices = groups.setdefault(f"{cell.corpus}, {cell.split} split, {cell.network}", [])
            matrices.append(ConfusionMatrix(cell.name, labels, counts))
    return groups


def _labels(cell: TableCell) -> list[str]:
    """The classes in the order of the records, and any that only the predictions have."""
    known = [label for run in cell.selection.runs if run.record for label in run.record.labels]
    found = sorted({*cell.clips["truth"], *cell.clips["prediction"]})
    return list(dict.fromkeys([*known, *found]))


def _compared(table: Table1) -> list[Run]:
    """Of each cell the runs of its first seed, all folds."""
    found = []
    for cell in table.cells:
        if cell.method in METHOD_NAMES:
            seed = min((run.condition.seed for run in cell.selection.runs), default=None)
            name = f"{cell.network}, {'no AT' if cell.method == 'none' else cell.method}"
            found += [
                replace(run.run, label=name) for run in cell.selection.runs if run.run and run.condition.seed == seed
            ]
    return found


def _probe_figures(read: ProbeResults) -> list[Markup]:
    places = dict.fromkeys((panel.corpus, panel.split) for panel in read.panels)
    return [probes_inline([panel for panel in read.panels if (panel.corpus, panel.split) == place]) for place in places]


def _probe_row(row: ProbeRow) -> dict[str, CellText]:
    cells = {
        "Network": CellText(row.network),
        "AT": CellText(row.method),
        "Probe for": CellText(row.target),
        "Corpus": CellText(row.corpus),
        "Split": CellText(row.split),
        "AT layer": CellText(", ".join(map(str, row.layers)) or NOTHING),
    }
    for place, found in (("AT layer", row.at_layer), ("Last hidden", row.last_hidden)):
        cells[f"{place}, without AT"] = CellText(percent(found and found[0]))
        cells[f"{place}, with AT"] = CellText(percent(found and found[1]))
        cells[f"{place}, difference"] = _points(found[2]) if found else CellText(NOTHING)
    return cells | {"Chance": CellText(percent(row.chance))}


def _points(difference: Interval) -> CellText:
    text = f"{100 * difference.estimate:+.1f}"
    if difference.low is None or difference.high is None:
        return CellText(text)
    return CellText(text, f"[{100 * difference.low:+.1f}, {100 * difference.high:+.1f}]")


def _other(run: StudyRun) -> dict[str, CellText]:
    record = run.record
    validation, test = record and record.validation, record and record.test
    return {
        "Run": CellText(run.label),
        "State": CellText(run.state, run.reason),
        "Validation accuracy": CellText(percent(validation and validation.accuracy.value)),
        "Test accuracy": CellText(percent(test and test.accuracy.value)),
        "Best epoch": CellText(str(record.best_epoch) if record else NOTHING),
        "Folder": CellText(run.planned.folder),
    }


def _sources(table: Table1, layers: Figure2, costs: ResourceTable, read: ProbeResults | None) -> list[RunsBehind]:
    of_table = {run.planned.folder: run for cell in table.cells for run in cell.selection.runs}
    sources = [RunsBehind("Table 1 and the confusion matrices", "source-table-1", tuple(of_table.values()))]
    if layers.lines:
        sources.append(RunsBehind("Figure 2", "source-figure-2", layers.runs))
    of_costs = tuple(run for row in costs.rows for run in row.runs)
    sources.append(RunsBehind("Resources", "source-resources", of_costs))
    if read:
        sources.append(RunsBehind("Probes", "source-probes", read.runs))
    return sources
