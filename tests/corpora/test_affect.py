from pathlib import Path

import numpy as np
import pytest

from hamiltone.corpora import CorpusError, Utterances, affect_table, affect_targets

NAN = float("nan")
TABLE = "russell-mehrabian-1977"


def made(*rows) -> Utterances:
    named = [{"utterance": f"{number}", "path": "p"} | row for number, row in enumerate(rows)]
    return Utterances.from_rows(named, corpus="made", root=Path("/"))


def test_the_table_names_emotions_as_corpora_do():
    table = affect_table(TABLE)
    assert table["angry"] == table["anger"] == (-0.51, 0.59, 0.25)
    assert table["fearful"] == table["fear"] == (-0.64, 0.60, -0.43)
    assert table["happy"] == table["happiness"]
    assert table["sad"] == table["sadness"]
    assert table["surprised"] == (0.40, 0.67, -0.13)
    assert table["boredom"] == (-0.65, -0.62, -0.33)
    assert "neutral" not in table
    assert {"calm", "disgust"} <= table.keys()
    assert all(-1 <= value <= 1 for values in table.values() for value in values)


def test_ratings_are_high_above_two_and_a_half():
    utterances = made(
        {"valence": 2.5, "arousal": 2.51, "dominance": 5},
        {"valence": 1, "emotion": "happy"},
        {"emotion": "happy"},
    )
    targets = affect_targets(utterances)
    assert targets.dtype == np.float32
    np.testing.assert_array_equal(targets, [[0, 1, 1], [0, NAN, NAN], [NAN, NAN, NAN]])


def test_the_table_fills_what_is_not_rated():
    utterances = made(
        {"valence": 1, "emotion": "happy"},
        {"emotion": "sad"},
        {"emotion": "surprised"},
        {"emotion": "calm"},
        {"emotion": "neutral"},
        {},
    )
    expected = [[0, 1, 1], [0, 0, 0], [1, 1, 0], [1, 0, 1], [NAN] * 3, [NAN] * 3]
    np.testing.assert_array_equal(affect_targets(utterances, TABLE), expected)


def test_no_utterances_give_no_targets():
    assert affect_targets(made()).shape == affect_targets(made(), TABLE).shape == (0, 3)


def test_an_unknown_table_is_refused():
    with pytest.raises(CorpusError, match=f"no affect table 'mine': there is {TABLE}"):
        affect_targets(made(), "mine")
