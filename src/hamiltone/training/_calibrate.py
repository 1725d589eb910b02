"""A saved recogniser's temperature, fitted on the validation part."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hamiltone.files import atomic_write
from hamiltone.measures import expected_calibration_error, fit_temperature, reliability_bins
from hamiltone.networks import bundle_config, bundle_licence, load_recognizer, save_bundle

from ._evaluate import load_known, recognizers_part
from ._lineage import HEARD, heard_folder, read_heard
from ._objectives import Classification
from ._parts import Part
from ._run import deterministic
from ._settings import RunSettings
from ._watch import Watch


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
    with deterministic(settings.threads), Watch(settings.name, quiet=quiet) as watch:
        material = load_known(settings, recognizer, model)
        part, _ = recognizers_part("validation", settings, material, recognizer, watch)
        size = settings.training.batch
        with torch.no_grad():
            scores = [(recognizer(batch.x, batch.stage), batch.classes) for batch in part.in_order(size)]
        logits, classes = (torch.cat(parts).numpy() for parts in zip(*scores, strict=True))
        objective = Classification(recognizer, None, "cross_entropy")
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
        for corpus, utterances in material.split.by_corpus("validation").items():
            heard[corpus] = sorted({*heard.get(corpus, []), *utterances})
        atomic_write(Path(out) / HEARD, json.dumps(heard) + "\n")
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
