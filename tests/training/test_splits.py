"""Kinds of splits as settings name them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hamiltone.corpora import CorpusError, SpeakerLists
from hamiltone.records import split_heading
from hamiltone.training import SettingsError, load_dataset, settings_from

SPEAKERS = 6


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of noise whose column ``split`` gives the last two speakers to validation and test."""
    folder = tmp_path_factory.mktemp("table")
    generator = np.random.default_rng(0)
    lines = ["path,speaker,emotion,split"]
    for number in range(SPEAKERS * 4):
        speaker = number // 4
        soundfile.write(folder / f"{number:02}.wav", generator.integers(-9000, 9000, 80, dtype=np.int16), 16000)
        part = ("train", "train", "train", "train", "dev", "test")[speaker]
        lines.append(f"{number:02}.wav,s{speaker},{('sad', 'glad')[number % 2]},{part}")
    (folder / "corpus.csv").write_text("\n".join(lines) + "\n")
    return folder / "corpus.csv"


def material_of(table: Path, split: dict[str, Any], **changes: Any):
    content = {"name": "x", "out": "x", "front": {"kind": "spectrogram"}, "split": split, **changes}
    return load_dataset(settings_from({"corpus": {"name": "table", "root": str(table)}, **content}, where="test"))


def speakers_tested(table: Path, split: dict[str, Any]) -> set[str]:
    material = material_of(table, split)
    return set(material.split.apply(material.utterances)["test"].table["speaker"])


@pytest.mark.parametrize(
    ("split", "facts"),
    [
        ({"kind": "actor"}, {"kind": "actor"}),
        ({"kind": "random"}, {"kind": "random"}),
        ({"kind": "column"}, {"kind": "actor", "scheme": "column"}),
        ({"kind": "leave-one-out", "fold": 4}, {"kind": "actor", "scheme": "leave-one-out", "folds": 6, "fold": 4}),
        (
            {"kind": "stratified", "folds": 3, "fold": 1},
            {"kind": "actor", "scheme": "stratified", "folds": 3, "fold": 1},
        ),
    ],
)
def test_kinds_of_splits(table: Path, split: dict[str, Any], facts: dict[str, Any]) -> None:
    made = material_of(table, split).split
    told = {key: value for key, value in split_heading(made, "a line").items() if value is not None}
    assert told == facts | {"hash": made.hash, "protocol": "a line"}
    assert sum(map(len, made.parts.values())) == SPEAKERS * 4


def test_folds_are_asked_for_by_number(table: Path) -> None:
    assert speakers_tested(table, {"kind": "leave-one-out", "fold": 4}) == {"s4"}
    assert speakers_tested(table, {"kind": "column"}) == {"s5"}


def test_lists_of_speakers_in_a_file(table: Path, tmp_path: Path) -> None:
    pairs = tuple((f"s{first}", f"s{first + 1}") for first in range(0, SPEAKERS, 2))
    SpeakerLists("table", "pairs", "by hand", folds=pairs).write(tmp_path / "pairs.json")
    assert speakers_tested(table, {"file": str(tmp_path / "pairs.json"), "fold": 1}) == {"s2", "s3"}


@pytest.mark.parametrize(
    ("split", "error", "message"),
    [
        ({"kind": "stratified"}, CorpusError, "split.kind stratified needs split.folds"),
        ({"kind": "leave-one-out", "folds": 3}, CorpusError, "has 6 folds here, not 3: leave split.folds out"),
        ({"kind": "column", "folds": 3}, CorpusError, "has no folds here, not 3"),
        ({"kind": "leave-one-out", "fold": 6}, CorpusError, "fold 6 of 6"),
        ({"kind": "emobox"}, CorpusError, "table: has no split emobox: there is one for ravdess"),
    ],
)
def test_splits_that_cannot_be_are_one_line(
    table: Path, split: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        material_of(table, split)
    assert "\n" not in str(caught.value)


def test_speakers_are_not_recognised_where_none_is_known(table: Path) -> None:
    with pytest.raises(SettingsError, match=r"split\.kind leave-one-out leaves no known speaker"):
        material_of(table, {"kind": "leave-one-out"}, task="speaker")


def test_classes_that_training_does_not_hear_are_told_with_the_dataset(table: Path) -> None:
    lines = ["path,speaker,emotion,split"]
    rows = [("joy", "train"), ("Fear", "train"), ("joy", "val"), ("fear", "test")]
    lines += [f"{number:02}.wav,ann,{','.join(rows[number % 4])}" for number in range(8)]
    (table.parent / "one-part.csv").write_text("\n".join(lines), encoding="utf-8")
    dataset = material_of(table.parent / "one-part.csv", {"kind": "column"})
    assert [remark.partition(":")[0].partition(", and")[0] for remark in dataset.remarks] == [
        "emotion 'Fear' (2) and 'fear' (2) may be one",
        "emotion 'fear' is not in the training part (2 recordings in test)",
        "emotion 'Fear' is in the training part alone (2 recordings)",
    ]
    assert material_of(table, {"kind": "column"}).remarks == ()
