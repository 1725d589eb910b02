"""What a probe is asked, and that what must stay apart does."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.corpora import Utterances
from hamiltone.training._probe_targets import FOLDS, Target, folds_by_group, folds_by_recording, probe_targets

SPEAKERS, WORDS, EMOTIONS = ("ann", "bob", "cid", "dan"), ("yes", "no", "perhaps"), ("calm", "glad")
Row = dict[str, str]


def clips(most_classes: int, most_groups: int) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    pairs = st.tuples(st.integers(0, most_classes - 1), st.integers(0, most_groups - 1))
    return st.lists(pairs, min_size=1, max_size=60).map(lambda rows: tuple(np.array(rows, dtype=np.int64).T))


def assert_sound(folds: np.ndarray, classes: np.ndarray, groups: np.ndarray) -> None:
    """Each clip is tested once, no group is in two folds, and what is tested was trained."""
    count = folds.max() + 1
    assert sorted(set(folds)) == list(range(count))
    assert 2 <= count <= FOLDS
    for fold in range(count):
        assert not set(groups[folds == fold]) & set(groups[folds != fold])
        assert set(classes[folds == fold]) <= set(classes[folds != fold])


@given(clips(4, 8))
@settings(deadline=None)  # the first example imports scikit-learn
def test_folds_by_group_keep_groups_whole(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    classes, groups = pairs
    folds = folds_by_group(classes, groups)
    if any(len(set(groups[classes == one])) < 2 for one in set(classes)):
        assert folds is None
    elif folds is not None:
        assert_sound(folds, classes, groups)
        assert folds.max() + 1 == min(FOLDS, len(set(groups)))
    else:  # all groups of a class were dealt to one fold, which takes more groups than folds
        assert len(set(groups)) > FOLDS


@given(clips(4, 40))
@settings(deadline=None)  # the first example imports scikit-learn
def test_folds_by_recording_keep_recordings_whole(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    classes, recordings = pairs
    folds = folds_by_recording(classes, recordings)
    if any(len(set(recordings[classes == one])) < 2 for one in set(classes)):
        assert folds is None
    if folds is not None:
        assert_sound(folds, classes, recordings)


@given(st.lists(st.integers(2, 12), min_size=1, max_size=6), st.randoms())
def test_clips_that_are_recordings_are_dealt_in_proportion(sizes: list[int], random: "np.random.Generator") -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    recordings = np.arange(len(classes))
    random.shuffle(recordings)
    folds = folds_by_recording(classes, recordings)
    assert folds is not None
    assert_sound(folds, classes, recordings)
    assert folds.max() + 1 == min(FOLDS, *sizes)
    for one in range(len(sizes)):
        counts = np.bincount(folds[classes == one], minlength=folds.max() + 1)
        assert counts.max() - counts.min() <= 1


@pytest.fixture
def corpus(tmp_path: Path) -> Utterances:
    """Every word by every speaker in every emotion, once."""
    rows = [
        {"speaker": speaker, "word": word, "text": word, "emotion": emotion}
        for speaker in SPEAKERS
        for word in WORDS
        for emotion in EMOTIONS
    ]
    return recorded(rows, tmp_path)


def recorded(rows: Iterable[Row], folder: Path, copies: int = 1) -> Utterances:
    """A corpus with a recording for each row; as many in succession as ``copies`` sound the same."""
    complete = []
    for number, row in enumerate(rows):
        path = folder / f"{number:03}.wav"
        soundfile.write(path, np.random.default_rng(number // copies).uniform(-1, 1, 200), 16000)
        complete.append({"utterance": path.stem, "path": str(path), **row})
    return Utterances.from_rows(complete, corpus="made", root=folder)


def without(corpus: Utterances, column: str, **given: Iterable[str | None]) -> Utterances:
    table = corpus.table.assign(**{column: None}, **{name: list(values) for name, values in given.items()})
    return Utterances(table, corpus.corpus, corpus.root)


def target(corpus: Utterances, name: str) -> Target:
    found = probe_targets(corpus)[name]
    assert isinstance(found, Target), found
    return found


def reason(corpus: Utterances, name: str) -> str:
    found = probe_targets(corpus)[name]
    assert isinstance(found, str)
    return found


def test_words_and_speakers_are_kept_apart(corpus: Utterances) -> None:
    """The classes, the folds and what stays apart belong to the clips they stand beside."""
    for name, apart, folds in (("speaker", "word", 3), ("word", "speaker", 4), ("emotion", "speaker", 4)):
        found = target(corpus, name)
        assert found.apart == apart
        assert found.asked.all()
        assert list(found.classes) == list(corpus.table[name])
        assert list(found.speakers) == list(corpus.table["speaker"])
        assert len(set(found.folds)) == folds
        assert corpus.table[apart].groupby(found.folds).unique().explode().is_unique
        assert found.note == ""
    assert target(corpus, "word").labels == sorted(WORDS)
    assert target(corpus, "word").chance == 1 / 3


def test_texts_stand_for_words_where_a_corpus_names_none(corpus: Utterances) -> None:
    found = target(without(corpus, "word"), "word")
    assert list(found.classes) == list(corpus.table["text"])
    assert target(without(corpus, "word"), "speaker").apart == "word"


def test_two_statements_are_enough_to_keep_apart(corpus: Utterances) -> None:
    """As RAVDESS has them: what is said trains on one side alone."""
    two = without(corpus, "word", text=["kids", "dogs"] * (len(corpus) // 2))
    assert target(two, "speaker").apart == "word"
    assert target(two, "word").labels == ["dogs", "kids"]


def test_where_one_speaker_alone_has_an_emotion_recordings_are_kept_apart(corpus: Utterances) -> None:
    emotion = corpus.table["emotion"].mask((corpus.table["speaker"] == "ann") & (corpus.table["word"] != "no"), "sad")
    found = target(Utterances(corpus.table.assign(emotion=emotion), "made", corpus.root), "emotion")
    assert found.apart == "recording"
    assert found.labels == ["calm", "glad", "sad"]


def test_of_one_speaker_recordings_are_kept_apart(corpus: Utterances) -> None:
    one = corpus.select(np.flatnonzero(corpus.table["speaker"] == "bob"))
    assert target(one, "emotion").apart == "recording"
    assert "there is 1" in reason(one, "speaker")


def test_copies_of_a_recording_are_one(tmp_path: Path) -> None:
    rows = [{"speaker": "ann", "emotion": EMOTIONS[number // 2 % 2]} for number in range(24)]
    copied = recorded(rows, tmp_path, copies=2)
    folds = target(copied, "emotion").folds
    assert (folds[::2] == folds[1::2]).all()
    assert len(set(folds)) == FOLDS


def test_a_class_with_one_recording_is_left_out(corpus: Utterances) -> None:
    emotion = corpus.table["emotion"].mask(corpus.table.index == 3, "once")
    found = target(Utterances(corpus.table.assign(emotion=emotion), "made", corpus.root), "emotion")
    assert list(np.flatnonzero(~found.asked)) == [3]
    assert found.note == "1 of 3 classes left out, which have one recording each"
    assert len(found.classes) == len(found.folds) == len(found.speakers) == len(corpus) - 1


def test_clips_without_a_class_or_a_speaker_are_not_asked(corpus: Utterances) -> None:
    table = corpus.table.copy()
    table.loc[[0, 5], "emotion"] = None
    table.loc[7, "speaker"] = None
    holed = Utterances(table, "made", corpus.root)
    assert list(np.flatnonzero(~target(holed, "emotion").asked)) == [0, 5, 7]
    assert list(np.flatnonzero(~target(holed, "word").asked)) == [7]


def test_what_cannot_be_asked_has_a_reason(corpus: Utterances, tmp_path: Path) -> None:
    assert reason(without(corpus, "emotion"), "emotion") == "no clip of a known speaker has one"
    assert reason(without(corpus, "word", text=[None] * len(corpus)), "word") == "no clip of a known speaker has one"
    assert "there are 0" in reason(without(corpus, "emotion", word=map(str, range(len(corpus)))), "word")
    many = recorded([{"speaker": SPEAKERS[n % 4], "text": str(n // 2)} for n in range(102)], tmp_path)
    assert reason(many, "word") == "51 classes: no more than 50 are probed"
    segments = corpus.table.assign(path=corpus.table["path"][0], start=0.0, end=0.01)
    assert "there are 0" in reason(Utterances(segments, "made", corpus.root), "speaker")


def test_segments_of_a_recording_stay_together(corpus: Utterances) -> None:
    table = corpus.table.assign(speaker="ann", start=0.0, end=0.01)
    table["path"] = [table["path"][0], table["path"][1]] * (len(table) // 2)
    table["emotion"] = ["calm", "calm", "glad", "glad"] * (len(table) // 4)
    folds = target(Utterances(table, "made", corpus.root), "emotion").folds
    assert list(folds) == [folds[0], 1 - folds[0]] * (len(table) // 2)


def test_classes_may_share_recordings_so_that_nothing_keeps_them_apart(corpus: Utterances) -> None:
    """Of three recordings two are in one fold, and with them all of the class that only they have."""
    pairs = [("calm", 0), ("calm", 1), ("glad", 1), ("glad", 2), ("sad", 2), ("sad", 0)]
    emotions, numbers = (list(column) for column in zip(*pairs, strict=True))
    table = corpus.table.iloc[: len(pairs)].assign(speaker="ann", start=0.0, end=0.01, emotion=emotions)
    table["path"] = [table["path"][number] for number in numbers]
    assert "no folds" in reason(Utterances(table, "made", corpus.root), "emotion")
