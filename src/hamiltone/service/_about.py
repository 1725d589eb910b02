"""What a service says about its model: from the settings and the card that lie beside the weights."""

import re
from pathlib import Path
from typing import Any

from hamiltone.networks import BundleError, bundle_config
from hamiltone.speech import FRAME_SAMPLES, SAMPLE_RATE

_CARD = "README.md"
_NON_COMMERCIAL = {"ravdess": "RAVDESS (CC BY-NC-SA 4.0)", "tess": "TESS (CC BY-NC-ND 4.0)"}
_GUESS = (
    "The model guesses from how a voice sounds, as it learned it from the few voices that it was trained on. How a "
    "voice sounds is not what a person feels: do not use it to judge people."
)


def about_model(folder: Path | str) -> dict[str, Any]:
    """What is known of a saved recogniser, fit for JSON.

    Returns:
        ``title``, ``labels``, ``rate`` (Hz), ``window`` (seconds), ``axes`` (whether it has an RH-Emo encoder),
        ``trained_on``, ``facts`` (the card's table), ``results`` (lines), ``licence`` ("" where none is known),
        ``warning``, ``weights`` (their SHA-256) and ``version``.

    Raises:
        BundleError: no recogniser lies there.
    """
    folder = Path(folder)
    config = bundle_config(folder)
    if config["kind"] != "recognizer":
        raise BundleError(f"{folder}: holds an RH-Emo, not a recognizer; name a model that gives class scores")
    card = folder / _CARD
    text = card.read_text() if card.is_file() else ""
    facts = dict(re.findall(r"^\| (\S[^|]*?) \| (.*?) \|$", text, re.MULTILINE))
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    results = re.search(r"^## Results\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    trained_on = facts.get("trained on", "unknown")
    return {
        "title": title[1] if title else folder.name,
        "labels": config["labels"],
        "rate": SAMPLE_RATE,
        "window": FRAME_SAMPLES / SAMPLE_RATE,
        "axes": bool(config["front"]["encoder"]),
        "trained_on": trained_on,
        "facts": {name: facts[name] for name in ("trained on", "split", "anti-transfer") if name in facts},
        "results": re.findall(r"^- (.+)$", results[1], re.MULTILINE) if results else [],
        "licence": _licence(trained_on),
        "warning": _GUESS,
        "weights": config.get("weights", ""),
        "version": config.get("hamiltone", ""),
    }


def _licence(trained_on: str) -> str:
    sources = [text for name, text in _NON_COMMERCIAL.items() if re.search(rf"\b{name}\b", trained_on, re.IGNORECASE)]
    if not sources:
        return ""
    return f"Learned from {' and '.join(sources)}: for non-commercial use only, and so are these weights."
