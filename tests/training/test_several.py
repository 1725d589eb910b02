"""Runs on several corpora at once: settings, records, what was heard."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import tomli_w

from hamiltone.corpora import CorpusError, CorpusSettings, load_utterances
from hamiltone.training import SettingsError, TrainingError, evaluate, load_dataset, read_settings, settings_from, train

TINY: dict[str, Any] = {
    "device": "cpu",
    "threads": 1,
    "front": {"kind": "spectrogram", "scale": "decibel"},
    "network": {"depth": 11, "algebra": "real", "width": 1 / 32, "hidden": 16},
    "training": {"epochs": 1, "batch": 16},
}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Two corpora of noise as parts in settings: the same speakers' names, other names of one emotion."""
    root = tmp_path_factory.mktemp("two")
    generator = np.random.default_rng(0)
    lines = ["path,speaker,emotion"]
    for corpus, labels in {"folder": ("calm", "glad"), "table": ("neutral", "glad", "bored")}.items():
        for number in range(len(labels) * 6):
            label, speaker = labels[number % len(labels)], f"s{number % 6}"
            path = root / corpus / label / speaker / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, generator.integers(-9000, 9000, 800, dtype=np.int16), 16000)
            if corpus == "table":
                lines.append(f"{path.relative_to(root)},{speaker},{label}")
    (root / "table.csv").write_text("\n".join(lines) + "\n")
    return [
        {"name": "folder", "root": str(root / "folder"), "labels": {"calm": "neutral"}},
        {"name": "table", "root": str(root / "table.csv"), "labels": {"bored": ""}},
    ]


def settings_of(out: Path, corpus: dict[str, Any], **changes: Any):
    content = {"name": out.name, "out": str(out), "corpus": corpus, **TINY, **changes}
    return settings_from(content, where="test")


@pytest.mark.parametrize("kind", ["random", "actor"])
def test_a_run_on_two_corpora_and_its_evaluation(two: list[dict[str, Any]], tmp_path: Path, kind: str) -> None:
    split = {"kind": kind, "fractions": [0.5, 0.25, 0.25]}
    record = train(settings_of(tmp_path / kind, {"parts": two}, split=split), quiet=True)
    assert record.corpus.name == "folder+table"
    assert record.corpus.note == "folder: calm as neutral; table: without bored (6 recordings)"
    assert record.labels == ("neutral", "glad")
    assert sum(getattr(record.split, part).clips for part in ("train", "validation", "test")) == 24
    assert [part["labels"] for part in record.settings["corpus"]["parts"]] == [{"calm": "neutral"}, {"bored": ""}]
    predictions = pd.read_csv(tmp_path / kind / "predictions.csv", dtype=str)
    assert set(predictions["speaker"].str.partition("/")[0]) == {"folder", "table"}
    assert record.test is not None
    assert record.test.speakers == predictions["speaker"].nunique()
    heard = json.loads((tmp_path / kind / "heard.json").read_text())
    for part in two:
        alone = load_utterances(CorpusSettings.model_validate(part))
        assert set(heard.pop(part["name"])) < set(alone.table["utterance"])
    assert not heard
    again = read_settings(tmp_path / kind / "settings.toml")
    assert again.corpus.name == "folder+table"
    assert evaluate(again, tmp_path / kind / "model").test == record.test
    # On one of the two alone, what the model heard of it is known.
    alone = settings_of(tmp_path / "alone", two[1], split={"kind": "random", "seed": 3})
    with pytest.raises(TrainingError, match=r"was trained on \d+ of the \d+ test recordings"):
        evaluate(alone, tmp_path / kind / "model")


def test_a_model_of_one_corpus_is_evaluated_on_another_by_a_map(two: list[dict[str, Any]], tmp_path: Path) -> None:
    split = {"kind": "random", "fractions": [0.5, 0.25, 0.25]}
    train(settings_of(tmp_path / "one", two[0], split=split), quiet=True)
    other = two[1] | {"labels": {"bored": "neutral"}}
    evaluation = evaluate(settings_of(tmp_path / "other", other, split=split), tmp_path / "one" / "model")
    assert evaluation.labels == ("neutral", "glad")
    assert (evaluation.corpus.name, evaluation.corpus.note) == ("table", "bored as neutral")
    with pytest.raises(TrainingError, match="does not know the corpus's classes bored"):
        evaluate(settings_of(tmp_path / "x", two[1] | {"labels": {}}, split=split), tmp_path / "one" / "model")


def test_the_identity_holds_the_maps_but_no_places(two: list[dict[str, Any]], tmp_path: Path) -> None:
    key = settings_of(tmp_path, {"parts": two}).key()
    elsewhere = [part | {"root": "elsewhere"} for part in two]
    assert settings_of(tmp_path, {"parts": elsewhere}).key() == key
    for other in (two[::-1], [two[0], two[1] | {"labels": {}}], [two[0] | {"only": True}, two[1]]):
        assert settings_of(tmp_path, {"parts": other}).key() != key
    assert settings_of(tmp_path, {"name": "folder"}).identity()["corpus"] == {"name": "folder"}


def test_settings_come_back_from_toml(two: list[dict[str, Any]], tmp_path: Path) -> None:
    settings = settings_of(tmp_path, {"parts": two})
    (tmp_path / "run.toml").write_text(tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True)))
    assert read_settings(tmp_path / "run.toml") == settings
    assert CorpusSettings(parts=settings.corpus.parts).name == "folder+table"  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ({"name": "x", "parts": [{"name": "folder"}]}, "corpus: name follows from the names of parts: leave it out"),
        (
            {"root": "x", "parts": [{"name": "folder"}]},
            "corpus: root, words and options are told of each of parts",
        ),
        (
            {"only": True, "parts": [{"name": "folder"}]},
            "corpus: labels and only beside parts name emotions of all of them: set common_names = true, too",
        ),
        ({"parts": [{"root": "x"}]}, "corpus.parts.0.name is missing"),
        ({"parts": [{"name": "folder", "label": {}}]}, "unknown key corpus.parts.0.label; did you mean labels?"),
        ({"parts": ["ravdess"]}, "corpus.parts.0"),
        ({"parts": 3}, "corpus.name is missing"),
        ({"parts": []}, "corpus.name is missing"),
    ],
)
def test_mistakes_in_settings_are_one_line(tmp_path: Path, corpus: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(tmp_path, corpus)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_emotion_that_a_corpus_lacks_is_one_line(two: list[dict[str, Any]], tmp_path: Path) -> None:
    parts = [two[0], two[1] | {"labels": {"ps": "glad"}}]
    with pytest.raises(CorpusError, match=r"table: labels names 'ps', .* \(bored, glad, neutral\)"):
        load_dataset(settings_of(tmp_path, {"parts": parts}))
