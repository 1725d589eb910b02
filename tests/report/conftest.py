"""Runs and studies as training leaves them, made with the models of records."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hamiltone.measures import summarise
from hamiltone.records import (
    FAILURE,
    PLANS,
    PREDICTIONS,
    PROBE,
    RECORD,
    Condition,
    CorpusFacts,
    Epoch,
    Evaluation,
    Failure,
    Method,
    PartSize,
    PlannedRun,
    Probe,
    ProbeLayer,
    ProbeTarget,
    Reconstruction,
    Resources,
    RunRecord,
    Score,
    SplitFacts,
    StudyPlan,
    write_predictions,
)
from hamiltone.report import write_report

EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]
PROTOCOL = "speaker-independent, not text-independent: of 8 test speakers, 0 in training"
RESOURCES = Resources(
    seconds_per_epoch=12.345,
    epoch_seconds=(12.0, 12.69),
    peak_memory_bytes=734003200,
    device="cpu",
    processor="made up",
    threads=2,
    processes=1,
    side_by_side=1,
)


def _epochs(count, anti_transfer):
    for epoch in range(1, count + 1):
        term = {"anti_transfer": 0.8 / epoch} if anti_transfer else {}
        accuracy = 0.13 + 0.5 * (1 - 0.85**epoch)
        loss = 1.5 + 0.6 * 0.7**epoch
        yield Epoch(
            epoch=epoch,
            train={"loss": 2.2 * 0.9**epoch, "cross_entropy": 2.1 * 0.9**epoch, **term},
            validation={"loss": loss, "cross_entropy": loss, "accuracy": accuracy, "uar": accuracy - 0.03},
        )


def evaluation(truth, prediction, speakers, labels):
    """What a run says of its clips."""
    return Evaluation.model_validate(summarise(truth, prediction, speakers, labels))


def actor_split(**changes):
    """Facts of a split by speaker, its test part of 128 clips."""
    facts = {
        "kind": "actor",
        "hash": "ef" * 32,
        "protocol": "",
        "train": PartSize(clips=720, frames=760, speakers=16),
        "validation": PartSize(clips=240, frames=250, speakers=5),
        "test": PartSize(clips=128, frames=128, speakers=8),
    }
    return SplitFacts.model_validate(facts | changes)


def full_record(name="baseline", method: Method | None = "none", layers=(), speakers=8, seed=0, **changes):
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
    summary = evaluation(truth, prediction, names, EMOTIONS)
    record = RunRecord(
        hamiltone="0.1.0",
        run=f"{seed:02d}" + "ab" * 31,
        name=name,
        task="emotion",
        method=method,
        layers=layers,
        settings={"network": {"width": 0.25, "algebra": "quaternion"}, "training": {"learning_rate": 1e-5}},
        settings_hash="cd" * 32,
        rests_on={},
        split=actor_split(),
        corpus=CorpusFacts(name="ravdess", note="1080 of 1440 clips"),
        notes=("2 silent clips were left out: a, b",),
        labels=tuple(EMOTIONS),
        parameters={"trained": 661348, "network": 661348, "front": 232},
        epochs=tuple(_epochs(30, method not in (None, "none"))),
        best_epoch=22,
        stopped="patience",
        validation=summary,
        test=summary,
        resources=RESOURCES,
        versions={"python": "3.11.7", "torch": "2.13.0"},
        command="hamiltone train configs/baseline.toml",
    )
    return changed(record, **changes), predictions


def changed(record, **changes):
    """Another record with these fields instead, checked as any."""
    return type(record).model_validate(dict(record) | changes)


def rh_emo_record(name="rh-emo", **changes):
    """A record of a pre-trained RH-Emo."""
    record, _ = full_record(name, method=None, test=None, validation=None)
    epochs = [
        Epoch(
            epoch=epoch,
            train={"loss": 0.7 / epoch, "reconstruction": 0.6 / epoch, "discrete": 2 / epoch, "valence": 0.69},
            validation={"loss": 0.8 / epoch, "reconstruction": 0.65 / epoch, "discrete": 2.1 / epoch},
        )
        for epoch in range(1, 13)
    ]
    rebuilt = Reconstruction(
        bce=0.0521, bce_constant=0.0943, bce_mean_spectrogram=0.08, axis_deviation=(0.0513, 0.0204, 0.00071, 0.0)
    )
    return changed(
        record, **{"task": "rh-emo", "epochs": epochs, "best_epoch": 12, "reconstruction": rebuilt} | changes
    )


def small_evaluation(**changes):
    """Sixteen clips of three classes."""
    measure = Score(value=0.75, low=0.6, high=0.875)
    facts = {
        "clips": 16,
        "speakers": 6,
        "accuracy": measure,
        "uar": measure,
        "macro_f1": measure,
        "confusion": [[4, 1, 0], [2, 3, 1], [0, 0, 5]],
        "labels": ["calm", "sad", "angry"],
    }
    return Evaluation.model_validate(facts | changes)


def small_record(name="small", **changes):
    """A record that is quick to draw: three classes, no curves."""
    return full_record(name, **{"epochs": [], "validation": None, "test": small_evaluation()} | changes)[0]


def write(folder: Path, record, predictions=None) -> Path:
    """Put a run into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    record.write(folder / RECORD)
    if predictions is not None:
        write_predictions(predictions, folder / PREDICTIONS)
    return folder


def write_study(folder: Path) -> Path:
    """Baseline, single and dual anti-transfer, an RH-Emo, a speaker and a word network."""
    write(folder / "rh-emo", rh_emo_record())
    speaker, _ = full_record("speakers", task="speaker", method=None, seed=8)
    many = [f"word{number}" for number in range(40)]
    words = evaluation(many * 3, many * 2 + many[::-1], ["1"] * 40 + ["2"] * 40 + ["3"] * 40, many)
    word, _ = full_record("words", task="word", method=None, test=None, validation=words, labels=many, seed=9)
    write(folder / "orthogonal" / "speaker", speaker)
    write(folder / "orthogonal" / "word", word)
    runs: list[tuple[str, Method, list[int]]] = [
        ("sw", "dual SW", [2]),
        ("single-w", "single W", [2, 5]),
        ("baseline", "none", []),
        ("single-s", "single S", [2]),
    ]
    for place, (name, method, layers) in enumerate(runs):
        write(folder / name, *full_record(name, method, layers, seed=place))
    return folder


class MadeStudy:
    """A study's folder as ``hamiltone study run`` leaves it, run by run; ``write`` puts its plan there."""

    def __init__(self, folder, name="made"):
        self.folder, self.name, self.runs = Path(folder), name, []

    def add(self, kind, label, cell=None, needs=(), state="done", record=None, predictions=None, **files):
        """One run; ``files`` are its probe and the reason of its failure."""
        key = hashlib.sha256(f"{label} {cell}".encode()).hexdigest()
        place = f"runs/{label}-{key[:12]}"
        self.runs.append(PlannedRun(folder=place, key=key, kind=kind, needs=needs, cell=cell))
        folder = self.folder / place
        if state == "done":
            write(folder, changed(record, run=key, name=label), predictions)
        if state == "failed":
            reason = "the loss is not a number in epoch 3:\nlower the learning rate"
            files.setdefault("failure", Failure(reason=reason, command="hamiltone study run"))
        for name, content in files.items():
            folder.mkdir(parents=True, exist_ok=True)
            content.write(folder / {"failure": FAILURE, "probe": PROBE}[name])
        return place

    def pretraining(self, kind="rh-emo-1", state="done", needs=()):
        """A run that others rest on."""
        record = rh_emo_record() if kind.startswith("rh-emo") else full_record(task=kind, method=None, epochs=[])[0]
        return self.add(kind, kind, None, needs, state, record)

    def recogniser(
        self, method: Method = "none", layer=None, *, skill=0.5, validation=0.5, speakers=8, needs=(), state="done",
        corpus="ravdess", split="actor", folds=None, fold=0, network="quaternion", front="", seed=0, reseed=0, clips=12,
        resources=None, epochs=0, predictions=True, facts=None, **files,
    ):  # fmt: skip
        """A recogniser that is right on about ``skill`` of its test clips; ``facts`` are those of its split."""
        cell = Condition(
            corpus=corpus,
            split=split,
            folds=folds,
            fold=fold,
            network=network,
            algebra="quaternion" if network == "quaternion" else "real",
            front=front or ("spectrogram" if network == "real" else "rh-emo"),
            method=method,
            layer=layer,
            seed=seed,
            reseed=reseed,
        )
        label = "-".join(f"{value}".replace(" ", "-") for _, value in cell if value is not None)
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
            "threads": 1,
            "side_by_side": 2,
        }
        record, _ = full_record(
            method=method,
            layers=[] if layer is None else [layer],
            labels=EMOTIONS[:4],
            corpus=CorpusFacts(name=corpus, note=""),
            split=actor_split(
                hash=hashlib.sha256(f"{corpus} {split} {fold}".encode()).hexdigest(),
                **facts or {"kind": "random" if split == "random" else "actor", "protocol": PROTOCOL},
            ),
            validation=small_evaluation(accuracy=Score(value=validation, note="not estimable (3 speakers)")),
            test=evaluation(truth, prediction, names, EMOTIONS[:4]),
            resources=changed(RESOURCES, **cost | (resources or {})),
            parameters={"trained": 100_000 if network == "quaternion" else 400_000},
        )
        record = changed(record, epochs=record.epochs[:epochs])
        return self.add("recogniser", label, cell, needs, state, record, table if predictions else None, **files)

    def write(self, **settings):
        """Write the plan, with these settings of the study, and give the folder."""
        plan = StudyPlan(
            study=self.name,
            command=f"hamiltone study run configs/study/{self.name}.toml",
            settings={"seeds": [0]} | settings,
            runs=tuple(self.runs),
        )
        (self.folder / PLANS).mkdir(parents=True, exist_ok=True)
        plan.write(self.folder / PLANS / f"{self.name}.json")
        return self.folder


def made_probe(shift=0.0, targets=("speaker", "emotion"), convolutions=13):
    """Probes of the convolutions and of the last hidden layer."""
    chance = {"speaker": 0.125, "word": 0.5, "emotion": 0.25}
    missing = {"word": "the corpus has one word"} if "word" not in targets else {}

    def target(name, layer):
        accuracy = min(1.0, chance[name] + 0.04 * layer + shift)
        facts = {"uar": 0.5, "chance": chance[name], "classes": 8, "clips": 96, "folds": 5, "apart": "recording"}
        return ProbeTarget(accuracy=accuracy, **facts)

    layers = [
        ProbeLayer(
            layer=layer,
            name=f"layer {layer}",
            kind="convolution" if layer <= convolutions else "last hidden",
            size=32,
            targets={name: target(name, layer) for name in targets},
            missing=missing,
        )
        for layer in range(1, convolutions + 2)
    ]
    return Probe(
        run="ab",
        name="made",
        corpus="ravdess",
        split={"kind": "actor", "hash": "ef"},
        frames={},
        method={},
        clips=96,
        speakers=8,
        notes=(),
        layers=tuple(layers),
        versions={},
        command="hamiltone probe",
    )


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
        evaluation=small_evaluation,
        split=actor_split,
        rh_emo=rh_emo_record,
        changed=changed,
        write=write,
        study=write_study,
        made_study=MadeStudy,
        probe=made_probe,
        emotions=EMOTIONS,
    )
