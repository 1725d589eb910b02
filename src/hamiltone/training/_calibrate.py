"""Calibration: a saved recogniser's temperature, fitted on the validation part, and where it is unsure."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from hamiltone.corpora import read_split
from hamiltone.measures import (
    Doubt,
    doubt,
    expected_calibration_error,
    fit_temperature,
    reliability_bins,
    temperature_range,
)
from hamiltone.networks import (
    Ensemble,
    Recognizer,
    bundle_config,
    bundle_licence,
    check_bundle_place,
    load_recognizer,
    save_bundle,
)
from hamiltone.records import SPLIT, heard_folder, joined_heard, namesakes, read_heard, read_record
from hamiltone.settings import Dataset, RunSettings

from ._batches import Part
from ._determinism import deterministic
from ._display import TrainingDisplay
from ._errors import TrainingError
from ._evaluate import load_known_dataset
from ._objectives import Classification
from ._preparation import prepare_part

UNSURE_BELOW = 0.5
"""The highest score under which a calibrated answer is more often wrong than right, by its own account."""

_MEANS_LITTLE = "how sure the scores are means little: calibrate on more clips"
_TELL_NONE = "these clips tell no temperature"
_OLD_RESULTS = "the results above are of the scores before it was calibrated anew"

_LOOSE = 2.0
"""How many times the lowest likely temperature the highest one may be before it is told."""


def calibrate(
    settings: RunSettings,
    model: Path | str,
    out: Path | str,
    *,
    unsure_below: float = UNSURE_BELOW,
    quiet: bool = False,
) -> dict[str, Any]:
    """Fit a recogniser's temperature on the validation part that the settings name, and save it with that.

    The weights stay as they are; only how sure the scores are changes, and below which of them the label is "unsure".
    Recordings stand where ``predict`` puts them, whatever the settings say.

    Args:
        settings: those that the recogniser was trained with (corpus, split, frames and task count).
        model: folder of the saved recogniser.
        out: where the calibrated one goes; ``model`` itself is allowed, where no run's record tells of it.
        unsure_below: the score, after calibration, below which the label is "unsure"; 0: it never is.
        quiet: show no progress.

    Returns:
        ``temperature``, ``unsure_below``, ``clips``, for ``before`` and ``after`` (a temperature of 1, and the fitted
        one) the clips' calibration error ``ece`` and ``reliability`` bins, ``doubt``, and ``notes``.

    Raises:
        HamiltoneError: a model or corpus that cannot be read, an ``out`` that can take no model, classes that the model
            does not know, or validation clips that it was trained on (where ``settings.leaks`` refuses that).
        ValueError: ``unsure_below`` is no score of 0 to 1.
    """
    if not 0 <= unsure_below <= 1:
        raise ValueError(f"unsure_below must be a score of 0 to 1, not {unsure_below}")
    check_bundle_place(out)
    recognizer = load_recognizer(model)
    settings = settings.model_copy(update={"frames": settings.frames.model_copy(update={"random_offset": False})})
    with deterministic(settings.threads), TrainingDisplay(settings.name, quiet=quiet) as display:
        dataset = load_known_dataset(settings, recognizer, model)
        notes = _leaks(Path(model), recognizer, dataset, settings.leaks)
        part, _ = prepare_part("validation", settings, dataset, recognizer.front, recognizer.labels, display.report)
        size = settings.training.batch
        logits, classes = _scores(recognizer, part, size)
        objective = Classification(recognizer)
        recognizer.temperature = 1.0
        before = _reliability(_probabilities(objective, part, size), part)
        recognizer.temperature, loose = told_temperature(logits, classes, "validation frames")
        recognizer.unsure_below, notes = unsure_below, [*notes, *loose]
        probabilities = _probabilities(objective, part, size)
        after = _reliability(probabilities, part)
        doubted = doubt(probabilities, part.classes.numpy(), unsure_below)
    clips = f"{found_how(notes)} {len(part.utterances)} validation clips"
    told = _told_errors(recognizer.temperature, clips, before, after) + _told_doubt(doubted, unsure_below)
    _save(recognizer, Path(model), Path(out), dataset, told, notes)
    return {
        "temperature": recognizer.temperature,
        "unsure_below": unsure_below,
        "clips": len(part.utterances),
        "before": before,
        "after": after,
        "doubt": _without_nan(asdict(doubted)),
        "notes": notes,
    }


def _scores(
    recognizer: Recognizer, part: Part, size: int
) -> tuple[Float[np.ndarray, "row label"], Int[np.ndarray, " row"]]:
    with torch.no_grad():
        scores = [(recognizer(batch.x, batch.stage), batch.classes) for batch in part.in_order(size)]
    logits, classes = (torch.cat(parts).numpy() for parts in zip(*scores, strict=True))
    return logits, classes


def told_temperature(
    logits: Float[np.ndarray, "row label"], classes: Int[np.ndarray, " row"], rows: str
) -> tuple[float, list[str]]:
    """The temperature that these rows (what they are called, in words) tell, and a note where they hardly do.

    Where they tell none, as where all or as many are right as by chance, no score gets surer than it is: 1 at least.
    """
    temperature = fit_temperature(logits, classes)
    likely = temperature_range(logits, temperature)
    if likely is None:
        temperature = max(1.0, temperature)
        right = f"{int((logits.argmax(1) == classes).sum())} of {len(classes)} {rows} are recognised"
        why = f"{_TELL_NONE} ({right}); {temperature:.3g} was taken"
    elif likely[1] > _LOOSE * likely[0]:
        its = " to ".join(f"{one:.2g}" for one in likely)
        why = f"{len(classes)} {rows} are too few to say the temperature, which may be {its}"
    else:
        return temperature, []
    return temperature, [f"{why}; {_MEANS_LITTLE}"]


def found_how(notes: Sequence[str]) -> str:
    """How a temperature was found of which there are these notes, for a card: fitted on the clips that follow."""
    return "told by none of" if any(_TELL_NONE in note for note in notes) else "fitted on"


def _leaks(model: Path, recognizer: Recognizer, dataset: Dataset, leaks: str) -> list[str]:
    """See that the clips to calibrate on are not those that the weights were fitted to."""
    folder = heard_folder(model)
    fitted = dataset.split.by_corpus("validation")
    what = f"the model of {folder}"
    alike = [] if folder is None else namesakes(read_heard(folder), fitted, "validation recordings", what)
    several = isinstance(recognizer.network, Ensemble) and len(recognizer.network.networks) > 1
    if folder is None or not (several or (folder / SPLIT).is_file()):
        return ["what the model was trained on, and what it was chosen on, is not known apart here", *alike]
    # What one member of an ensemble was chosen on, another one was trained on, and some runs learn from both parts.
    both = not several and read_record(folder).settings.get("training", {}).get("with_validation", False)
    chosen = {} if several or both else read_split(folder / SPLIT).by_corpus("validation")
    trained = {corpus: {*heard} - chosen.get(corpus, set()) for corpus, heard in read_heard(folder).items()}
    seen = sum(len(utterances & trained.get(corpus, set())) for corpus, utterances in fitted.items())
    if not seen:
        return alike
    text = f"{model} was trained on {seen} of the {sum(map(len, fitted.values()))} validation recordings"
    if leaks == "refuse":
        advice = "calibrate with the split of its run"
        if several:
            advice = "it was calibrated when it was made"
        elif both:
            advice = "calibrate on recordings that it has not heard (training.with_validation)"
        raise TrainingError(f'{text}; {advice}, or set leaks="report" to go on and say so')
    return [text, *alike]


def _told_errors(temperature: float, clips: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    errors = f"expected calibration error there {before['ece']:.3f} without, {after['ece']:.3f} with it"
    return f"temperature {temperature:.3f}, {clips}: {errors}"


def _told_doubt(doubted: Doubt, below: float) -> str:
    if not below:
        return ""
    shares = {"the others": doubted.error, "these": doubted.error_unsure}
    wrong = [f"{100 * share:.0f} % of {name} are wrong" for name, share in shares.items() if not np.isnan(share)]
    return f"; unsure below a score of {below:g}: {doubted.unsure} of them, {', '.join(wrong)}"


def _save(recognizer: Recognizer, model: Path, out: Path, dataset: Dataset, told: str, notes: list[str]) -> None:
    """Save it with what is told of it, and what it has heard by now: the validation part, too."""
    facts = bundle_config(model).get("card", {})
    # Notes on what else is known of it stay; those on the temperature that it had do not.
    kept = [note for note in facts.get("notes", []) if not note.endswith((_MEANS_LITTLE, _OLD_RESULTS))]
    notes = [*dict.fromkeys([*kept, *notes, *([_OLD_RESULTS] if facts.get("calibration") else [])])]
    folder = heard_folder(model)
    heard = None if folder is None else joined_heard([read_heard(folder), dataset.split.by_corpus("validation")])
    facts |= {"calibration": told, "notes": notes}
    save_bundle(recognizer, out, facts, licence=bundle_licence(model), heard=heard)


def _probabilities(objective: Classification, part: Part, size: int) -> Float[np.ndarray, "clip label"]:
    return objective.probabilities(part, torch.device("cpu"), size).numpy()


def _reliability(probabilities: Float[np.ndarray, "clip label"], part: Part) -> dict[str, Any]:
    classes = part.classes.numpy()
    bins = [_without_nan(asdict(one)) for one in reliability_bins(probabilities, classes)]
    return {"ece": expected_calibration_error(probabilities, classes), "reliability": bins}


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if np.isnan(value) else value for name, value in values.items()}
