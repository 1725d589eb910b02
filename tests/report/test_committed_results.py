"""The results under docs/: records of this format, and pages that say what they say."""

import re
from pathlib import Path

import pytest

from hamiltone.records import find_plan
from hamiltone.report import pretraining_rows, resource_rows, result_rows
from hamiltone.report._layer_table import layer_cells
from hamiltone.report._run_tables import as_text
from hamiltone.report._study_results import read_study
from hamiltone.report._table1 import table1
from hamiltone.report._table1_files import table1_csv, table1_tex

DOCS = Path(__file__).parents[2] / "docs" / "evidence"


def page_rows(page: str) -> list[dict[str, str]]:
    """The rows of all Markdown tables of a page, by heading."""
    rows, headings = [], []
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
        if not cells:
            headings = []
        elif not headings:
            headings = cells
        elif not re.fullmatch(r"[|\s-]+", line):
            rows.append(dict(zip(headings, cells, strict=True)))
    return rows


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("ravdess-quarter", 27),
        ("ravdess-folds", 188),
        ("ravdess-three", 184),
        ("ravdess-continued", 94),
        ("ravdess-controls", 66),
        ("emodb-folds", 100),
    ],
)
def test_a_study_gives_its_tables_again(name: str, runs: int):
    folder = DOCS / name
    plan = find_plan(folder)
    assert plan is not None
    study = read_study(folder, plan)
    assert study.counts["done"] == study.counts["planned"] == runs
    table = table1(study)
    assert table1_csv(table) == (folder / "table1.csv").read_text(encoding="utf-8")
    assert table1_tex(table) == (folder / "table1.tex").read_text(encoding="utf-8")
    assert resource_rows(folder) == page_rows(f"{name}/resources.md")


def test_the_screening_gives_its_table_of_layers_again():
    folder = DOCS / "ravdess-screen"
    plan = find_plan(folder)
    assert plan is not None
    study = read_study(folder, plan)
    assert study.counts["done"] == study.counts["planned"] == 62
    assert as_text(layer_cells(study)) == page_rows("ravdess-screen/layers.md")


def test_the_first_results_are_those_of_their_page():
    known = {
        row["Run"]: row for row in [*pretraining_rows(DOCS / "first-results"), *result_rows(DOCS / "first-results")]
    }
    rows = page_rows("first-results.md")
    assert len(rows) == len(known) == 16
    for row in rows:
        # The page names runs by their folders, the report by name and folder.
        (found,) = [run for name, run in known.items() if row["Run"] in (name, re.sub(r".*\((.*)\)", r"\1", name))]
        assert row.items() - {("Run", row["Run"])} <= found.items()
