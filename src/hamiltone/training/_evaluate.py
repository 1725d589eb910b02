"""Evaluation: a saved recogniser on the test part of a corpus."""

from pathlib import Path

import pandas as pd
import torch

from hamiltone.corpora import protocol_of, recording_keys
from hamiltone.networks import Recognizer, load_recognizer
from hamiltone.records import (
    PREDICTIONS,
    RECORD,
    SPLIT,
    CorpusFacts,
    EvaluatedSplit,
    EvaluationRecord,
    heard_folder,
    read_heard,
    split_heading,
    versions,
    write_predictions,
)
from hamiltone.settings import Dataset, RunSettings, load_dataset

from ._batches import Part
from ._determinism import deterministic
from ._display import TrainingDisplay
from ._errors import TrainingError
from ._lineage import check_leaks
from ._objectives import Classification
from ._preparation import prepare_part
from ._results import evaluation_of, part_predictions

_EVALUATION = "evaluation.json"


def evaluate(
    settings: RunSettings, model: Path | str, out: Path | None = None, *, command: str = ""
) -> EvaluationRecord:
    """Evaluate a saved recogniser on the test part that the settings name (their corpus, split, frames and task).

    Args:
        settings: what to evaluate on; network, front and optimisation do not count, the model brings its own.
        model: folder of a saved recogniser.
        out: folder for ``evaluation.json``, ``predictions.csv`` and the split, where given.
        command: how it was started, for the record.

    Raises:
        HamiltoneError: the model or the corpus cannot be read, or the corpus has classes that the model does not know.
    """
    if out is not None and (out / RECORD).exists():
        raise TrainingError(f"{out}: holds a run, whose files would be overwritten; choose another --out")
    recognizer = load_recognizer(model)
    labels = recognizer.labels
    with deterministic(settings.threads), TrainingDisplay(settings.name) as display:
        dataset = load_known_dataset(settings, recognizer, model)
        notes = _leaks(Path(model), dataset, settings.leaks)
        recordings = recording_keys(dataset.utterances.table["path"])
        test, silent = prepare_part("test", settings, dataset, recognizer.front, labels, display.report, recordings)
        table = _answers(recognizer, test, settings)
    if silent:
        notes.append(f"{len(silent)} silent recordings were left out")
    protocol = protocol_of(dataset.utterances, dataset.split, recordings).line
    record = EvaluationRecord(
        name=settings.name,
        task=settings.task,
        model=str(model),
        corpus=CorpusFacts.of(dataset.utterances),
        split=EvaluatedSplit(**split_heading(dataset.split, protocol), test=test.size()),
        notes=tuple(notes),
        labels=labels,
        test=evaluation_of(table, labels),
        versions=versions(),
        command=command,
    )
    if out is not None:
        write_predictions(table, out / PREDICTIONS)
        dataset.split.write(out / SPLIT)
        record.write(out / _EVALUATION)
    return record


def predictions_on_test(recognizer: Recognizer, settings: RunSettings, model: Path | str) -> pd.DataFrame:
    """What a recogniser answers on the test part that settings name, as ``predictions.csv`` has it.

    Args:
        recognizer: what answers.
        settings: what to evaluate on, as for ``evaluate``.
        model: what errors call the recogniser.

    Raises:
        HamiltoneError: the corpus cannot be read, or has classes that the recogniser does not know.
    """
    with deterministic(settings.threads), TrainingDisplay(settings.name) as display:
        dataset = load_known_dataset(settings, recognizer, model)
        test, _ = prepare_part("test", settings, dataset, recognizer.front, recognizer.labels, display.report)
        return _answers(recognizer, test, settings)


def _answers(recognizer: Recognizer, test: Part, settings: RunSettings) -> pd.DataFrame:
    probabilities = Classification(recognizer).probabilities(test, torch.device("cpu"), settings.training.batch)
    return part_predictions(test, probabilities, recognizer.labels)


def load_known_dataset(settings: RunSettings, recognizer: Recognizer, model: Path | str) -> Dataset:
    """The dataset that settings name.

    Raises:
        TrainingError: the recogniser does not know all of its classes.
    """
    dataset = load_dataset(settings)
    if unknown := sorted(set(dataset.labels) - set(recognizer.labels)):
        raise TrainingError(f"{model}: does not know the corpus's classes {', '.join(unknown)}; take another model")
    return dataset


def _leaks(model: Path, dataset: Dataset, leaks: str) -> list[str]:
    folder = heard_folder(model)
    if folder is not None:
        return check_leaks(read_heard(folder), dataset.split, f"the model of {folder}", leaks)
    return ["what the model was trained on is not known here: its recordings may be among those tested on"]
