from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.corpora import CorpusError, Utterances, split_by_speaker, split_random, with_fewer_speakers
from hamiltone.settings import load_dataset, settings_from
from hamiltone.settings_paths import SettingsError

CHECKS = settings(max_examples=20, deadline=None)


def made(pool, speakers: int = 7, recordings: int = 28) -> Utterances:
    rows = [
        {
            "utterance": f"{number:02}",
            "path": pool[number],
            "speaker": f"s{number % speakers}",
            "emotion": ("angry", "happy")[number // speakers % 2],
        }
        for number in range(recordings)
    ]
    return Utterances.from_rows(rows, corpus="made", root=Path(pool[0]).parent)


@CHECKS
@given(seed=st.integers(0, 2**32), fold=st.integers(0, 6), fewer=st.integers(1, 4))
def test_a_learning_curve_adds_speakers_and_takes_none_away(pool, seed, fold, fewer) -> None:
    utterances = made(pool)
    split = split_by_speaker(utterances, folds=7, fold=fold, seed=seed)
    (few, smaller), (more, larger) = (with_fewer_speakers(utterances, split, count) for count in (fewer, fewer + 1))
    parts = smaller.apply(few)
    assert len(parts["train"].labels("speaker")) == fewer
    assert set(parts["train"].labels("speaker")) < set(larger.apply(more)["train"].labels("speaker"))
    for part in ("validation", "test"):
        assert smaller.parts[part] == split.parts[part]
    assert smaller.hash != larger.hash
    assert smaller.scheme == f"actor, {fewer} speakers train"


def test_all_speakers_of_the_training_part_leave_the_parts_as_they_were(pool) -> None:
    utterances = made(pool)
    split = split_by_speaker(utterances, folds=7)
    assert with_fewer_speakers(utterances, split, 5)[1].parts == split.parts


def test_a_speaker_who_also_tests_is_still_tested_on(pool) -> None:
    utterances = made(pool)
    split = split_random(utterances)
    few, smaller = with_fewer_speakers(utterances, split, 1)
    assert smaller.parts["test"] == split.parts["test"]
    assert len(few) == sum(map(len, smaller.parts.values()))


def test_more_speakers_than_there_are_and_unknown_ones_are_refused(pool) -> None:
    utterances = made(pool)
    split = split_by_speaker(utterances, folds=7)
    with pytest.raises(CorpusError, match=r"split\.training_speakers is 6, but the training part has 5"):
        with_fewer_speakers(utterances, split, 6)
    table = utterances.table.copy()
    table.loc[4, "speaker"] = None
    with pytest.raises(CorpusError, match="utterance 04 has no speaker"):
        with_fewer_speakers(Utterances(table, "made", Path("/")), split, 2)


def test_settings_of_a_run_take_fewer_speakers_and_are_another_run_then() -> None:
    def run(**split):
        content = {
            "name": "curve",
            "out": "runs/curve",
            "task": "emotion",
            "corpus": {"name": "synthetic"},
            "split": {"kind": "actor", "folds": 4, **split},
            "front": {"kind": "spectrogram"},
        }
        return settings_from(content, where="curve.toml")

    whole, few = load_dataset(run()), load_dataset(run(training_speakers=1))
    assert len({*whole.split.apply(whole.utterances)["train"].table["speaker"]}) > 1
    assert len({*few.split.apply(few.utterances)["train"].table["speaker"]}) == 1
    assert few.split.parts["test"] == whole.split.parts["test"]
    assert few.labels == whole.labels
    assert run(training_speakers=1).key() != run().key()
    with pytest.raises(SettingsError, match="training_speakers"):
        run(training_speakers=0)
