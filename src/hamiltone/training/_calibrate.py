"""Calibration: a saved recogniser's temperature, fitted on the validation part."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hamiltone.measures import expected_calibration_error, fit_temperature, reliability_bins
from hamiltone.networks import bundle_config, bundle_licence, load_recognizer, save_bundle
from hamiltone.records import heard_folder, read_heard, write_heard
from hamiltone.settings import RunSettings

from ._batches import Part
from ._determinism import deterministic
from ._display import TrainingDisplay
from ._evaluate import load_known_dataset
from ._objectives import Classification
from ._preparation import prepare_part


def calibrate(settings: RunSettings, model: Path | str, out: Path | str, *, quiet: bool = False) -> dict[str, Any]:
    """Fit a recogniser's temperature on the validation part that the settings name, and save it with that.

    The weights stay as they are, and so does what a frame is taken for; only how sure the scores are changes.

    Args:
        settings: those that the recogniser was trained with (corpus, split, frames and task count).
        model: folder of the saved recogniser.
        out: where the calibrated one goes; ``model`` itself is allowed.
        quiet: show no progress.

    Returns:
        ``temperature``, ``clips``, and for ``before`` and ``after`` (a temperature of 1, and the fitted one) the
        expected calibration error ``ece`` of the clips and their ``reliability`` bins.

    Raises:
        HamiltoneError: the model or the corpus cannot be read, or the corpus has classes that the model does not know.
    """
    recognizer = load_recognizer(model)
    with deterministic(settings.threads), TrainingDisplay(settings.name, quiet=quiet) as display:
        dataset = load_known_dataset(settings, recognizer, model)
        part, _ = prepare_part("validation", settings, dataset, recognizer.front, recognizer.labels, display.report)
        size = settings.training.batch
        with torch.no_grad():
            scores = [(recognizer(batch.x, batch.stage), batch.classes) for batch in part.in_order(size)]
        logits, classes = (torch.cat(parts).numpy() for parts in zip(*scores, strict=True))
        objective = Classification(recognizer)
        recognizer.temperature = 1.0
        before = _reliability(objective, part, size)
        recognizer.temperature = fit_temperature(logits, classes)
        after = _reliability(objective, part, size)
    told = (
        f"temperature {recognizer.temperature:.3f}, fitted on {len(part.utterances)} validation clips: expected "
        f"calibration error there {before['ece']:.3f} without, {after['ece']:.3f} with it"
    )
    facts = bundle_config(model).get("card", {})
    folder = heard_folder(Path(model))
    heard = None if folder is None else read_heard(folder)  # before ``out`` takes the model's place
    save_bundle(recognizer, out, facts | {"calibration": told}, licence=bundle_licence(model))
    if heard is not None:
        for corpus, utterances in dataset.split.by_corpus("validation").items():
            heard[corpus] = sorted({*heard.get(corpus, []), *utterances})
        write_heard(heard, Path(out))
    return {
        "temperature": recognizer.temperature,
        "clips": len(part.utterances),
        "before": before,
        "after": after,
    }


def _reliability(objective: Classification, part: Part, size: int) -> dict[str, Any]:
    probabilities = objective.probabilities(part, torch.device("cpu"), size).numpy()
    classes = part.classes.numpy()
    bins = [asdict(one) | _finite(one.confidence, one.accuracy) for one in reliability_bins(probabilities, classes)]
    return {"ece": expected_calibration_error(probabilities, classes), "reliability": bins}


def _finite(confidence: float, accuracy: float) -> dict[str, float | None]:
    values = {"confidence": confidence, "accuracy": accuracy}
    return {name: None if np.isnan(value) else value for name, value in values.items()}
