"""Facts of a saved model: all of them, and those that a service and a page tell."""

from pathlib import Path
from typing import Any

from hamiltone.audio import SAMPLE_RATE
from hamiltone.networks import BundleError, Recognizer, bundle_config, load_bundle, told_results

from ._shipped_weights import licence_notice
from ._windows import FRAME_SECONDS, HOP

_FACTS = (
    *("title", "task", "corpus", "corpus_note", "split", "method", "heard", "licences", "results", "calibration"),
    *("notes", "command"),
)
_WARNING = (
    "The model guesses from how a voice sounds, as it learned it from the few voices that it was trained on. How a "
    "voice sounds is not what a person feels: do not use it to judge people."
)
_UNKNOWN_LICENCE = (
    "What it learned from was not recorded with it; the licence of those recordings holds for the weights, too."
)


def model_info(model: Path | str) -> dict[str, Any]:
    """What a saved model is, ready for JSON; its weights are read, and so found to be whole.

    Args:
        model: the folder.

    Returns:
        ``model`` (the path), ``kind`` ("recogniser" or "rh-emo"), ``labels``, ``network`` (its settings, or those
        of the RH-Emo), ``front`` (of a recogniser: kind and settings), ``parameters`` by part,
        of a recogniser ``frame_rule``, ``temperature`` and ``unsure_below``; then what is known of its training, None
        where the model does not tell: ``title``, ``task``, ``corpus``, ``corpus_note``, ``split``, ``method``,
        ``heard`` (corpus -> recordings), ``licences`` (of these corpora), ``results``, ``calibration``, ``notes``,
        ``command``, ``versions``; and ``licence`` (first line of the licence file beside it), ``files`` (name ->
        bytes).

    Raises:
        BundleError: the folder holds no whole model.
    """
    folder = Path(model)
    config, loaded = bundle_config(folder), load_bundle(folder)
    facts = config.get("card", {})
    about: dict[str, Any] = {"model": str(folder), "kind": config["kind"], "labels": config["labels"]}
    if isinstance(loaded, Recognizer):
        about |= {
            "network": config["network"],
            "front": config["front"],
            "parameters": {"network": _parameter_count(loaded.network), "front": _parameter_count(loaded.front)},
            "frame_rule": loaded.frame_rule,
            "temperature": loaded.temperature,
            "unsure_below": loaded.unsure_below,
        }
    else:
        about |= {
            "network": config["rh_emo"],
            "front": {"spectrogram": config["spectrogram"]},
            "parameters": {name: _parameter_count(part) for name, part in loaded.rh_emo.named_children()},
        }
    about |= {name: facts.get(name) for name in _FACTS}
    return about | {
        "versions": facts.get("versions", {}) | {"hamiltone": config["hamiltone"]},
        "licence": licence_notice(folder) or None,
        "files": {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()},
    }


def about_model(folder: Path | str) -> dict[str, Any]:
    """What is known of a saved recogniser, for those who ask it something; fit for JSON.

    Returns:
        ``title``, ``labels``, ``rate`` (Hz), ``window`` and ``hop`` (seconds), ``unsure_below``, ``front``
        (its kind, as "log-mel"), ``trained_on``, ``split``, ``results`` (lines), ``licence`` (a
        sentence), ``warning``, ``weights`` (their SHA-256) and ``version`` (of the package that saved it).

    Raises:
        BundleError: no recogniser lies there.
    """
    folder = Path(folder)
    config = bundle_config(folder)
    if config["kind"] != "recogniser":
        raise BundleError(f"{folder}: holds an RH-Emo, not a recogniser; name a model that gives class scores")
    card = config.get("card", {})
    note = f" ({card['corpus_note']})" if card.get("corpus_note") else ""
    return {
        "title": card.get("title") or folder.name,
        "labels": config["labels"],
        "rate": SAMPLE_RATE,
        "window": FRAME_SECONDS,
        "hop": HOP,
        "unsure_below": config.get("unsure_below", 0.0),
        "front": config["front"]["kind"],
        "trained_on": f"{card.get('corpus') or 'unknown'}{note}",
        "split": card.get("split") or "unknown",
        "results": told_results(card),
        "licence": licence_notice(folder) or _licence(card.get("licences") or {}),
        "warning": _WARNING,
        "weights": config["weights"],
        "version": config["hamiltone"],
    }


def _parameter_count(part: Any) -> int:
    return sum(parameter.numel() for parameter in part.parameters())


def _licence(licences: dict[str, str]) -> str:
    if not licences:
        return _UNKNOWN_LICENCE
    sources = ", ".join(f"{name} ({text})" for name, text in licences.items())
    if any("non-commercial" in text for text in licences.values()):
        return f"For non-commercial use only, as the recordings that it learned from: {sources}."
    return f"The licences of the recordings that it learned from hold for the weights, too: {sources}."
