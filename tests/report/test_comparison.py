"""Recognisers beside one another: the numbers are those of the measures, the files are whole."""

import pytest
from typer.testing import CliRunner

from hamiltone.cli import app
from hamiltone.measures import holm, paired_interval, paired_permutation_test
from hamiltone.measures import unweighted_average_recall_from_confusion as uar
from hamiltone.records import PREDICTIONS, RECORD, write_predictions
from hamiltone.report import ReportError, compare_runs

from .conftest import full_record


def put(folder, **made):
    record, predictions = full_record(**made)
    folder.mkdir(parents=True)
    record.write(folder / RECORD)
    write_predictions(predictions, folder / PREDICTIONS)
    return predictions


def test_differences_are_those_of_the_measures_and_p_is_corrected(tmp_path):
    first, second, _ = (put(tmp_path / name, seed=seed) for seed, name in enumerate("abc"))
    found = compare_runs([tmp_path / name for name in "abc"])
    one = found.differences[0]
    asked = (uar, second["truth"], second["prediction"], first["prediction"], second["speaker"])
    assert one.difference == paired_interval(*asked)
    raw = [compare_runs([tmp_path / "a", tmp_path / name]).differences[0].p for name in "bc"]
    assert raw[0] == paired_permutation_test(*asked).p
    assert [other.p for other in found.differences] == holm(raw)
    assert "corrected for 2 comparisons" in found.notes[-1]
    assert one.clips == 128 and one.left_out == 0


def test_seeds_are_compared_one_by_one(tmp_path):
    for seed in (0, 1):
        for name, shift in (("a", 0), ("b", 10)):
            record, predictions = full_record(seed=seed + shift)
            record = record.model_copy(update={"settings": {**record.settings, "seed": seed}})
            folder = tmp_path / name / str(seed)
            folder.mkdir(parents=True)
            record.write(folder / RECORD)
            write_predictions(predictions, folder / PREDICTIONS)
    (one,) = compare_runs([tmp_path / "a", tmp_path / "b"]).differences
    assert one.clips == 256 and one.difference.speakers == 8
    (tmp_path / "a" / "0").rename(tmp_path / "b" / "again")
    with pytest.raises(ReportError, match="several runs of one seed and fold"):
        compare_runs([tmp_path / "a", tmp_path / "b"])


def test_two_speakers_give_a_difference_and_one_line_that_there_is_no_interval(tmp_path):
    put(tmp_path / "a", speakers=2)
    put(tmp_path / "b", speakers=2, seed=1)
    found = compare_runs([tmp_path / "a", tmp_path / "b"])
    assert found.differences[0].p is None and found.rows()[1]["95 % interval"] == ""
    assert found.notes == [
        "difference and no more: interval and test not estimable (2 speakers); six speakers are needed"
    ]


def test_what_cannot_be_compared_is_refused(tmp_path):
    put(tmp_path / "a")
    with pytest.raises(ReportError, match="Name two runs"):
        compare_runs([tmp_path / "a"])
    with pytest.raises(ReportError, match=r"nowhere: holds no predictions\.csv"):
        compare_runs([tmp_path / "a", tmp_path / "nowhere"])
    predictions = put(tmp_path / "b")
    write_predictions(predictions.assign(utterance="x" + predictions["utterance"]), tmp_path / "b" / PREDICTIONS)
    with pytest.raises(ReportError, match="share no test clip of one seed and fold: give both the same split"):
        compare_runs([tmp_path / "a", tmp_path / "b"])
    with pytest.raises(ReportError, match="a is named twice"):
        compare_runs([tmp_path / "a", tmp_path / "b", tmp_path / "a"])
    record, predictions = full_record()
    write_predictions(predictions, tmp_path / "b" / PREDICTIONS)
    record.model_copy(update={"settings": {**record.settings, "seed": 7}}).write(tmp_path / "b" / RECORD)
    with pytest.raises(
        ReportError, match="seed 7 against seed 0; runs are compared seed by seed, so give both the same"
    ):
        compare_runs([tmp_path / "a", tmp_path / "b"])


def test_the_command_prints_a_table_and_writes_table_and_picture(tmp_path):
    put(tmp_path / "a")
    put(tmp_path / "b", seed=1)
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "| 95 % interval" in result.output
    assert {path.name for path in out.iterdir()} == {f"comparison.{kind}" for kind in ("md", "csv", "svg", "png")}
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")
