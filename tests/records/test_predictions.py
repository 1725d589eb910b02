"""Predictions: labels, utterances and speakers are text whatever they look like; scores are numbers."""

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hamiltone.records import RecordError, read_predictions, write_predictions

LOOKALIKES = ["01", "007", "1.0", "nan", "None", "NA", "null", "", " calm ", "1e5", "True", 'a "b", c', "怒り"]
LABELS = st.sampled_from(LOOKALIKES) | st.text(st.characters(exclude_categories=("C", "Z")), max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(LABELS, LABELS, LABELS, LABELS, st.integers(0, 10**6)), min_size=1, max_size=5))
def test_what_is_written_is_what_is_read(tmp_path, rows):
    table = pd.DataFrame(rows, columns=["utterance", "speaker", "truth", "prediction", "score_nan"])
    table["score_nan"] /= 10**6
    write_predictions(table, tmp_path / "predictions.csv")
    again = read_predictions(tmp_path / "predictions.csv")
    assert list(again.columns) == list(table.columns)
    for name in table.columns:
        assert again[name].tolist() == table[name].tolist()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read: No columns"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"utterance,truth\na,b\n", "has no column speaker, prediction"),
        (b"utterance,speaker,truth,prediction\na,b,c,d\na,b,c,d,e,f\n", "cannot be read: Error tokenizing"),
        (b"utterance,speaker,truth,prediction,score_x\na,b,c,d,high\n", "cannot be read: could not convert"),
    ],
)
def test_a_damaged_or_foreign_table_is_one_line_that_names_it(tmp_path, content, message):
    path = tmp_path / "predictions.csv"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=message) as caught:
        read_predictions(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(RecordError, match=r"absent\.csv: cannot be read"):
        read_predictions(tmp_path / "absent.csv")


def test_small_scores_stay_apart(tmp_path):
    """What is said to be nearly impossible counts, where a temperature is fitted to it."""
    rows = [{"utterance": "a", "speaker": "s", "truth": "x", "prediction": "x", "score_x": 1 - 1e-9, "score_y": 1e-9}]
    write_predictions(pd.DataFrame(rows), tmp_path / "p.csv")
    assert read_predictions(tmp_path / "p.csv")["score_y"].tolist() == pytest.approx([1e-9], rel=1e-6)
