"""A study's folder as it is read: plans, states, labels, mistakes."""

import json

import pytest

from hamiltone.records import Failure, RecordError, find_plan
from hamiltone.report import resource_rows, table1_rows, write_report
from hamiltone.report._layer_table import layer_cells
from hamiltone.report._run_tables import NOTHING, as_text
from hamiltone.report._study_results import read_study

from .conftest import made_probe


def read(folder):
    plan = find_plan(folder)
    assert plan is not None
    return read_study(folder, plan)


def edit(folder, change):
    path = folder / "studies" / "made.json"
    plan = json.loads(path.read_text())
    change(plan)
    path.write_text(json.dumps(plan))
    return path


def test_what_rests_on_a_failed_run_is_skipped_however_far_below(made):
    failed = made.pretraining("word", state="failed")
    single = made.recogniser("single W", 2, state="absent", needs=[failed])
    made.recogniser("dual WS", 2, state="absent", needs=[single])
    made.recogniser("single S", 2, state="absent")
    made.recogniser(skill=0.6)
    study = read(made.write())
    assert [run.state for run in study.runs] == ["failed", "skipped", "skipped", "absent", "done"]
    assert study.counts == {"planned": 5, "done": 1, "failed": 1, "skipped": 2, "absent": 1}
    assert study.runs[0].reason == "the loss is not a number in epoch 3: lower the learning rate"
    assert study.runs[2].reason == "rests on word, which failed"
    assert [run.run is not None for run in study.runs] == [False, False, False, False, True]


def test_a_run_that_was_repeated_after_its_failure_is_done(made):
    failure = Failure(reason="out of memory", command="hamiltone study run")
    place = made.recogniser(failure=failure, probe=made_probe())
    made.recogniser("single S", 2, state="absent", needs=[place])
    study = read(made.write())
    assert [run.state for run in study.runs] == ["done", "absent"]
    assert study.runs[0].reason == ""


def test_a_run_whose_probe_failed_is_shown_with_its_reason(made):
    made.recogniser(failure=Failure(reason="out of memory", command="hamiltone study run"))
    study = read(made.write())
    assert [(run.state, run.reason) for run in study.runs] == [("done", "trained, but not probed: out of memory")]
    assert "trained, but not probed: out of memory" in write_report(made.folder).read_text(encoding="utf-8")


def test_labels_name_what_differs(made):
    made.pretraining("rh-emo-1")
    made.recogniser(seed=0)
    made.recogniser(seed=1, reseed=2)
    made.recogniser("dual SW", 9, seed=1)
    assert [run.label for run in read(made.write()).runs] == [
        "rh-emo-1",
        "quaternion, no AT, seed 0",
        "quaternion, no AT, seed 1, again 2",
        "quaternion, dual SW, layer 9, seed 1",
    ]


def test_runs_of_other_studies_are_counted_and_passed_over(made, make):
    made.recogniser()
    make.write(made.folder / "runs" / "stranger", *make.full("stranger"))
    make.write(made.folder / "runs" / ".draft", *make.full("draft"))
    study = read(made.write())
    assert (study.others, len(study.runs)) == (1, 1)
    text = write_report(made.folder).read_text(encoding="utf-8")
    assert "1 other run in the folder is not part of this study" in " ".join(text.split())
    assert "stranger" not in text


def test_one_of_several_studies_must_be_chosen(made, make):
    made.recogniser(epochs=0)
    made.write()
    other = make.made_study(made.folder, "other")
    other.recogniser("single S", 2)
    other.write()
    with pytest.raises(RecordError, match=r"several studies \(made, other\)"):
        write_report(made.folder)
    with pytest.raises(RecordError, match=r"no study third .* there are made, other"):
        write_report(made.folder, study="third")
    page = write_report(made.folder, study="other")
    assert "study other" in page.read_text(encoding="utf-8")
    assert {row["AT"] for row in table1_rows(made.folder, "other") if row["Accuracy, actor"][0] != "\N{EN DASH}"} == {
        "single S"
    }
    with pytest.raises(RecordError, match="no study made"):
        write_report(made.folder / "runs", study="made")


def test_a_folder_without_studies_has_no_rows_of_studies(study):
    assert find_plan(study) is None
    assert table1_rows(study) == resource_rows(study) == []


def test_a_study_before_its_first_run_has_a_page(made):
    made.recogniser(state="absent")
    made.recogniser("single S", 2, state="absent")
    page = write_report(made.write())
    text = " ".join(page.read_text(encoding="utf-8").split())
    assert "2 runs planned:</strong> 0 done, 0 failed, 0 skipped (resting on a failed one), 2 not run yet" in text
    assert "not run yet" in (made.folder / "table1.md").read_text(encoding="utf-8")
    assert not (made.folder / "figure2.svg").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda plan: plan.update(format=2), "format: Input should be 1"),
        (lambda plan: plan.pop("runs"), "runs: Field required"),
        (lambda plan: plan["runs"][0].update(folder="../elsewhere"), "lies below the study's"),
        (lambda plan: plan["runs"][0].update(folder="/elsewhere"), "lies below the study's"),
        (lambda plan: plan["runs"][0].update(needs=["runs/nothing"]), "runs/nothing is needed and not planned"),
        (lambda plan: plan["runs"].append(plan["runs"][0]), "is planned twice"),
        (lambda plan: plan["runs"].append(plan["runs"][0] | {"folder": "runs/copy"}), "are the same cell"),
        (lambda plan: plan["runs"][0]["cell"].update(method="triple"), "method: Input should be"),
    ],
)
def test_a_plan_that_cannot_be_right_is_named_in_one_line(made, change, message):
    made.recogniser()
    path = edit(made.write(), change)
    with pytest.raises(RecordError, match=message) as caught:
        write_report(made.folder)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["failure", "probe", "record"])
def test_a_run_s_file_that_cannot_be_read_is_named(made, name):
    place = made.recogniser(state="failed" if name == "failure" else "done")
    (made.folder / place / f"{name}.json").write_text("{")
    with pytest.raises(RecordError, match="Invalid JSON") as caught:
        write_report(made.write())
    assert f"{name}.json" in str(caught.value)


def test_layers_are_told_by_validation_alone(made):
    """The mean over folds and seeds of those that are done; a test result decides nothing."""
    for fold in (0, 1):
        made.recogniser(folds=2, fold=fold, validation=0.25, skill=0.9)
        made.recogniser("single S", 2, folds=2, fold=fold, validation=0.5 + 0.25 * fold, skill=0.1)
    made.recogniser(reseed=1, folds=2, validation=0.55)
    made.recogniser("single S", 9, folds=2, validation=0.75)
    made.recogniser("single S", 9, folds=2, fold=1, state="absent")
    made.recogniser("dual SW", 9, folds=2, state="absent")
    made.recogniser("single W", 2, network="real", validation=0.5)  # of one layer there is nothing to choose
    rows = layer_cells(read(made.write()))
    place = {"Corpus": "ravdess", "Split": "actor", "Network": "quaternion"}
    assert as_text(rows) == [
        {
            **place,
            "AT layer": "2",
            "no AT": "35.0 % (3)",
            "single S": "62.5 % (2)",
            "single W": NOTHING,
            "dual SW": NOTHING,
        },
        {
            **place,
            "AT layer": "9",
            "no AT": "35.0 % (3)",
            "single S": "75.0 % (1)",
            "single W": NOTHING,
            "dual SW": NOTHING,
        },
    ]
