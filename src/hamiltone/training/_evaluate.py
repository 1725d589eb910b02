"""A saved recogniser on the test part of a corpus."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hamiltone.corpora import protocol_of, recording_keys
from hamiltone.files import atomic_write
from hamiltone.measures import summarise
from hamiltone.networks import Recognizer, load_recognizer

from ._lineage import RECORD, check_leaks, heard_folder, read_heard
from ._loop import TrainingError
from ._material import Material, load_material
from ._objectives import Classification
from ._parts import Part, make_part, stored_inputs
from ._record import PREDICTIONS, SPLIT, predictions_table, split_facts, versions, write_predictions
from ._run import deterministic
from ._settings import RunSettings
from ._store import frames_key, stored_frames, stored_stage
from ._watch import Watch

_EVALUATION = "evaluation.json"


def evaluate(settings: RunSettings, model: Path | str, out: Path | None = None, *, command: str = "") -> dict[str, Any]:
    """Evaluate a saved recogniser on the test part that the settings name (their corpus, split, frames and task).

    Args:
        settings: what to evaluate on; network, front and optimisation do not count, the model brings its own.
        model: folder of a saved recogniser.
        out: folder for ``evaluation.json``, ``predictions.csv`` and the split, where given.
        command: how it was started, for the record.

    Returns:
        Name, task, corpus, split, notes, labels, ``test`` (as in a run's record) and versions.

    Raises:
        HamiltoneError: the model or the corpus cannot be read, or the corpus has classes that the model does not know.
    """
    if out is not None and (out / RECORD).exists():
        raise TrainingError(f"{out}: holds a run, whose files would be overwritten; choose another --out")
    recognizer = load_recognizer(model)
    with deterministic(settings.threads), Watch(settings.name) as watch:
        material = load_known(settings, recognizer, model)
        notes = _leaks(Path(model), material, settings.leaks)
        recordings = recording_keys(material.utterances.table["path"])
        test, silent = recognizers_part("test", settings, material, recognizer, watch, recordings)
        objective = Classification(recognizer, None, "cross_entropy")
        probabilities = objective.probabilities(test, torch.device("cpu"), settings.training.batch)
    table = predictions_table(test, probabilities, recognizer.labels)
    evaluation = {
        "name": settings.name,
        "task": settings.task,
        "model": str(model),
        "corpus": {"name": material.utterances.corpus, "note": material.utterances.note},
        "split": split_facts(material.split, protocol_of(material.utterances, material.split, recordings).line)
        | {"test": test.counts()},
        "notes": notes + ([f"{silent} silent recordings were left out"] if silent else []),
        "labels": list(recognizer.labels),
        "test": summarise(table["truth"], table["prediction"], table["speaker"], recognizer.labels),
        "versions": versions(),
        "command": command,
    }
    if out is not None:
        write_predictions(table, out / PREDICTIONS)
        material.split.write(out / SPLIT)
        atomic_write(out / _EVALUATION, json.dumps(evaluation, indent=2) + "\n")
    return evaluation


def load_known(settings: RunSettings, recognizer: Recognizer, model: Path | str) -> Material:
    """The corpus and its split.

    Raises:
        TrainingError: the recogniser does not know all of its classes.
    """
    material = load_material(settings)
    if unknown := sorted(set(material.labels) - set(recognizer.labels)):
        raise TrainingError(f"{model}: does not know the corpus's classes {', '.join(unknown)}; take another model")
    return material


def recognizers_part(
    name: str,
    settings: RunSettings,
    material: Material,
    recognizer: Recognizer,
    watch: Watch,
    recordings: Mapping[str, str] | None = None,
) -> tuple[Part, int]:
    """A part of the split as the recogniser's own front sees it, and how many silent recordings were left out.

    ``recordings`` are the keys of the recordings, where they are known already.
    """
    key = frames_key(material.utterances, settings.frames, recordings)
    frames = stored_frames(material.utterances, settings.frames, key, watch.report)
    seed = settings.seed if settings.frames.random_offset else None
    array = stored_stage(frames, recognizer.front, "features", seed, watch.report)
    chosen = material.split.apply(material.utterances)[name]
    inputs = stored_inputs(array, "features")
    part = make_part(name, chosen, material.utterances, frames, settings.column, recognizer.labels, inputs)
    return part, len(frames.silent)


def _leaks(model: Path, material: Material, leaks: str) -> list[str]:
    folder = heard_folder(model)
    if folder is not None:
        return check_leaks(read_heard(folder), material.split, f"the model of {folder}", leaks)
    return ["what the model was trained on is not known here: its recordings may be among those tested on"]
