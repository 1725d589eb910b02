"""What may be wrong with classes: names that differ by a letter, one recording, one part of a split."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hamiltone.corpora import Split, Utterances, class_remarks, split_by_column, split_remarks


def made(emotions: Sequence[str | None], parts: str = "", column: str = "emotion") -> Utterances:
    names = {"t": "train", "v": "validation", "x": "test"}
    rows = [
        {"utterance": f"{number:03}", "path": f"{number}.wav", "speaker": "ann", column: emotion}
        | ({"split": names[parts[number]]} if parts else {})
        for number, emotion in enumerate(emotions)
    ]
    return Utterances.from_rows(rows, corpus="made", root=Path("/there"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("happy", "hapy"),
        ("happy", "happt"),
        ("happy", "xhappy"),
        ("Sad", "sad"),
        ("sad", "sad."),
        ("very sad", "very_sad"),
    ],
)
def test_names_that_differ_by_a_letter_or_by_signs_are_told(one: str, other: str):
    first, second = sorted([one, other])
    counts = {one: 3, other: 2}
    told = f"emotion {first!r} ({counts[first]}) and {second!r} ({counts[second]}) may be one: correct it, or map one"
    assert class_remarks(made([one] * 3 + [other] * 2 + ["neutral"] * 2), "emotion") == [f"{told} by labels"]


def test_names_that_differ_more_are_not_told():
    """Among them the classes of all corpora."""
    labels = [
        "neutral",
        "calm",
        "happy",
        "sad",
        "angry",
        "anger",
        "fear",
        "fearful",
        "disgust",
        "surprise",
        "mad",
        "bad",
    ]
    assert class_remarks(made([*labels, *labels, "高兴", "高兴", "悲伤", "悲伤"]), "emotion") == []
    assert class_remarks(made(["cats", "cats", "cat", "cat"], column="word"), "word") == []


def test_speakers_are_told_where_case_alone_differs():
    rows = [{"utterance": str(n), "path": f"{n}.wav", "speaker": name} for n, name in enumerate(["Ann", "ann", "anna"])]
    speakers = Utterances.from_rows(rows, corpus="made", root=Path("/there"))
    assert class_remarks(speakers, "speaker") == [
        "speaker 'Ann' (1) and 'ann' (1) may be one: correct it, or map one by labels"
    ]


def test_a_class_of_one_recording_is_told_whatever_its_segments():
    rows = [
        {"utterance": f"{n}", "path": path, "emotion": emotion, "start": float(n), "end": n + 1.0}
        for n, (path, emotion) in enumerate([("a", "joy"), ("a", "joy"), ("b", "fear"), ("c", "fear"), ("c", "calm")])
    ]
    segments = Utterances.from_rows(rows, corpus="made", root=Path("/there"))
    assert class_remarks(segments, "emotion") == ["emotion 'calm', 'joy' stand in one recording each"]


def test_classes_of_one_part_are_told():
    emotions = ["joy", "fear", "joy", "fear", "joy", "fear", "seven", "seven", "eight", "calm", "calm"]
    utterances = made(emotions, "ttvvxxxxvtt")
    split = split_by_column(utterances)
    assert split_remarks(utterances, split, "emotion") == [
        "emotion 'eight', 'seven' are not in the training part (3 recordings in validation, test), and cannot be "
        "learned; split otherwise, or leave it out by labels",
        "emotion 'calm' is in the training part alone (2 recordings): not tested",
    ]


def test_what_no_part_has_counts_for_nothing():
    utterances = made(["joy", "fear", "joy", "joy", None, "lost"])
    split = Split("made", "random", 0, {"train": ("000", "001"), "validation": ("002",), "test": ("003", "004")})
    assert split_remarks(utterances, split, "emotion") == [
        "emotion 'fear' is in the training part alone (1 recording): not tested"
    ]
