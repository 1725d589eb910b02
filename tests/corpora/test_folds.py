"""Splits beside the paper's two: by class, one speaker out, lists of speakers, the table's own column."""

import json
import runpy
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import LeaveOneGroupOut

from hamiltone.corpora import (
    CorpusError,
    SpeakerLists,
    Split,
    Utterances,
    leave_one_speaker_out,
    load_corpus,
    load_split,
    protocol_of,
    read_split,
    ready_lists,
    ready_splits,
    split_by_column,
    split_by_speaker,
    split_stratified,
)
from hamiltone.files import content_key

CHECKS = settings(max_examples=15, deadline=None)
TOOL = Path(__file__).parents[2] / "tools" / "ready_splits.py"


def made(pool: list[str], speakers: list[str], emotions: list[str], corpus: str = "made", **more) -> Utterances:
    """Utterance n is segment n of one recording per speaker."""
    names = list(dict.fromkeys(speakers))
    rows = [
        {
            "utterance": f"{number:03}",
            "path": pool[names.index(speaker) % 28],
            "start": float(number),
            "end": number + 1.0,
            "speaker": speaker,
            "emotion": emotion,
            **{column: values[number] for column, values in more.items()},
        }
        for number, (speaker, emotion) in enumerate(zip(speakers, emotions, strict=True))
    ]
    return Utterances.from_rows(rows, corpus=corpus, root=Path(pool[0]).parent)


def speakers_of(split: Split, utterances: Utterances) -> dict[str, set[str]]:
    return {part: set(chosen.table["speaker"]) for part, chosen in split.apply(utterances).items()}


def assert_apart(split: Split, utterances: Utterances) -> None:
    assert split.kind == "actor"
    sets = speakers_of(split, utterances)
    assert all(sets.values())
    assert sum(map(len, sets.values())) == len(set().union(*sets.values())) == len(utterances.labels("speaker"))


@CHECKS
@given(seed=st.integers(0, 2**60), folds=st.integers(3, 6), counts=st.lists(st.integers(2, 6), min_size=6, max_size=9))
def test_stratified_folds_test_every_speaker_once(pool, seed, folds, counts):
    speakers = [f"s{number}" for number, count in enumerate(counts) for _ in range(count * 3)]
    utterances = made(pool, speakers, ["a", "b", "c"] * sum(counts))
    splits = [split_stratified(utterances, folds=folds, fold=fold, seed=seed) for fold in range(folds)]
    for fold, split in enumerate(splits):
        assert_apart(split, utterances)
        assert split.parts["validation"] == splits[(fold + 1) % folds].parts["test"]
        assert (split.folds, split.fold, split.scheme, split.stratify) == (folds, fold, "stratified", "emotion")
    assert Counter(name for split in splits for name in split.parts["test"]) == Counter(utterances.table["utterance"])
    shuffled = utterances.select(np.random.default_rng(seed).permutation(len(utterances)))
    assert split_stratified(shuffled, folds=folds, seed=seed) == splits[0]


@pytest.mark.parametrize("seed", range(5))
def test_stratified_folds_share_rare_classes(pool, seed):
    # Three of nine speakers are ever angry: each of three folds can have one of them, and a blind deal rarely does.
    speakers = [f"s{number}" for number in range(9) for _ in range(8)]
    emotions = [e for number in range(9) for e in (["angry"] * 4 + ["calm"] * 4 if number < 3 else ["calm"] * 8)]
    utterances = made(pool, speakers, emotions)
    for fold in range(3):
        tested = split_stratified(utterances, folds=3, fold=fold, seed=seed).apply(utterances)["test"]
        assert Counter(tested.table["emotion"])["angry"] == 4


def test_one_speaker_out_is_scikit_learns(pool):
    speakers = [f"s{(number * 7) % 5}" for number in range(40)]
    utterances = made(pool, speakers, ["a", "b"] * 20)
    ids = utterances.table["utterance"].to_numpy()
    folds = list(LeaveOneGroupOut().split(ids, groups=utterances.table["speaker"].to_numpy()))
    for fold, (_, tested) in enumerate(folds):
        split = leave_one_speaker_out(utterances, fold=fold)
        assert set(split.parts["test"]) == set(ids[tested])
        assert set(split.parts["validation"]) == set(ids[folds[(fold + 1) % 5][1]])
        assert_apart(split, utterances)
        assert (split.folds, split.fold, split.scheme) == (5, fold, "leave-one-out")


def test_impossible_folds_are_one_line(pool):
    utterances = made(pool, ["a", "b", "c"] * 2, ["x", "y"] * 3)
    with pytest.raises(CorpusError, match="fold 3 of 3"):
        leave_one_speaker_out(utterances, fold=3)
    with pytest.raises(CorpusError, match="4 folds are impossible"):
        split_stratified(utterances, folds=4)
    with pytest.raises(CorpusError, match="no class has 4 utterances"):
        split_stratified(made(pool, list("abcdef"), ["x", "y"] * 3), folds=4)
    pair = made(pool, ["a", "b"] * 3, ["x", "y"] * 3)
    for divide in (leave_one_speaker_out, lambda them: split_stratified(them, folds=3)):
        with pytest.raises(CorpusError, match=r"2 speakers cannot be split by speaker so: use split\.kind=actor"):
            divide(pair)
    with pytest.raises(CorpusError, match="must not be negative"):
        split_stratified(utterances, folds=3, seed=-1)


def test_two_speakers_are_labelled_as_what_they_are(pool, tmp_path: Path):
    utterances = made(pool, ["a", "b"] * 6, ["x", "y", "y"] * 4)
    # Each of the twelve needs a recording of its own, since one recording stays in one part.
    table = utterances.table.assign(path=pool[:12])
    split = split_by_speaker(Utterances(table, "made", utterances.root))
    assert (split.kind, split.scheme, split.fractions) == ("actor", "two-speakers", None)
    split.write(tmp_path / "two.json")
    assert read_split(tmp_path / "two.json") == split
    assert json.loads((tmp_path / "two.json").read_text())["scheme"] == "two-speakers"


RAVDESS = [f"{number:02}" for number in range(1, 25)]


def actors(pool, names: list[str], corpus: str = "ravdess") -> Utterances:
    return made(pool, [name for name in names for _ in range(2)], ["happy", "sad"] * len(names), corpus)


@pytest.mark.parametrize(("corpus", "name"), [(c, n) for c, names in ready_splits().items() for n in names])
def test_ready_lists_are_what_their_hash_and_rule_say(corpus: str, name: str, tmp_path: Path):
    lists = ready_lists(corpus, name)
    assert (lists.corpus, lists.name) == (corpus, name)
    runpy.run_path(str(TOOL))["write"](tmp_path)
    text = (tmp_path / f"{corpus}-{name}.json").read_text()
    lists.write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == text
    content = json.loads(text)
    assert content.pop("hash") == content_key(content) == lists.hash


def test_every_ready_list_is_there():
    assert ready_splits() == {
        "crema_d": ("70-20-10",),
        "emodb": ("70-20-10", "balanced"),
        "iemocap": ("70-20-10", "balanced"),
        "ravdess": ("70-20-10", "balanced", "emobox"),
        "ravdess+emodb+tess": ("balanced",),
        "tess": ("halved",),
    }
    assert sum(len(part) for part in ready_lists("crema_d", "70-20-10").parts.values()) == 91


@pytest.mark.parametrize("actors_there", [24, 18])
def test_balanced_folds_of_ravdess(pool, actors_there: int):
    utterances = actors(pool, RAVDESS[:actors_there])
    for fold in range(6):
        split = ready_lists("ravdess", "balanced").split(utterances, fold=fold)
        assert_apart(split, utterances)
        tested = [int(name) for name in speakers_of(split, utterances)["test"]]
        men = sum(number % 2 for number in tested)
        assert len(tested) == actors_there // 6
        assert men in ((2,) if actors_there == 24 else (1, 2))


def test_balanced_folds_of_emodb_and_iemocap():
    for folds in (ready_lists("emodb", "balanced").folds, ready_lists("iemocap", "balanced").folds):
        assert len(folds) == 5
        assert len({speaker for fold in folds for speaker in fold}) == 10
    assert [fold[0][:5] == fold[1][:5] for fold in ready_lists("iemocap", "balanced").folds] == [True] * 5
    men = {"03", "10", "11", "12", "15"}
    assert all(len(men & set(fold)) == 1 for fold in ready_lists("emodb", "balanced").folds)


def test_emobox_is_the_published_partition():
    folds = ready_lists("ravdess", "emobox").folds
    assert sorted(actor for fold in folds for actor in fold) == RAVDESS
    assert [len(fold) for fold in folds] == [4] * 6
    assert set(folds[1]) == {"04", "10", "12", "14"}


def test_the_papers_lists_are_the_actor_split_of_the_whole_corpus(pool):
    utterances = actors(pool, RAVDESS)
    lists = ready_lists("ravdess", "70-20-10").split(utterances)
    assert lists.parts == split_by_speaker(utterances, seed=0).parts
    assert (lists.kind, lists.scheme, lists.folds, lists.fractions) == ("actor", "70-20-10", None, None)
    part = actors(pool, RAVDESS[:18])
    whole = speakers_of(lists, utterances)
    kept = speakers_of(ready_lists("ravdess", "70-20-10").split(part), part)
    assert kept == {name: speakers & set(RAVDESS[:18]) for name, speakers in whole.items()}


@pytest.fixture(scope="module")
def tess(tmp_path_factory, record) -> Utterances:
    """All words of TESS, sad; OAF's "back" and "bar", of which one validates, are one recording in anger."""
    folder, words = tmp_path_factory.mktemp("tess"), runpy.run_path(str(TOOL))["TESS_WORDS"].split()
    names = [f"{actor}_{word}_sad" for actor in ("OAF", "YAF") for word in words]
    for seed, name in enumerate([*names, "OAF_back_angry"]):
        record(folder / f"{name}.wav", seed=seed, samples=20)
    shutil.copy(folder / "OAF_back_angry.wav", folder / "OAF_bar_angry.wav")
    return load_corpus("tess", folder)


def words_of(split: Split, utterances: Utterances) -> dict[str, set[str]]:
    return {part: set(chosen.table["word"]) for part, chosen in split.apply(utterances).items()}


@pytest.mark.parametrize(("fold", "tested"), [(0, "OAF"), (1, "YAF")])
def test_one_actor_of_tess_trains_and_the_others_words_are_halved(tess, fold: int, tested: str):
    utterances = tess.select((tess.table["emotion"] != "angry").to_numpy())
    split = ready_lists("tess", "halved").split(utterances, fold=fold)
    assert (split.kind, split.scheme, split.folds, split.fold) == ("actor", "halved", 2, fold)
    assert {part: len(names) for part, names in split.parts.items()} == {"train": 200, "validation": 100, "test": 100}
    trained = ({"OAF", "YAF"} - {tested}).pop()
    assert speakers_of(split, utterances) == {"train": {trained}, "validation": {tested}, "test": {tested}}
    heard = words_of(split, utterances)
    assert not heard["validation"] & heard["test"]
    assert protocol_of(utterances, split).line.startswith("speaker-independent in training but not in validation")
    some = utterances.select(utterances.table["word"].str.contains("a").to_numpy())
    there = set(some.table["word"])
    kept = words_of(ready_lists("tess", "halved").split(some, fold=fold), some)
    assert kept == {part: words & there for part, words in heard.items()}


def test_identical_recordings_of_two_words_stay_together(tess):
    split = ready_lists("tess", "halved").split(tess)
    assert {"OAF_back_angry", "OAF_bar_angry", "OAF_back_sad"} <= set(split.parts["validation"])
    assert "OAF_bar_sad" in split.parts["test"]


def test_the_words_of_tess_here_are_those_of_the_lists(speech_data: Path):
    utterances = load_corpus("tess", speech_data / "tess")
    assert set(utterances.table["word"]) <= set(runpy.run_path(str(TOOL))["TESS_WORDS"].split())
    parts = ready_lists("tess", "halved").split(utterances).parts
    assert len(parts["train"]) == len(parts["validation"]) + len(parts["test"]) == 420
    assert len(parts["validation"]) % 7 == 0  # whole words, with all emotions


def test_lists_of_ones_own(pool, tmp_path: Path):
    utterances = actors(pool, ["ann", "bob", "cem"], corpus="table")
    lists = SpeakerLists(
        "table", "mine", "by hand", parts={"train": ("cem",), "validation": ("ann",), "test": ("bob",)}
    )
    lists.write(tmp_path / "mine.json")
    split = load_split(tmp_path / "mine.json", utterances)
    assert speakers_of(split, utterances) == {"train": {"cem"}, "validation": {"ann"}, "test": {"bob"}}
    split.write(tmp_path / "split.json")
    assert load_split(tmp_path / "split.json", utterances) == split
    with pytest.raises(CorpusError, match=r"its format is not 'hamiltone split 1'$"):
        read_split(tmp_path / "mine.json")
    with pytest.raises(CorpusError, match="speaker dan is in no list of the split mine"):
        lists.split(actors(pool, ["ann", "bob", "cem", "dan"], corpus="table"))
    with pytest.raises(CorpusError, match="nothing is left for test"):
        lists.split(actors(pool, ["ann", "cem"], corpus="table"))
    with pytest.raises(CorpusError, match="the split mine is for table, not ravdess"):
        lists.split(actors(pool, RAVDESS))
    with pytest.raises(CorpusError, match="fold 1 without folds"):
        lists.split(utterances, fold=1)
    changed = json.loads((tmp_path / "mine.json").read_text())
    changed["parts"]["test"] = ["ann"]
    (tmp_path / "mine.json").write_text(json.dumps(changed))
    with pytest.raises(CorpusError, match="was changed after it was written"):
        load_split(tmp_path / "mine.json", utterances)
    strange = {"format": "hamiltone speakers 1", "corpus": "table"}
    (tmp_path / "mine.json").write_text(json.dumps(strange | {"hash": content_key(strange)}))
    with pytest.raises(CorpusError, match="its keys are others"):
        load_split(tmp_path / "mine.json", utterances)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({}, "have either folds or parts"),
        ({"folds": (("a",), ("b",))}, "need three folds or more"),
        ({"folds": (("a",), ("b",), ("c",)), "validation_words": ("x",)}, "two folds only"),
        ({"parts": {"train": ("a",), "test": ("b",)}}, "or train, validation, test"),
        ({"folds": (("a",), ("b",), ("a",))}, "a stands twice"),
    ],
)
def test_impossible_lists_are_refused(lists, message: str):
    with pytest.raises(CorpusError, match=message):
        SpeakerLists("made", "x", "", **lists)


def test_no_ready_lists_of_that_name():
    with pytest.raises(CorpusError, match="tess: has no split emobox: there is one for ravdess"):
        ready_lists("tess", "emobox")
    with pytest.raises(CorpusError, match="there is one for no corpus"):
        ready_lists("tess", "x")


def test_the_column_split(pool):
    told = ["train", "Train", "dev", "val", "test", "test"]
    utterances = made(pool, ["a", "a", "b", "b", "c", "c"], ["x", "y"] * 3, split=told)
    split = split_by_column(utterances)
    assert split.parts == {"train": ("000", "001"), "validation": ("002", "003"), "test": ("004", "005")}
    assert (split.kind, split.scheme) == ("actor", "column")
    mixed = made(pool, ["a", "b", "b", "c", "c", "a"], ["x", "y"] * 3, split=told)
    assert split_by_column(mixed).kind == "random"
    nameless = Utterances(utterances.table.assign(speaker=["a", "a", "b", "b", "c", None]), "made", utterances.root)
    assert split_by_column(nameless).kind == "random"


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([None] * 3, "made: has no column split: add it"),
        (["train", None, "test"], "utterance 001 has no split: it is train, validation, test"),
        (["train", "dev", "eval"], "utterance 002 has the split 'eval'"),
        (["train", "dev", "dev"], "names no utterance for test"),
    ],
)
def test_a_wrong_column_split_is_one_line(pool, told, message: str):
    with pytest.raises(CorpusError, match=message):
        split_by_column(made(pool, ["a", "b", "c"], ["x", "y", "x"], split=told))


def test_the_18_actors_here(speech_data: Path):
    utterances = load_corpus("ravdess", speech_data / "ravdess")
    for name, fold, actors_tested in (("balanced", 5, 3), ("emobox", 0, 2)):
        split = ready_lists("ravdess", name).split(utterances, fold=fold)
        assert len(split.parts["test"]) == 60 * actors_tested
