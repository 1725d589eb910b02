"""Records as the training writes them, made by hand."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hamiltone.measures import summarise
from hamiltone.report import write_report

EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]


def _epochs(count, anti_transfer):
    for epoch in range(1, count + 1):
        train = {"loss": 2.2 * 0.9**epoch, "cross_entropy": 2.1 * 0.9**epoch}
        if anti_transfer:
            train["anti_transfer"] = 0.8 / epoch
        accuracy = 0.13 + 0.5 * (1 - 0.85**epoch)
        yield {
            "epoch": epoch,
            "train": train,
            "validation": {"loss": 1.5 + 0.6 * 0.7**epoch, "accuracy": accuracy, "uar": accuracy - 0.03},
        }


def full_record(name="baseline", method="none", layers=(), speakers=8, seed=0, **changes):
    """A record of an emotion run with everything in it, and its predictions."""
    generator = np.random.default_rng(seed)
    names = np.repeat([f"{19 + speaker:02d}" for speaker in range(speakers)], 16)
    truth = np.tile(np.repeat(EMOTIONS, 2), speakers)
    scores = generator.dirichlet(np.full(len(EMOTIONS), 0.6), len(truth))
    scores[np.arange(len(truth)), [EMOTIONS.index(item) for item in truth]] += generator.uniform(0, 0.5, len(truth))
    scores[::40] = np.roll(np.eye(len(EMOTIONS)), 1, axis=1)[[EMOTIONS.index(item) for item in truth[::40]]]
    scores /= scores.sum(1, keepdims=True)
    prediction = np.array(EMOTIONS)[scores.argmax(1)]
    predictions = pd.DataFrame(
        {
            "utterance": [f"clip-{number:03d}" for number in range(len(truth))],
            "speaker": names,
            "truth": truth,
            "prediction": prediction,
            **{f"score_{label}": scores[:, column].round(4) for column, label in enumerate(EMOTIONS)},
        }
    )
    summary = summarise(truth, prediction, names, EMOTIONS)
    record = {
        "hamiltone": "0.1.0",
        "format": 1,
        "run": f"{seed:02d}" + "ab" * 31,
        "name": name,
        "task": "emotion",
        "method": method,
        "layers": list(layers),
        "settings": {"network": {"width": 0.25, "algebra": "quaternion"}, "training": {"learning_rate": 1e-5}},
        "settings_hash": "cd" * 32,
        "split": {
            "kind": "actor",
            "hash": "ef" * 32,
            "train": {"clips": 720, "frames": 760, "speakers": 16},
            "validation": {"clips": 240, "frames": 250, "speakers": 5},
            "test": {"clips": len(truth), "frames": len(truth), "speakers": speakers},
        },
        "corpus": {"name": "ravdess", "note": "1080 of 1440 clips"},
        "notes": ["2 silent clips were left out: a, b"],
        "labels": EMOTIONS,
        "parameters": {"trained": 661348, "network": 661348, "front": 232},
        "epochs": list(_epochs(30, method not in ("", "none"))),
        "best_epoch": 22,
        "stopped": "patience",
        "validation": summary,
        "test": summary,
        "resources": {
            "seconds_per_epoch": 12.345,
            "epoch_seconds": [12.0, 12.69],
            "peak_memory_bytes": 734003200,
            "device": "cpu",
            "threads": 2,
        },
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "command": "hamiltone train configs/baseline.toml",
    }
    return record | changes, predictions


def rh_emo_record(name="rh-emo", **changes):
    """A record of a pre-trained RH-Emo."""
    record, _ = full_record(name)
    for key in ("test", "validation", "method", "layers"):
        del record[key]
    epochs = [
        {
            "epoch": epoch,
            "train": {"loss": 0.7 / epoch, "reconstruction": 0.6 / epoch, "discrete": 2 / epoch, "valence": 0.69},
            "validation": {"loss": 0.8 / epoch, "reconstruction": 0.65 / epoch, "discrete": 2.1 / epoch},
        }
        for epoch in range(1, 13)
    ]
    rebuilt = {"bce": 0.0521, "bce_constant": 0.0943, "axis_deviation": [0.0513, 0.0204, 0.00071, 0.0]}
    return record | {"task": "rh-emo", "epochs": epochs, "best_epoch": 12, "reconstruction": rebuilt} | changes


def minimal_record(**changes):
    """Only what a record must have."""
    return {"hamiltone": "0.1.0", "format": 1, "run": "0" * 64, "name": "bare", "task": "emotion"} | changes


def small_record(name="small", **changes):
    """A record that is quick to draw: three classes, no curves."""
    confusion = [[4, 1, 0], [2, 3, 1], [0, 0, 5]]
    accuracy = {"value": 0.75, "low": 0.6, "high": 0.875, "note": ""}
    test = {
        "clips": 16,
        "speakers": 6,
        "accuracy": accuracy,
        "confusion": confusion,
        "labels": ["calm", "sad", "angry"],
    }
    return full_record(name)[0] | {"epochs": [], "validation": None, "test": test} | changes


def write(folder: Path, record, predictions=None) -> Path:
    """Put a run into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.json").write_text(json.dumps(record))
    if predictions is not None:
        predictions.to_csv(folder / "predictions.csv", index=False)
    return folder


def write_study(folder: Path) -> Path:
    """Baseline, single and dual anti-transfer, an RH-Emo, a speaker and a word network."""
    write(folder / "rh-emo", rh_emo_record())
    speaker, _ = full_record("speakers", task="speaker", method="", seed=8)
    many = [f"word{number}" for number in range(40)]
    word, _ = full_record("words", task="word", method="", test=None, labels=many, seed=9)
    word["validation"] = summarise(many * 3, many * 2 + many[::-1], ["1"] * 40 + ["2"] * 40 + ["3"] * 40, many)
    write(folder / "orthogonal" / "speaker", speaker)
    write(folder / "orthogonal" / "word", word)
    for place, (name, method, layers) in enumerate(
        [
            ("sw", "dual SW", [2]),
            ("single-w", "single W", [2, 5]),
            ("baseline", "none", []),
            ("single-s", "single S", [2]),
        ]
    ):
        write(folder / name, *full_record(name, method, layers, seed=place))
    return folder


@pytest.fixture
def study(tmp_path) -> Path:
    """A folder of runs."""
    return write_study(tmp_path / "runs")


@pytest.fixture(scope="session")
def study_page(tmp_path_factory) -> Path:
    """The page of such a folder, for tests that only read."""
    return write_report(write_study(tmp_path_factory.mktemp("study")))


@pytest.fixture
def make() -> SimpleNamespace:
    """The makers of records and folders."""
    return SimpleNamespace(
        full=full_record,
        small=small_record,
        rh_emo=rh_emo_record,
        minimal=minimal_record,
        write=write,
        study=write_study,
        emotions=EMOTIONS,
    )
