"""What a finished run leaves: record.json, predictions.csv, settings.toml, split.json and the model."""

import json
import platform
import statistics
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w
from jaxtyping import Float
from torch import Tensor

from hamiltone import __version__
from hamiltone.corpora import Split, Utterances, licences
from hamiltone.files import atomic_path, atomic_write
from hamiltone.machine import processor

from ._lineage import HEARD, RECORD, Lineage, heard_by
from ._loop import History
from ._parts import Part
from ._settings import RunSettings

PREDICTIONS, SETTINGS, SPLIT = "predictions.csv", "settings.toml", "split.json"
_FORMAT = 1
_VERSIONED = ("torch", "numpy", "scipy", "scikit-learn", "soundfile", "soxr", "accelerate")


def predictions_table(
    part: Part, probabilities: Float[Tensor, "utterance label"], labels: Sequence[str]
) -> pd.DataFrame:
    """A row per utterance: utterance, speaker, truth, prediction and one score (a probability) for each class."""
    table = pd.DataFrame(
        {
            "utterance": part.utterances.table["utterance"].to_numpy(),
            "speaker": part.utterances.table["speaker"].to_numpy(),
            "truth": [labels[index] for index in part.classes.tolist()],
            "prediction": [labels[index] for index in probabilities.argmax(dim=1).tolist()],
        }
    )
    scores = {f"score_{label}": probabilities[:, index].numpy() for index, label in enumerate(labels)}
    return table.assign(**scores)


def write_predictions(table: pd.DataFrame, path: Path) -> None:
    """Write a table of predictions as CSV."""
    with atomic_path(path) as draft:
        table.to_csv(draft, index=False, float_format="%.6f", lineterminator="\n")


def run_record(
    *,
    key: str,
    settings: RunSettings,
    lineage: Lineage,
    rests_on: dict[str, str],
    corpus: Utterances,
    split: Split,
    protocol: str,
    parts: Sequence[Part],
    labels: Sequence[str],
    parameters: dict[str, int],
    history: History,
    notes: Sequence[str],
    results: dict[str, Any],
    command: str,
    side_by_side: int,
) -> dict[str, Any]:
    """The record of a run: settings in, results out. Times and memory stand under ``resources`` alone."""
    return {
        "hamiltone": __version__,
        "format": _FORMAT,
        "run": key,
        "name": settings.name,
        "task": settings.task,
        "method": lineage.method() if settings.task == "emotion" else "",
        "layers": list(settings.anti_transfer.layers) if settings.anti_transfer else [],
        "chain": [[letter, list(layers)] for letter, layers in lineage.chain()] if settings.task == "emotion" else [],
        "settings": settings.model_dump(mode="json"),
        "settings_hash": settings.key(),
        "rests_on": rests_on,
        "split": split_facts(split, protocol) | {part.name: part.counts() for part in parts},
        "corpus": {"name": corpus.corpus, "note": corpus.note},
        "notes": list(notes),
        "labels": list(labels),
        "parameters": parameters,
        "epochs": history.epochs,
        "best_epoch": history.best_epoch,
        "stopped": history.stopped,
        **results,
        "resources": {
            "seconds_per_epoch": statistics.median(history.epoch_seconds),
            "epoch_seconds": history.epoch_seconds,
            "cpu_seconds_per_epoch": statistics.median(history.epoch_cpu_seconds),
            "epoch_cpu_seconds": history.epoch_cpu_seconds,
            "peak_memory_bytes": history.peak_memory_bytes,
            "device": str(history.device),
            "processor": processor(),
            "threads": settings.threads,
            "processes": settings.processes,
            "side_by_side": side_by_side,
        },
        "versions": versions(),
        "command": command,
    }


def split_facts(split: Split, protocol: str) -> dict[str, Any]:
    """What records say of a split: kind, hash, what it promises (``protocol``), and how it was made (``scheme``)."""
    more = {"scheme": split.scheme, "folds": split.folds, "fold": split.fold}
    told = {key: value for key, value in more.items() if value is not None}
    return {"kind": split.kind, "hash": split.hash, "protocol": protocol, **told}


def versions() -> dict[str, str]:
    """Versions of what decides a result, and the machine's kind."""
    packages = {name: metadata.version(name) for name in _VERSIONED}
    return {"python": platform.python_version(), "hamiltone": __version__, **packages, "machine": platform.machine()}


def write_settings(settings: RunSettings, splits: Sequence[Split], lineage: Lineage, folder: Path) -> None:
    """Write a run's settings (ready to be read again), its split, and what it and all beneath it have heard.

    The first split is the run's own; another one is that of its normalisation.
    """
    atomic_write(folder / SETTINGS, tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True)))
    splits[0].write(folder / SPLIT)
    atomic_write(folder / HEARD, json.dumps(heard_by(splits, lineage)) + "\n")


def write_record(record: dict[str, Any], folder: Path) -> None:
    """Write the record; it comes last, so its presence says that the run is complete."""
    atomic_write(folder / RECORD, json.dumps(record, indent=2, allow_nan=False) + "\n")


def card_facts(record: dict[str, Any], heard: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What a model card says of a run that has heard these recordings of these corpora (see ``heard_by``)."""
    lines = []
    for measure in ("accuracy", "uar", "macro_f1") if "test" in record else ():
        entry = record["test"][measure]
        interval = entry["note"] or f"{entry['low']:.3f} to {entry['high']:.3f}"
        lines.append(f"test {measure.replace('_', ' ')} {entry['value']:.3f} (95 % interval {interval})")
    split = record["split"]
    kind = f"{split['kind']} split" + (f" ({split['scheme']})" if "scheme" in split else "")
    sizes = f"{split['train']['clips']} clips of {split['train']['speakers']} speakers to train"
    return {
        "title": record["name"],
        "task": record["task"],
        "corpus": record["corpus"]["name"],
        "corpus_note": record["corpus"]["note"],
        "split": f"{kind}, {sizes}; {split['protocol']}",
        "method": f"{record['method']}, layers {record['layers']}" if record["layers"] else record["method"],
        "heard": {corpus: len(utterances) for corpus, utterances in heard.items()},
        "licences": licences(heard),
        "results": lines,
        "versions": record["versions"],
        "command": record["command"],
    }
