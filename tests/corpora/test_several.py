"""Several corpora as one, and labels that mean the same."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.corpora import (
    COMMON_EMOTIONS,
    CORPORA,
    PARTS,
    CorpusError,
    CorpusPartSettings,
    CorpusSettings,
    Utterances,
    Whole,
    load_corpora,
    load_corpus,
    load_utterances,
    relabel,
    split_by_speaker,
    split_random,
)

CHECKS = settings(max_examples=20, deadline=None)
HARMONISED = {
    "ravdess": {"angry": "anger", "fearful": "fear", "calm": "neutral", "surprised": "surprise"},
    "emodb": {"happiness": "happy", "sadness": "sad", "boredom": ""},
    "tess": {"angry": "anger", "pleasant_surprise": "surprise"},
}


def made(emotions: list[str], corpus: str = "made", speakers: int = 3) -> Utterances:
    rows = [
        {"utterance": f"{number:02}", "path": f"{number}.wav", "emotion": emotion, "speaker": f"{number % speakers}"}
        for number, emotion in enumerate(emotions)
    ]
    return Utterances.from_rows(rows, corpus=corpus, root=Path("/there"), note="a note")


@CHECKS
@given(
    emotions=st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=20),
    labels=st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["", "x", "a", "b"])),
    only=st.booleans(),
)
def test_relabel_does_what_the_map_says(emotions, labels, only):
    utterances = made(emotions)
    labels = {label: name for label, name in labels.items() if label in emotions}
    changed = relabel(utterances, labels, only=only)
    expected = [None if e is None else (labels.get(e, "" if only else e) or None) for e in emotions]
    assert list(changed.table["emotion"].astype(object).where(changed.table["emotion"].notna(), None)) == expected
    assert set(changed.labels("emotion")) == {name for name in expected if name}
    others = [column for column in utterances.table if column != "emotion"]
    assert changed.table[others].equals(utterances.table[others])
    assert (changed.note == "a note") == (expected == emotions)


def test_relabelled_classes_keep_their_order_and_the_note_tells_all():
    utterances = made(["d", "c", "b", "a", "a"])
    ordered = Utterances(
        utterances.table, "made", utterances.root, "a note", classes={"emotion": ("d", "c", "b", "a", "e")}
    )
    changed = relabel(ordered, {"c": "z", "e": "z", "a": ""})
    assert changed.labels("emotion") == ["d", "z", "b"]
    assert changed.note == "a note; c as z; e as z; without a (2 recordings)"
    assert relabel(ordered, {"c": "c"}) is ordered


def test_an_unknown_label_is_one_line_with_the_corpus_labels():
    with pytest.raises(CorpusError, match=r"^made: labels names 'calm', which is none of its emotions \(a, b\)"):
        relabel(made(["a", "b"]), {"calm": "a"})


def tables(folder: Path, record, emotions: dict[str, tuple[str, ...]], speakers: int = 4) -> list[CorpusPartSettings]:
    """A corpus ``folder`` and a corpus ``table`` with the same names of recordings and speakers."""
    lines = ["path,speaker,emotion,session"]
    for name, labels in emotions.items():
        for number in range(len(labels) * speakers * 2):
            label, speaker = labels[number % len(labels)], f"s{number // len(labels) % speakers}"
            path = folder / name / label / speaker / f"{number}.wav"
            record(path, seed=number + 1000 * list(emotions).index(name))
            if name == "table":
                lines.append(f"{path.relative_to(folder)},{speaker},{label},1")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return [
        CorpusPartSettings(name="folder", root=str(folder / "folder")),
        CorpusPartSettings(name="table", root=str(folder / "table.csv")),
    ]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, record) -> Utterances:
    folder = tmp_path_factory.mktemp("both")
    parts = tables(folder, record, {"folder": ("calm", "sad"), "table": ("bored", "glad", "sad")}, speakers=5)
    return load_corpora([parts[0], CorpusPartSettings(name="table", root=parts[1].root, labels={"bored": "calm"})])


def test_what_two_corpora_call_alike_stays_apart(both: Utterances):
    assert both.corpus == "folder+table"
    assert len(both) == 20 + 30
    assert Counter(both.corpora()) == {"folder": 20, "table": 30}
    assert both.labels("speaker") == [f"{name}/s{number}" for name in ("folder", "table") for number in range(5)]
    assert both.labels("session") == ["table/1"]
    assert both.labels("emotion") == ["calm", "sad", "glad"]
    assert both.note == "table: bored as calm; only in table: glad"
    assert set(both.table["utterance"].str.partition("/")[0]) == {"folder", "table"}
    alone = load_corpus("folder", both.root / "folder")
    assert list(both.table["path"][:20]) == list(alone.table["path"])
    assert list(both.table["utterance"][:20]) == [f"folder/{name}" for name in alone.table["utterance"]]


def test_one_part_alone_is_the_corpus_itself(both: Utterances):
    one = load_corpora([CorpusPartSettings(name="folder", root=str(both.root / "folder"), labels={"calm": "quiet"})])
    assert (one.corpus, one.note) == ("folder", "calm as quiet")
    assert "s0" in one.labels("speaker")


@CHECKS
@given(seed=st.integers(0, 2**32))
def test_a_random_split_keeps_each_class_of_each_corpus_in_proportion(both: Utterances, seed: int):
    fractions = (0.5, 0.3, 0.2)
    parts = split_random(both, fractions=fractions, seed=seed).apply(both)
    whole = Counter(zip(both.corpora(), both.table["emotion"], strict=True))
    assert len(whole) == 5
    for part, fraction in zip(PARTS, fractions, strict=True):
        counts = Counter(zip(parts[part].corpora(), parts[part].table["emotion"], strict=True))
        assert all(abs(counts[label] - fraction * number) < 2 for label, number in whole.items())


@CHECKS
@given(seed=st.integers(0, 2**32), folds=st.sampled_from([None, 3, 5]))
def test_an_actor_split_keeps_the_corpora_in_proportion(both: Utterances, seed: int, folds: int | None):
    fractions = (0.4, 0.4, 0.2)
    split = split_by_speaker(both, fractions=fractions, folds=folds, seed=seed)
    speakers = {part: set(chosen.table["speaker"]) for part, chosen in split.apply(both).items()}
    assert sum(map(len, speakers.values())) == len(set().union(*speakers.values())) == 10
    for part, fraction in zip(PARTS, fractions, strict=True):
        expected = 5 * (fraction if folds is None else 1 - 2 / folds if part == "train" else 1 / folds)
        for corpus in ("folder/", "table/"):
            count = sum(name.startswith(corpus) for name in speakers[part])
            assert abs(count - expected) < (2 if folds and part == "train" else 1 + 1e-9)
    assert split == split_by_speaker(
        both.select(np.arange(len(both))[::-1]), fractions=fractions, folds=folds, seed=seed
    )


def test_a_split_names_its_utterances_as_each_corpus_does(both: Utterances):
    split = split_random(both, seed=2)
    by_corpus = split.by_corpus("test", "validation")
    assert by_corpus.keys() == {"folder", "table"}
    named = {f"{corpus}/{name}" for corpus, names in by_corpus.items() for name in names}
    assert named == set(split.parts["test"]) | set(split.parts["validation"])
    alone = split_random(load_corpus("folder", both.root / "folder"))
    assert alone.by_corpus("test") == {"folder": set(alone.parts["test"])}


def test_mistakes_are_one_line(both: Utterances):
    folder = CorpusPartSettings(name="folder", root=str(both.root / "folder"))
    with pytest.raises(CorpusError, match="several corpora: folder is named twice"):
        load_corpora([folder, folder])
    with pytest.raises(CorpusError, match="there is none: name at least one"):
        load_corpora([])
    with pytest.raises(CorpusError, match=r"folder: labels names 'ps', .* \(calm, sad\)"):
        load_corpora([CorpusPartSettings(name="folder", root=folder.root, labels={"ps": "glad"}), folder])


def test_real_corpora_with_one_meaning(speech_data: Path):
    parts = [
        CorpusPartSettings(name=name, root=str(speech_data / name), labels=labels)
        for name, labels in HARMONISED.items()
    ]
    utterances = load_corpora(parts)
    assert utterances.corpus == "ravdess+emodb+tess"
    assert (len(utterances), len(utterances.labels("speaker"))) == (1080 + 408 + 840, 18 + 8 + 2)
    assert utterances.labels("emotion") == ["neutral", "happy", "sad", "anger", "fear", "disgust", "surprise"]
    alone = {name: load_corpus(name, speech_data / name).table["emotion"] for name in HARMONISED}
    expected = Counter(HARMONISED[name].get(label, label) for name, table in alone.items() for label in table)
    assert expected.pop("") == utterances.table["emotion"].isna().sum() == (alone["emodb"] == "boredom").sum()
    assert Counter(utterances.table["emotion"].dropna()) == expected
    assert "ravdess: 1080 of 1440 clips, 18 of 24 actors; calm as neutral" in utterances.note
    split = split_by_speaker(utterances, seed=1)
    tested = split.apply(utterances)["test"]
    assert set(tested.corpora()) >= {"ravdess", "emodb"}


def test_every_corpus_of_emotions_has_common_names():
    whole = {name: corpus.whole for name, corpus in CORPORA.items() if isinstance(corpus.whole, Whole)}
    emotions = {name: size.by_class for name, size in whole.items() if "neutral" in size.by_class}
    assert set(emotions) == {"crema_d", "emodb", "iemocap", "iemocap-merged4", "nemo", "ravdess", "tess"}
    for name, own in emotions.items():
        common = CORPORA[name].common
        assert common.keys() <= own.keys()
        assert {common.get(emotion, emotion) for emotion in own} <= set(COMMON_EMOTIONS)


def test_real_corpora_under_common_names_and_by_sex(speech_data: Path):
    parts = tuple(
        CorpusPartSettings(name=name, root=str(speech_data / name)) for name in ("ravdess", "emodb", "tess", "nemo")
    )
    kept = {name: name for name in ("neutral", "happy", "sad", "angry")}
    settings = CorpusSettings.model_validate(
        {"parts": parts, "partial": True, "common_names": True, "labels": kept | {"calm": "neutral"}, "only": True}
    )
    utterances = load_utterances(settings)
    assert utterances.labels("emotion") == ["neutral", "happy", "sad", "angry"]
    counts = Counter(zip(utterances.corpora(), utterances.table["emotion"], strict=True))
    assert [counts[name, "angry"] for name in ("ravdess", "emodb", "tess", "nemo")] == [144, 100, 120, 288]
    assert [counts[name, "neutral"] for name in ("ravdess", "emodb", "tess", "nemo")] == [216, 63, 120, 314]
    sex = utterances.table.groupby(utterances.corpora())["sex"].value_counts().to_dict()
    assert sex.pop(("emodb", "female")) + sex.pop(("emodb", "male")) == 408
    assert sex == {
        ("ravdess", "female"): 540,
        ("ravdess", "male"): 540,
        ("tess", "female"): 840,
        ("nemo", "female"): 764,
        ("nemo", "male"): 951,
    }
    women = set(utterances.table["speaker"][utterances.table["sex"] == "female"])
    assert {name for name in women if name.startswith("emodb")} == {f"emodb/{n}" for n in ("08", "09", "13", "14")}


def test_labels_of_all_parts_name_common_emotions(tmp_path: Path, record):
    parts = tables(tmp_path, record, {"folder": ("calm", "sad"), "table": ("bored", "sad")})
    joined = load_corpora(parts, labels={"bored": "calm", "sad": ""})
    assert joined.labels("emotion") == ["calm"]
    assert joined.note == ("folder: without sad (8 recordings); table: bored as calm; without sad (8 recordings)")
    with pytest.raises(CorpusError, match=r"labels names 'ps', which is no emotion of any corpus \(calm, sad, bored\)"):
        load_corpora(parts, labels={"ps": "sad"})
    described = {"parts": parts, "labels": {"bored": "calm"}}
    with pytest.raises(ValueError, match="set common_names = true, too"):
        CorpusSettings.model_validate(described)
    common = CorpusSettings.model_validate(described | {"common_names": True})
    assert common.identity()["common_names"] is True
    assert load_utterances(common).labels("emotion") == ["calm", "sad"]
