"""What a service says about its model: from the settings and the card that are saved with the weights."""

from pathlib import Path
from typing import Any

from hamiltone.networks import BundleError, bundle_config
from hamiltone.speech import FRAME_SAMPLES, SAMPLE_RATE

_GUESS = (
    "The model guesses from how a voice sounds, as it learned it from the few voices that it was trained on. How a "
    "voice sounds is not what a person feels: do not use it to judge people."
)


def about_model(folder: Path | str) -> dict[str, Any]:
    """What is known of a saved recogniser, fit for JSON.

    Returns:
        ``title``, ``labels``, ``rate`` (Hz), ``window`` (seconds), ``axes`` (whether its network sees four quaternion
        axes), ``trained_on``, ``facts`` (split and anti-transfer, where known), ``results`` (lines), ``licence`` (""
        where none is known), ``warning``, ``weights`` (their SHA-256) and ``version``.

    Raises:
        BundleError: no recogniser lies there.
    """
    folder = Path(folder)
    config = bundle_config(folder)
    if config["kind"] != "recognizer":
        raise BundleError(f"{folder}: holds an RH-Emo, not a recognizer; name a model that gives class scores")
    card, front = config.get("card", {}), config["front"]
    corpus, note = card.get("corpus", "unknown"), card.get("corpus_note")
    told = {"trained on": corpus, "split": card.get("split"), "anti-transfer": card.get("method")}
    return {
        "title": card.get("title") or folder.name,
        "labels": config["labels"],
        "rate": SAMPLE_RATE,
        "window": FRAME_SAMPLES / SAMPLE_RATE,
        "axes": front["kind"] != "spectrogram" if "kind" in front else front["encoder"],
        "trained_on": f"{corpus} ({note})" if note else corpus,
        "facts": {name: text for name, text in told.items() if text},
        "results": card.get("results", []),
        "licence": _licence(card.get("licences", {})),
        "warning": _GUESS,
        "weights": config.get("weights", ""),
        "version": config.get("hamiltone", ""),
    }


def _licence(licences: dict[str, str]) -> str:
    if not licences:
        return ""
    sources = "; ".join(f"{corpus} ({licence})" for corpus, licence in licences.items())
    return f"The licences of what it learned from hold for these weights, too: {sources}."
