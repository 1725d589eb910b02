import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.corpora import (
    PARTS,
    CorpusError,
    Split,
    Utterances,
    load_corpus,
    read_split,
    split_by_speaker,
    split_random,
)
from hamiltone.files import content_key

EMOTIONS = ("angry", "happy", "sad")
FRACTIONS = st.sampled_from([(0.7, 0.2, 0.1), (0.6, 0.2, 0.2), (1 / 3, 1 / 3, 1 / 3), (0.1, 0.1, 0.8)])
CHECKS = settings(max_examples=20, deadline=None)


def made(pool, speakers: int, segments: list[int], recordings: int = 28, emotion: int = 0) -> Utterances:
    """Recordings of the pool; recording n has segments[n] rows, speaker n modulo the speakers."""
    rows = [
        {
            "utterance": f"{number:02}-{segment}",
            "path": pool[number],
            "start": float(segment),
            "end": segment + 1.0,
            "speaker": f"s{number % speakers}",
            "emotion": EMOTIONS[(number // speakers + emotion * segment) % 3],
        }
        for number in range(recordings)
        for segment in range(segments[number % len(segments)])
    ]
    return Utterances.from_rows(rows, corpus="made", root=Path(pool[0]).parent)


def recording_of(split: Split) -> dict[str, set[str]]:
    return {part: {name[:2] for name in split.parts[part]} for part in PARTS}


def assert_partition(split: Split, utterances: Utterances) -> None:
    together = [name for part in PARTS for name in split.parts[part]]
    assert sorted(together) == list(utterances.table["utterance"])
    assert all(split.parts[part] for part in PARTS)


def assert_disjoint(sets) -> None:
    sets = list(sets)
    assert sum(map(len, sets)) == len(set().union(*sets))


@CHECKS
@given(
    seed=st.integers(0, 2**32),
    segments=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    fractions=FRACTIONS,
    stratify=st.sampled_from(["emotion", "speaker", None]),
)
def test_random_split_properties(pool, seed, segments, fractions, stratify):
    utterances = made(pool, 4, segments, emotion=1)
    split = split_random(utterances, fractions=fractions, seed=seed, stratify=stratify)
    assert_partition(split, utterances)
    assert_disjoint(recording_of(split).values())
    for part, fraction in zip(PARTS, fractions, strict=True):
        assert abs(len(split.parts[part]) - fraction * len(utterances)) <= 2 * max(segments)


@CHECKS
@given(seed=st.integers(0, 2**32), fractions=FRACTIONS, stratify=st.sampled_from(["emotion", "speaker"]))
def test_random_split_keeps_classes_in_proportion(pool, seed, fractions, stratify):
    utterances = made(pool, 4, [1])
    parts = split_random(utterances, fractions=fractions, seed=seed, stratify=stratify).apply(utterances)
    whole = Counter(utterances.table[stratify])
    for part, fraction in zip(PARTS, fractions, strict=True):
        counts = Counter(parts[part].table[stratify])
        assert all(abs(counts[label] - fraction * whole[label]) < 2 for label in whole)


@CHECKS
@given(
    seed=st.integers(0, 2**32),
    speakers=st.integers(3, 14),
    segments=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    fractions=FRACTIONS,
)
def test_actor_split_properties(pool, seed, speakers, segments, fractions):
    utterances = made(pool, speakers, segments)
    split = split_by_speaker(utterances, fractions=fractions, seed=seed)
    assert_partition(split, utterances)
    assert_disjoint(recording_of(split).values())
    sets = [set(part.table["speaker"]) for part in split.apply(utterances).values()]
    assert_disjoint(sets)
    for count, fraction in zip(map(len, sets), fractions, strict=True):
        # Rounding stays below one speaker; the speaker that each part is owed may cost up to two more.
        assert count >= 1
        assert abs(count - fraction * speakers) < (1 if min(fractions) * speakers >= 1 else 3)


@CHECKS
@given(seed=st.integers(0, 1000), order=st.permutations(range(28)), by_speaker=st.booleans())
def test_the_order_of_rows_does_not_matter(pool, seed, order, by_speaker):
    utterances = made(pool, 5, [1])
    divide = split_by_speaker if by_speaker else split_random
    split, shuffled = divide(utterances, seed=seed), divide(utterances.select(list(order)), seed=seed)
    assert split == shuffled
    assert split.hash == shuffled.hash
    assert split == divide(utterances, seed=seed)
    for part in PARTS:
        names = list(split.apply(utterances.select(list(order)))[part].table["utterance"])
        assert names == list(split.parts[part])


def test_there_are_as_many_folds_as_recordings_at_most(pool):
    utterances = made(pool, 4, [1])
    number = len(utterances)
    assert all(split_random(utterances, folds=number, fold=fold).parts["test"] for fold in range(number))
    with pytest.raises(CorpusError, match=f"{number + 1} folds of {number} recordings are impossible"):
        split_random(utterances, folds=number + 1)


@CHECKS
@given(seed=st.integers(0, 1000), folds=st.integers(3, 7), by_speaker=st.booleans())
def test_folds_test_and_validate_everything_once(pool, seed, folds, by_speaker):
    utterances = made(pool, 7, [1])
    divide = split_by_speaker if by_speaker else split_random
    splits = [divide(utterances, folds=folds, fold=fold, seed=seed) for fold in range(folds)]
    tested = Counter(name for split in splits for name in split.parts["test"])
    assert tested == Counter(utterances.table["utterance"])
    for split, following in zip(splits, [*splits[1:], splits[0]], strict=True):
        assert_partition(split, utterances)
        assert split.parts["validation"] == following.parts["test"]
        assert (split.folds, split.fold, split.fractions) == (folds, splits.index(split), None)
    sizes = [len(split.parts["test"]) for split in splits]
    assert max(sizes) - min(sizes) <= (4 if by_speaker else 1)
    if by_speaker:
        assert_disjoint({name[0] for name in split_speakers(split, utterances, "test")} for split in splits)


def split_speakers(split: Split, utterances: Utterances, part: str) -> set[tuple[str]]:
    return {(speaker,) for speaker in split.apply(utterances)[part].table["speaker"]}


def test_the_place_of_the_recordings_does_not_matter(tmp_path: Path, record):
    names = [
        f"Actor_{actor:02}/03-01-0{emotion}-01-01-01-{actor:02}.wav" for actor in (1, 2, 3) for emotion in range(1, 9)
    ]
    splits = []
    for place in (tmp_path / "z", tmp_path / "a" / "b"):
        for number, name in enumerate(names):
            record(place / name, seed=number)
        utterances = load_corpus("ravdess", place)
        splits.append((split_random(utterances, seed=4), split_by_speaker(utterances, seed=4)))
    assert splits[0] == splits[1]


def test_seeds_make_different_splits(pool):
    utterances = made(pool, 9, [1])
    for divide in (split_random, split_by_speaker):
        assert len({divide(utterances, seed=seed).hash for seed in range(5)}) == 5
        assert len({divide(utterances, seed=seed).parts["test"] for seed in range(5)}) > 2


def test_a_known_split_stays_what_it_was(pool):
    utterances = made(pool, 7, [1])
    assert split_random(utterances, seed=11).parts["test"] == ("08-0", "19-0", "25-0")
    assert split_by_speaker(utterances, seed=11).apply(utterances)["test"].labels("speaker") == ["s6"]


@pytest.mark.parametrize("seed", range(12))
def test_identical_recordings_never_part(pool, seed):
    utterances = made(pool, 2, [1], recordings=30)
    split = split_random(utterances, seed=seed)
    assert len([part for part in recording_of(split).values() if part & {"28", "29"}]) == 1


@pytest.mark.parametrize("seed", range(5))
def test_identical_recordings_of_ravdess_never_part(speech_data: Path, seed):
    whole = load_corpus("ravdess", speech_data / "ravdess")
    utterances = whole.select((whole.table["speaker"] == "07").to_numpy())
    split = split_random(utterances, seed=seed)
    pair = {"03-01-03-01-02-01-07", "03-01-03-01-02-02-07"}
    assert sorted(len(pair & set(split.parts[part])) for part in PARTS) == [0, 0, 2]


def test_ravdess_actor_split(speech_data: Path):
    utterances = load_corpus("ravdess", speech_data / "ravdess")
    parts = split_by_speaker(utterances, seed=1).apply(utterances)
    assert [len(parts[part].labels("speaker")) for part in PARTS] == [13, 3, 2]
    assert [len(parts[part]) for part in PARTS] == [780, 180, 120]
    assert all(parts[part].note == utterances.note for part in PARTS)


@pytest.mark.parametrize(
    ("speakers", "fractions", "counts"),
    [
        (24, (0.7, 0.2, 0.1), [17, 5, 2]),
        (10, (0.7, 0.2, 0.1), [7, 2, 1]),
        (18, (0.7, 0.2, 0.1), [13, 3, 2]),
        (8, (0.7, 0.2, 0.1), [6, 1, 1]),
        (5, (0.7, 0.2, 0.1), [3, 1, 1]),
        (3, (0.8, 0.1, 0.1), [1, 1, 1]),
        (4, (0.1, 0.1, 0.8), [1, 1, 2]),
        (9, (1 / 3, 1 / 3, 1 / 3), [3, 3, 3]),
    ],
)
def test_counts_of_speakers(pool, speakers, fractions, counts):
    utterances = made(pool, speakers, [1])
    parts = split_by_speaker(utterances, fractions=fractions).apply(utterances)
    assert [len(parts[part].labels("speaker")) for part in PARTS] == counts


@pytest.mark.parametrize("seed", range(4))
def test_two_speakers_one_trains_the_other_is_halved(pool, seed):
    utterances = made(pool, 2, [1], recordings=24)
    parts = split_by_speaker(utterances, seed=seed).apply(utterances)
    (trains,), (other,) = parts["train"].labels("speaker"), parts["test"].labels("speaker")
    assert trains != other
    assert parts["validation"].labels("speaker") == [other]
    for part in ("validation", "test"):
        assert Counter(parts[part].table["emotion"]) == dict.fromkeys(EMOTIONS, 2)


def test_two_speakers_in_two_folds_each_train_once(pool):
    utterances = made(pool, 2, [2], recordings=24)
    splits = [split_by_speaker(utterances, folds=2, fold=fold, seed=5) for fold in range(2)]
    trains = [split.apply(utterances)["train"].labels("speaker") for split in splits]
    assert sorted(trains) == [["s0"], ["s1"]]
    for split in splits:
        assert_partition(split, utterances)
        assert_disjoint(recording_of(split).values())


def test_identical_audio_of_two_speakers_cannot_be_split_by_speaker(pool):
    utterances = made(pool, 7, [1], recordings=30)
    with pytest.raises(
        CorpusError, match=r"28\.flac \(speaker s0\) and .*29\.flac \(speaker s1\) hold identical audio"
    ):
        split_by_speaker(utterances)
    one = utterances.select(np.array([name[:2] not in ("28", "29") for name in utterances.table["utterance"]]))
    assert_partition(split_by_speaker(one), one)


def test_identical_audio_of_one_speaker_halves_as_one(tmp_path: Path, pool):
    samples, rate = soundfile.read(pool[0])
    copy = tmp_path / "copy.wav"
    soundfile.write(copy, samples, rate)
    rows = [
        {"utterance": f"{number:02}", "path": path, "speaker": f"s{number // 8}"}
        for number, path in enumerate([pool[0], str(copy), *pool[1:15]])
    ]
    utterances = Utterances.from_rows(rows, corpus="made", root=tmp_path)
    for seed in range(8):
        parts = split_by_speaker(utterances, seed=seed).parts
        assert len([part for part in PARTS if {"00", "01"} & set(parts[part])]) == 1


def test_a_written_split_is_read_again(tmp_path: Path, pool):
    utterances = made(pool, 6, [1])
    for split in (
        split_random(utterances, seed=3),
        split_random(utterances, folds=5, fold=2, stratify=None),
        split_by_speaker(utterances, seed=3),
    ):
        path = tmp_path / "new" / "split.json"
        split.write(path)
        again = read_split(path)
        assert again == split
        assert again.hash == split.hash
        content = json.loads(path.read_text())
        assert content["hash"] == split.hash
        assert (content["corpus"], content["kind"], content["seed"]) == ("made", split.kind, split.seed)
        assert {part: tuple(content["parts"][part]) for part in PARTS} == split.parts


def test_the_hash_tells_every_content_apart():
    parts = {"train": ("a", "b"), "validation": ("c",), "test": ("d",)}
    base = Split("made", "random", 0, parts)
    others = [
        Split("made2", "random", 0, parts),
        Split("made", "actor", 0, parts),
        Split("made", "random", 1, parts),
        Split("made", "random", 0, parts | {"validation": ("d",), "test": ("c",)}),
        Split("made", "random", 0, parts, fractions=(0.5, 0.25, 0.25)),
        Split("made", "random", 0, parts, folds=4, fold=1),
        Split("made", "random", 0, parts, stratify="emotion"),
    ]
    assert len({split.hash for split in [base, *others]}) == 8
    assert Split("made", "random", 0, {"test": ("d",), "validation": ("c",), "train": ("b", "a")}).hash == base.hash


def test_what_is_no_split_is_refused(tmp_path: Path, pool):
    path = tmp_path / "split.json"
    with pytest.raises(CorpusError, match=r"cannot read the split .*split\.json: No such file"):
        read_split(path)
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(CorpusError, match="it is no JSON"):
        read_split(path)
    for other in ("[1]", '{"parts": {}}', "3"):
        path.write_text(other)
        with pytest.raises(CorpusError, match="is not a split: its format"):
            read_split(path)
    strange = {"format": "hamiltone split 1", "corpus": "made"}
    path.write_text(json.dumps(strange | {"hash": content_key(strange)}))
    with pytest.raises(CorpusError, match="is not a split: its keys"):
        read_split(path)


def test_an_edited_split_is_refused(tmp_path: Path, pool):
    path = tmp_path / "split.json"
    split_random(made(pool, 6, [1])).write(path)
    content = json.loads(path.read_text())
    moved = content["parts"]["test"].pop()
    content["parts"]["train"].append(moved)
    for edited in (content, json.loads(path.read_text()) | {"seed": 9}, json.loads(path.read_text()) | {"hash": None}):
        path.write_text(json.dumps(edited))
        with pytest.raises(CorpusError, match="was changed after it was written"):
            read_split(path)
        split_random(made(pool, 6, [1])).write(path)


def test_a_split_of_other_utterances_is_refused(pool):
    utterances = made(pool, 6, [1])
    split = split_random(utterances)
    with pytest.raises(CorpusError, match=r"1 utterances of the split are missing below .*\(the first: 00-0\)"):
        split.apply(utterances.select(range(1, 28)))
    with pytest.raises(CorpusError, match=r"2 utterances are in no part of the split \(the first: 28-0\)"):
        split.apply(made(pool, 6, [1], recordings=30))
    other = Utterances(utterances.table, "other", utterances.root)
    with pytest.raises(CorpusError, match="this split divides made, not other"):
        split.apply(other)


def test_wrong_parts_are_refused():
    with pytest.raises(CorpusError, match="has the parts train, validation, test"):
        Split("made", "random", 0, {"train": ("a",), "dev": ("b",), "test": ()})
    with pytest.raises(CorpusError, match="'a' stands twice"):
        Split("made", "random", 0, {"train": ("a",), "validation": ("b",), "test": ("a",)})


@pytest.mark.parametrize("divide", [split_random, split_by_speaker])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"fractions": (0.7, 0.2, 0.2)}, "must be positive with sum 1"),
        ({"fractions": (0.8, 0.2, 0.0)}, "must be positive with sum 1"),
        ({"fractions": (float("nan"), 0.2, 0.1)}, "must be positive with sum 1"),
        ({"folds": 2}, "2 folds are impossible: there must be at least 3"),
        ({"folds": 5, "fold": 5}, "fold 5 of 5: it must be from 0 to 4"),
        ({"folds": 5, "fold": -1}, "fold -1 of 5"),
        ({"fold": 1}, "fold 1 without folds"),
        ({"seed": -1}, "must not be negative"),
        ({"stratify": "mood"}, "no column 'mood'"),
        ({"stratify": "valence"}, "'valence' holds numbers"),
    ],
)
def test_impossible_requests_are_refused(pool, divide, wrong, message):
    with pytest.raises(CorpusError, match=message):
        divide(made(pool, 6, [1]), **wrong)


def test_too_little_to_split_is_refused(pool):
    with pytest.raises(CorpusError, match="3 utterances are too few: nothing is left for test"):
        split_random(made(pool, 3, [1], recordings=3))
    with pytest.raises(CorpusError, match="0 utterances are too few"):
        split_random(made(pool, 3, [1], recordings=0))
    with pytest.raises(CorpusError, match=r"1 speaker cannot be split by speaker: use split\.kind=random"):
        split_by_speaker(made(pool, 1, [1]))
    with pytest.raises(CorpusError, match="7 folds are impossible: there must be at least 3, at most 6"):
        split_by_speaker(made(pool, 6, [1]), folds=7)
    table = made(pool, 6, [1]).table.copy()
    table.loc[4, "speaker"] = None
    with pytest.raises(CorpusError, match="utterance 04-0 has no speaker"):
        split_by_speaker(Utterances(table, "made", Path("/")))


def test_a_split_without_some_utterances_keeps_the_rest_where_they_were(pool) -> None:
    split = split_random(made(pool, speakers=4, segments=[1]), seed=3)
    lacking = [split.parts["train"][0], split.parts["test"][-1], "another"]
    smaller = split.without(lacking)
    assert {part: set(split.parts[part]) - set(smaller.parts[part]) for part in PARTS} == {
        "train": {lacking[0]},
        "validation": set(),
        "test": {lacking[1]},
    }
    assert smaller.hash != split.hash
    assert split.without(["another"]) is split
    assert (smaller.kind, smaller.seed, smaller.fractions) == (split.kind, split.seed, split.fractions)
