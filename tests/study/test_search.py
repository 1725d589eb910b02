"""A search: its trials, the runs that they make, and which of them count in the report."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from hamiltone.records import StudyPlan, read_record
from hamiltone.report import table1_rows, write_report
from hamiltone.study import LocalExecutor, run_study
from hamiltone.study._graph import build_graph
from hamiltone.study._search import Search, laid_out

from .conftest import Make

RATES = {"training.learning_rate": (1e-3, 1e-5)}


def test_a_grid_has_every_combination():
    trials = Search(space={**RATES, "training.batch": (8, 16)}).all_trials()
    assert [laid_out(trial)["training"] for trial in trials] == [
        {"learning_rate": rate, "batch": batch} for rate in (1e-3, 1e-5) for batch in (8, 16)
    ]


def test_what_is_drawn_depends_on_the_seed_and_lies_in_its_range():
    space = {"training.learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}, "training.batch": (8, 16)}
    drawn = [Search.model_validate({"method": "random", "trials": 200, "seed": s, "space": space}) for s in (0, 0, 1)]
    first, again, other = (search.all_trials() for search in drawn)
    assert first == again != other
    rates = [dict(trial)["training.learning_rate"] for trial in first]
    assert all(1e-5 <= rate <= 1e-2 for rate in rates)
    assert 50 < sum(rate < 10**-3.5 for rate in rates) < 150  # the middle of the logarithms
    assert len(Search(method="random", trials=50, space={"training.batch": (8, 16)}).all_trials()) == 2


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"space": {"network.width": [1.0]}}, "only keys of training, anti_transfer"),
        ({"space": {"anti_transfer.layers": [[2]]}}, "compare networks and fronts as"),
        ({"space": {"training.batch": []}}, "no value to try"),
        ({"space": {"training.dropout": {"low": 0.0, "high": 1.0}}}, "a range is for method = random"),
        ({"method": "random", "space": {"training.learning_rate": {"low": 0.0, "high": 1.0, "log": True}}}, "above 0"),
    ],
)
def test_what_cannot_be_searched_is_refused(changes, told):
    with pytest.raises(ValidationError, match=told):
        Search.model_validate(changes)


def test_trials_multiply_recognisers_alone_and_dual_transfer_keeps_its_trial(study_of: Make):
    plain, searched = build_graph(study_of()), build_graph(study_of(search={"space": RATES}))
    kinds = [sum(node.kind == kind for node in searched.nodes) for kind in ("word", "speaker")]
    assert kinds == [1, 1]
    assert len(searched.nodes) == 2 * len(plain.nodes) - sum(kinds)
    by_folder = {node.folder: node for node in searched.nodes}
    for node in searched.nodes:
        if node.cell and node.cell.method.startswith("dual"):
            (first,) = [by_folder[need] for need in node.needs if by_folder[need].kind == "recogniser"]
            assert first.cell is not None and first.cell.trial == node.cell.trial


def test_the_report_counts_the_trial_that_validation_chose_and_shows_all(study_of: Make, tmp_path: Path):
    study = study_of(methods=["none"], search={"space": RATES})
    assert run_study(study, tmp_path, LocalExecutor(tmp_path, 1), quiet=True).complete
    plan = StudyPlan.read(tmp_path / "studies" / "tiny.json", "")
    records = [read_record(tmp_path / run.folder) for run in plan.runs]
    assert len(records) == 2
    accuracies = [record.validation.accuracy.value for record in records if record.validation]
    best = records[max(range(2), key=accuracies.__getitem__)]
    assert best.test is not None
    (row,) = table1_rows(tmp_path)
    assert row["Accuracy, random"].startswith(f"{100 * best.test.accuracy.value:.1f} %")
    write_report(tmp_path)
    lines = (tmp_path / "search.md").read_text(encoding="utf-8").splitlines()
    chosen = [line for line in lines if "| yes" in line]
    rate = best.settings["training"]["learning_rate"]
    assert len(chosen) == 1 and f"training.learning_rate = {json.dumps(rate)}" in chosen[0]
    assert sum("training.learning_rate = " in line for line in lines) == 2
    assert "Search over settings" in (tmp_path / "report.html").read_text(encoding="utf-8")
