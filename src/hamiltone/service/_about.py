"""What a service and a page say about their model."""

from pathlib import Path
from typing import Any

from hamiltone.audio import FRAME_SAMPLES, SAMPLE_RATE
from hamiltone.networks import BundleError, bundle_config

from ._shipped import licence_notice

_GUESS = (
    "The model guesses from how a voice sounds, as it learned it from the few voices that it was trained on. How a "
    "voice sounds is not what a person feels: do not use it to judge people."
)
_UNKNOWN = "What it learned from was not recorded with it; the licence of those recordings holds for the weights, too."


def about_model(folder: Path | str) -> dict[str, Any]:
    """What is known of a saved recogniser, for those who ask it something; fit for JSON.

    Returns:
        ``title``, ``labels``, ``rate`` (Hz), ``window`` (seconds), ``front`` ("spectrogram", "derivatives" or
        "rh-emo"), ``trained_on``, ``split``, ``results`` (lines), ``licence`` (a sentence), ``warning``, ``weights``
        (their SHA-256) and ``version`` (of the package that saved it).

    Raises:
        BundleError: no recogniser lies there.
    """
    folder = Path(folder)
    config = bundle_config(folder)
    if config["kind"] != "recognizer":
        raise BundleError(f"{folder}: holds an RH-Emo, not a recognizer; name a model that gives class scores")
    card = config.get("card", {})
    note = f" ({card['corpus_note']})" if card.get("corpus_note") else ""
    return {
        "title": card.get("title") or folder.name,
        "labels": config["labels"],
        "rate": SAMPLE_RATE,
        "window": FRAME_SAMPLES / SAMPLE_RATE,
        "front": config["front"]["kind"],
        "trained_on": f"{card.get('corpus') or 'unknown'}{note}",
        "split": card.get("split") or "unknown",
        "results": [*card.get("results", ()), *([card["calibration"]] if card.get("calibration") else [])],
        "licence": licence_notice(folder) or _licence(card.get("licences") or {}),
        "warning": _GUESS,
        "weights": config.get("weights", ""),
        "version": config.get("hamiltone", ""),
    }


def _licence(licences: dict[str, str]) -> str:
    if not licences:
        return _UNKNOWN
    sources = ", ".join(f"{name} ({text})" for name, text in licences.items())
    if any("non-commercial" in text for text in licences.values()):
        return f"For non-commercial use only, as the recordings that it learned from: {sources}."
    return f"The licences of the recordings that it learned from hold for the weights, too: {sources}."
