"""What a saved model is."""

from pathlib import Path
from typing import Any

from hamiltone.networks import Recognizer, bundle_config, load_bundle

from ._shipped import licence_notice

_FACTS = ("title", "task", "corpus", "corpus_note", "split", "method", "heard", "licences", "results", "calibration")


def model_info(model: Path | str) -> dict[str, Any]:
    """What a saved model is, ready for JSON; its weights are read, and so found to be whole.

    Args:
        model: the folder.

    Returns:
        ``model`` (the path), ``kind`` ("recognizer" or "rh-emo"), ``labels``, ``network`` (settings of the VGG or the
        RH-Emo: algebra, depth, width, ...), ``front`` (of a recognizer: spectrogram, encoder), ``parameters`` by part,
        of a recognizer ``frame_rule`` and ``temperature``; then what is known of its training, None where the model
        does not tell: ``title``, ``task``, ``corpus``, ``corpus_note``, ``split``, ``method``, ``heard`` (corpus ->
        recordings), ``licences`` (of these corpora), ``results``, ``calibration``, ``command``, ``versions``; and
        ``licence`` (first line of the licence file beside it), ``files`` (name -> bytes).

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
            "parameters": {"network": _parameters(loaded.network), "front": _parameters(loaded.front)},
            "frame_rule": loaded.frame_rule,
            "temperature": loaded.temperature,
        }
    else:
        about |= {
            "network": config["rh_emo"],
            "front": {"spectrogram": config["spectrogram"]},
            "parameters": {name: _parameters(part) for name, part in loaded.rh_emo.named_children()},
        }
    about |= {name: facts.get(name) for name in (*_FACTS, "command")}
    return about | {
        "versions": facts.get("versions", {}) | {"hamiltone": config["hamiltone"]},
        "licence": licence_notice(folder) or None,
        "files": {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()},
    }


def _parameters(part: Any) -> int:
    return sum(parameter.numel() for parameter in part.parameters())
