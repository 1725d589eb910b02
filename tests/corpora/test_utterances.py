from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hamiltone.corpora import COLUMNS, CorpusError, Utterances

ROWS = [
    {"utterance": "c", "path": "/x/c.wav", "speaker": "2", "emotion": "sad", "valence": 1.5, "start": 0.5, "end": 2},
    {"utterance": "a", "path": "/x/a.wav", "speaker": "1", "emotion": "happy"},
    {"utterance": "b", "path": "/x/b.wav", "emotion": "calm", "word": "river"},
]


def corpus(rows=ROWS, **more):
    return Utterances.from_rows(rows, corpus="made", root=Path("/x"), **more)


def test_rows_become_a_sorted_table_with_every_column():
    utterances = corpus(note="three of four")
    assert list(utterances.table.columns) == list(COLUMNS)
    assert list(utterances.table["utterance"]) == ["a", "b", "c"]
    assert list(utterances.table.index) == [0, 1, 2]
    assert len(utterances) == 3
    assert utterances.table["valence"].dtype == np.float64
    assert list(utterances.table["session"].isna()) == [True] * 3
    assert list(utterances.table["speaker"].isna()) == [False, True, False]
    np.testing.assert_array_equal(utterances.table["end"], [np.nan, np.nan, 2.0])
    assert str(utterances) == "made: 3 utterances, 2 speakers (three of four)"


def test_the_given_table_is_copied():
    table = corpus().table.copy()
    utterances = Utterances(table, "made", Path("/x"))
    table.loc[0, "speaker"] = "changed"
    assert list(utterances.table["speaker"].dropna()) == ["1", "2"]


def test_columns_in_another_order_are_put_in_order():
    table = corpus().table.iloc[:, ::-1]
    pd.testing.assert_frame_equal(Utterances(table, "made", Path("/x")).table, corpus().table)


@pytest.mark.parametrize("rows", [[2, 0], np.array([2, 0]), (2, 0), np.array([-1, -3])])
def test_select_by_rows_keeps_their_order(rows):
    assert list(corpus().select(rows).table["utterance"]) == ["c", "a"]


@pytest.mark.parametrize("mask", [[True, False, True], np.array([True, False, True]), pd.Series([True, False, True])])
def test_select_by_mask(mask):
    selected = corpus(note="n").select(mask)
    assert list(selected.table["utterance"]) == ["a", "c"]
    assert (selected.corpus, selected.note, list(selected.table.index)) == ("made", "n", [0, 1])


def test_select_nothing():
    assert len(corpus().select([])) == 0
    assert len(corpus().select([False] * 3).select([])) == 0


@pytest.mark.parametrize("rows", [[3], [-4], [True], np.array([0.0, 1.0]), np.array(["a"])])
def test_select_refuses_what_is_no_row(rows):
    with pytest.raises(CorpusError, match="made: "):
        corpus().select(rows)


def test_select_refuses_a_repeated_row():
    with pytest.raises(CorpusError, match="stands twice"):
        corpus().select([0, 0])


def test_labels_are_those_present_in_canonical_or_alphabetic_order():
    order = {"emotion": ("sad", "angry", "happy", "calm")}
    assert corpus(classes=order).labels("emotion") == ["sad", "happy", "calm"]
    assert corpus().labels("emotion") == ["calm", "happy", "sad"]
    assert corpus(classes=order).select([1, 2]).labels("emotion") == ["sad", "calm"]
    assert corpus().labels("speaker") == ["1", "2"]
    assert corpus().labels("session") == []


def test_having_keeps_rows_with_a_value():
    assert list(corpus().having("word").table["utterance"]) == ["b"]
    assert list(corpus().having("valence").table["utterance"]) == ["c"]
    assert len(corpus().having("text")) == 0


def test_an_unknown_column_is_named():
    with pytest.raises(CorpusError, match="no column 'emotions'"):
        corpus().labels("emotions")
    with pytest.raises(CorpusError, match="no column 'emotions'"):
        corpus().having("emotions")
    with pytest.raises(CorpusError, match="'valence' holds numbers"):
        corpus().labels("valence")
    with pytest.raises(CorpusError, match="unknown column 'mood'"):
        corpus([{"utterance": "a", "path": "p", "mood": "x"}])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"utterance": "a"}, "'a' stands twice: /x/c.wav and /x/a.wav"),
        ({"utterance": None}, "'utterance' has no value"),
        ({"path": None}, "'path' has no value"),
        ({"path": Path("/x/c.wav")}, "'path' must hold strings"),
        ({"speaker": 2}, "'speaker' must hold strings or missing values, not 2"),
        ({"word": ""}, "'word' has an empty string"),
        ({"valence": "1.5"}, "'valence' must hold numbers or NaN, not '1.5'"),
        ({"arousal": True}, "'arousal' must hold numbers or NaN, not True"),
        ({"valence": 5.5}, "c: valence 5.5 is not on the scale"),
        ({"dominance": 0}, "c: dominance 0.0 is not on the scale"),
        ({"start": 2.0}, "c: no speech lies between 2.0 s and 2.0 s"),
        ({"start": -0.1}, "c: no speech"),
        ({"start": float("inf"), "end": None}, "c: no speech"),
        ({"end": float("inf")}, "c: no speech"),
        ({"emotion": "glad"}, "emotion 'glad' is none of sad, happy, calm"),
    ],
)
def test_wrong_values_are_refused(change, message):
    with pytest.raises(CorpusError, match=message):
        corpus([ROWS[0] | change, *ROWS[1:]], classes={"emotion": ("sad", "happy", "calm")})


def test_wrong_columns_are_refused():
    table = corpus().table
    with pytest.raises(CorpusError, match="lacks the column 'word'"):
        Utterances(table.drop(columns="word"), "made", Path("/x"))
    with pytest.raises(CorpusError, match="unknown column 'mood'"):
        Utterances(table.assign(mood="x"), "made", Path("/x"))
    with pytest.raises(CorpusError, match="a column twice"):
        Utterances(pd.concat([table, table[["word"]]], axis=1), "made", Path("/x"))
