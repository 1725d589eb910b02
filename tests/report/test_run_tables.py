"""Rows of results, and the clips that every method misses."""

import pytest

from hamiltone.measures import UNKNOWN_SPEAKERS
from hamiltone.records import Score
from hamiltone.report import interval_notes, markdown_table, pretraining_rows, result_rows, write_report
from hamiltone.report._missed_clips import clips_missed_by_all
from hamiltone.report._runs import read_runs


def test_a_row_says_what_the_record_says(tmp_path, make):
    test = make.evaluation(
        clips=1200,
        speakers=2,
        accuracy=Score(value=0.51239, low=0.4, high=0.6249),
        uar=Score(value=0.25, note="not estimable (2 speakers)"),
        confusion=[[1, 1, 0], [2, 3, 1], [0, 0, 2]],
    )
    record, _ = make.full("mine", "dual SW", [2, 5], test=test)
    make.write(tmp_path, record)
    assert result_rows(tmp_path) == [
        {
            "Run": "mine",
            "Corpus": "ravdess",
            "Evaluated on": "unseen speakers",
            "Method": "dual SW",
            "AT layer": "2, 5",
            "Accuracy": "51.2 % [40.0, 62.5]",
            "UAR": "25.0 %",
            "Macro-F1": "75.0 % [60.0, 87.5]",
            "Chance": "60.0 %",
            "Clips": "1,200",
            "Speakers": "2",
            "Best epoch": "22 of 30",
            "Seconds per epoch": "12.3",
            "Peak memory": "700 MiB",
            "Parameters": "661,348",
        }
    ]


def test_rows_come_in_the_order_of_the_methods_and_tell_runs_of_one_name_apart(study, make):
    assert [row["Run"] for row in result_rows(study)] == ["baseline", "single-s", "single-w", "sw"]
    make.write(study / "again", *make.full("baseline", seed=7))
    assert [row["Run"] for row in result_rows(study)][:2] == ["baseline (again)", "baseline (baseline)"]


def test_a_method_that_is_not_the_usual_one_is_told(tmp_path, make):
    term = {"aggregation": "pooled", "distance": "squared_cosine", "beta": 0.5, "before_activation": True}
    runs = {
        "a": ("none", {"training": {"speaker_reversal": 0.1}}),
        "b": ("none", {"training": {"speaker_reversal": 0.0}, "anti_transfer": None}),
        "c": ("single S", {"anti_transfer": {"orthogonal": "x", "aggregation": "gram", "beta": 1.0, "from_epoch": 1}}),
        "d": ("single S", {"anti_transfer": term, "training": {"speaker_reversal": 0.1}}),
        "e": ("single S", {"anti_transfer": term}),
    }
    for name, (method, settings) in runs.items():
        make.write(tmp_path / name, *make.full(name, method, settings=settings))
    assert [(row["Run"], row["Method"]) for row in result_rows(tmp_path)] == [
        ("b", "none"),
        ("a", "speaker reversal (weight 0.1)"),
        ("c", "single S"),
        ("e", "single S (aggregation pooled, beta 0.5, before activation)"),
        ("d", "single S + speaker reversal (aggregation pooled, beta 0.5, before activation, weight 0.1)"),
    ]
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "emotion, speaker reversal (weight 0.1); stopped" in page
    assert "emotion, no anti-transfer; stopped" in page


def test_pretrained_networks_have_rows_of_their_own(study, make, tmp_path):
    rows = {row["Run"]: row for row in pretraining_rows(study)}
    assert list(rows) == ["rh-emo", "speakers", "words"]
    assert rows["rh-emo"]["Reconstruction BCE"] == "0.0521"
    assert rows["rh-emo"]["BCE of a constant"] == "0.0943"
    axes = rows["rh-emo"]["Deviation of the axes"]
    assert axes == "0.0513, 0.0204, 7.1e-04, 0.0000 (discrete, valence, arousal, dominance)"
    assert rows["words"]["Chance"] == "2.5 %"
    assert rows["words"]["Accuracy"].endswith("not estimable (3 speakers) (validation)")
    assert rows["speakers"]["Accuracy"].endswith("]")
    make.write(tmp_path / "one", make.rh_emo())
    assert "Accuracy" not in pretraining_rows(tmp_path / "one")[0]
    assert result_rows(tmp_path / "one") == []


def test_why_there_are_no_intervals_is_told_once(tmp_path, make):
    make.write(tmp_path / "two", *make.full("two", speakers=2))
    assert interval_notes(tmp_path) == "No intervals: 2 test speakers, and six are needed."
    make.write(tmp_path / "eight", *make.full("eight"))
    assert interval_notes(tmp_path) == "No intervals of two: 2 test speakers, and six are needed."
    assert interval_notes(tmp_path / "eight") == ""


def test_clips_without_speakers_are_why_there_are_no_intervals(tmp_path, make):
    nameless = make.evaluation(accuracy=Score(value=0.25, note=UNKNOWN_SPEAKERS))
    make.write(tmp_path, *make.full("nameless", test=nameless))
    assert interval_notes(tmp_path) == "No intervals: not all test clips have a speaker."


def test_markdown_has_one_line_per_row_and_escapes_what_would_split_a_cell():
    lines = markdown_table([{"a": "1|2\n3", "long name": "x"}, {"a": "4\\", "long name": "y"}]).splitlines()
    assert lines == [
        "| a      | long name |",
        "| ------ | --------- |",
        "| 1\\|2 3 | x         |",
        "| 4\\\\    | y         |",
    ]
    assert markdown_table([]) == ""


def test_missed_clips_are_those_in_which_no_prediction_is_the_truth(study):
    runs = [run for run in read_runs(study) if run.record.task == "emotion"]
    (found,) = clips_missed_by_all(runs)
    wrong = []
    for run in runs:
        table = run.predictions
        assert table is not None
        wrong.append(set(table["utterance"][table["truth"] != table["prediction"]]))
    assert set.intersection(*wrong)
    assert {clip.utterance for clip in found.missed} == set.intersection(*wrong)
    assert (found.runs, found.clips) == (("baseline", "single-s", "single-w", "sw"), 128)
    hardness = []
    for clip in found.missed:
        scores = []
        for run, (answer, score) in zip(runs, clip.answers, strict=True):
            assert run.predictions is not None
            row = run.predictions.set_index("utterance").loc[clip.utterance]
            assert (clip.speaker, clip.truth) == (row["speaker"], row["truth"])
            assert answer == row["prediction"]
            assert score == pytest.approx(float(row[f"score_{answer}"]))
            scores.append(float(row[f"score_{clip.truth}"]))
        hardness.append(sum(scores) / len(scores))
    assert hardness == sorted(hardness)


def test_runs_are_compared_on_one_test_set_only(tmp_path, make):
    make.write(tmp_path / "a", *make.full("a", seed=1))
    make.write(tmp_path / "b", *make.full("b", seed=2, split=make.split(hash="other")))
    assert clips_missed_by_all(read_runs(tmp_path)) == []
    record, predictions = make.full("c", seed=3)
    make.write(
        tmp_path / "c", record, predictions.iloc[5:20].drop(columns=[f"score_{label}" for label in make.emotions])
    )
    (found,) = clips_missed_by_all(read_runs(tmp_path))
    assert (found.runs, found.clips) == (("a", "c"), 15)
    assert all(clip.answers[0][1] is not None and clip.answers[1][1] is None for clip in found.missed)


def test_a_page_says_when_some_method_is_right_everywhere(tmp_path, make):
    record, predictions = make.full("a", epochs=[])
    make.write(tmp_path / "a", record, predictions)
    make.write(tmp_path / "b", make.changed(record, name="b"), predictions.assign(prediction=predictions["truth"]))
    assert "None of the 128 clips is missed by all of a, b." in write_report(tmp_path).read_text(encoding="utf-8")


@pytest.mark.parametrize("leading_zero", ["01", "007"])
def test_names_that_look_like_numbers_stay_names(tmp_path, make, leading_zero):
    record, predictions = make.full()
    make.write(tmp_path, record, predictions.assign(speaker=leading_zero, utterance="NA"))
    (run,) = read_runs(tmp_path)
    assert run.predictions is not None
    assert set(run.predictions["speaker"]) == {leading_zero}
    assert set(run.predictions["utterance"]) == {"NA"}


def test_a_notebook_shows_a_record_with_its_intervals_and_notes(make):
    record, _ = make.full("<mine>", speakers=2)
    html = record._repr_html_()
    assert "<b>&lt;mine&gt;</b>: ravdess, actor split" in html and "note: 2 silent clips" in html
    assert html.count("95 % interval not estimable (2 speakers)") == 3
