"""Records as the training writes them, made by hand."""

import hashlib
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


class MadeStudy:
    """A study's folder as ``hamiltone study run`` leaves it, run by run; ``write`` puts its plan there."""

    def __init__(self, folder, name="made"):
        self.folder, self.name, self.runs = Path(folder), name, []

    def add(self, kind, label, cell=None, needs=(), state="done", record=(), predictions=None, **files):
        """One run; ``files`` are further JSON files of its folder."""
        key = hashlib.sha256(f"{label} {cell}".encode()).hexdigest()
        place = f"runs/{label}-{key[:12]}"
        self.runs.append({"folder": place, "key": key, "kind": kind, "needs": list(needs), "cell": cell})
        folder = self.folder / place
        if state == "done":
            write(folder, dict(record, run=key, name=label), predictions)
        if state == "failed":
            files["failure"] = {"reason": "the loss is not a number in epoch 3:\nlower the learning rate"}
        for name, content in files.items():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.json").write_text(json.dumps(content))
        return place

    def pretraining(self, kind="rh-emo-1", state="done", needs=()):
        """A run that others rest on."""
        record = rh_emo_record() if kind.startswith("rh-emo") else full_record(task=kind, method="", epochs=[])[0]
        return self.add(kind, kind, None, needs, state, record)

    def recogniser(
        self, method="none", layer=None, *, skill=0.5, validation=0.5, speakers=8, needs=(), state="done",
        corpus="ravdess", split="actor", folds=None, fold=0, network="quaternion", seed=0, reseed=0, clips=12,
        resources=None, epochs=0, predictions=True, **files,
    ):  # fmt: skip
        """A recogniser that is right on about ``skill`` of its test clips."""
        cell = {
            "corpus": corpus,
            "split": split,
            "folds": folds,
            "fold": fold,
            "network": network,
            "algebra": "quaternion" if network == "quaternion" else "real",
            "front": "spectrogram" if network == "real" else "rh-emo",
            "method": method,
            "layer": layer,
            "seed": seed,
            "reseed": reseed,
        }
        label = "-".join(f"{value}".replace(" ", "-") for value in cell.values() if value is not None)
        names = np.repeat([f"{fold * speakers + speaker:02d}" for speaker in range(speakers)], clips)
        truth = np.tile(np.resize(EMOTIONS[:4], clips), speakers)
        generator = np.random.default_rng(int(hashlib.sha256(label.encode()).hexdigest()[:8], 16))
        right = generator.random(len(truth)) < skill
        prediction = np.where(right, truth, np.resize(EMOTIONS[1:4] + EMOTIONS[:1], len(truth)))
        table = pd.DataFrame(
            {
                "utterance": [f"{corpus}-{fold}-{number:03d}" for number in range(len(truth))],
                "speaker": names,
                "truth": truth,
                "prediction": prediction,
                **{f"score_{emotion}": np.where(prediction == emotion, 0.7, 0.1) for emotion in EMOTIONS[:4]},
            }
        )
        factor = {"real": 1.0, "quaternion": 0.2, "real-on-embedding": 0.25}.get(network, 1.0)
        cost = {
            "seconds_per_epoch": 30 * factor,
            "cpu_seconds_per_epoch": 25 * factor + (0 if layer is None else 0.1 * layer),
            "peak_memory_bytes": int(2**30 * (1 if network == "real" else 0.5)) + (layer or 0) * 2**20,
            "device": "cpu",
            "threads": 1,
            "side_by_side": 2,
            "processor": "made up",
        }
        record = full_record(method=method, layers=[] if layer is None else [layer])[0]
        record |= {
            "labels": EMOTIONS[:4],
            "corpus": {"name": corpus},
            "split": {
                "kind": split,
                "hash": hashlib.sha256(f"{corpus} {split} {fold}".encode()).hexdigest(),
                "protocol": "speaker-independent, not text-independent: of 8 test speakers, 0 in training",
            },
            "epochs": record["epochs"][:epochs],
            "validation": {"accuracy": {"value": validation}},
            "test": summarise(truth, prediction, names, EMOTIONS[:4]),
            "resources": cost | (resources or {}),
            "parameters": {"trained": 100_000 if network == "quaternion" else 400_000},
        }
        return self.add("recogniser", label, cell, needs, state, record, table if predictions else None, **files)

    def write(self):
        """Write the plan, and give the folder."""
        plan = {
            "format": 1,
            "study": self.name,
            "command": f"hamiltone study run configs/study/{self.name}.toml",
            "settings": {"seeds": [0]},
            "runs": self.runs,
        }
        (self.folder / "studies").mkdir(parents=True, exist_ok=True)
        (self.folder / "studies" / f"{self.name}.json").write_text(json.dumps(plan))
        return self.folder


def made_probe(shift=0.0, targets=("speaker", "emotion")):
    """Probes of thirteen convolutions and the last hidden layer."""
    chance = {"speaker": 0.125, "word": 0.5, "emotion": 0.25}
    layers = [
        {
            "layer": layer,
            "name": f"layer {layer}",
            "size": 32,
            "targets": {
                name: {
                    "accuracy": min(1.0, chance[name] + 0.04 * layer + shift),
                    "uar": 0.5,
                    "chance": chance[name],
                    "classes": 8,
                    "clips": 96,
                    "folds": 5,
                    "apart": "recording",
                    "note": "",
                }
                for name in targets
            },
        }
        for layer in range(1, 15)
    ]
    missing = {"word": "the corpus has one word"} if "word" not in targets else {}
    return {"format": 1, "run": "ab", "part": "test", "clips": 96, "speakers": 8, "layers": layers, "missing": missing}


@pytest.fixture
def made(tmp_path) -> MadeStudy:
    """An empty study to fill."""
    return MadeStudy(tmp_path / "study")


@pytest.fixture(scope="session")
def made_page(tmp_path_factory) -> Path:
    """The page of a study with a bit of everything, for tests that only read."""
    made = MadeStudy(tmp_path_factory.mktemp("made"), "small")
    rh_emo = made.pretraining("rh-emo-1")
    broken = made.pretraining("word", state="failed", needs=[rh_emo])
    made.recogniser(probe=made_probe(), epochs=4)
    made.recogniser(reseed=1)
    for layer in (2, 9):
        made.recogniser("single S", layer, validation=0.6 - layer / 100, probe=made_probe(), epochs=4)
        made.recogniser("single W", layer, state="absent", needs=[broken])
    made.recogniser("dual SW", 2, state="absent")
    return write_report(made.write())


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
        made_study=MadeStudy,
        probe=made_probe,
        emotions=EMOTIONS,
    )
