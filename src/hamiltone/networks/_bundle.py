"""Saved models: safetensors, JSON and a model card. No pickle."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from hamiltone import __version__
from hamiltone.errors import HamiltoneError
from hamiltone.files import atomic_path, file_key
from hamiltone.speech import Spectrogram

from ._card import model_card
from ._front import check_front, front_from
from ._network import network_from
from ._recognizer import Recognizer
from ._rh_emo import RHEmo, RHEmoOutput
from ._spectrogram_fronts import RHEmoFront

_FORMAT = 2
CONFIG, WEIGHTS, CARD, LICENCE = "config.json", "model.safetensors", "README.md", "LICENCE"


class BundleError(HamiltoneError):
    """A saved model that is missing, foreign, damaged, or does not fit."""


class TrainedRHEmo(nn.Module):
    """What an RH-Emo training gives: the spectrogram it was trained on, and the whole network.

    Args:
        spectrogram: fitted.
        rh_emo: with heads or without.
        labels: the classes of the discrete axis; empty without heads.
    """

    def __init__(self, spectrogram: Spectrogram, rh_emo: RHEmo, labels: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.spectrogram = spectrogram
        self.rh_emo = rh_emo
        self.labels = labels

    def forward(self, waveform: Float[Tensor, "batch sample"]) -> RHEmoOutput:
        """Frames of 4 s at 16 kHz -> embedding, reconstruction and, with heads, scores."""
        return self.rh_emo(self.spectrogram(waveform))

    def front(self, *, trainable: bool = False) -> RHEmoFront:
        """The front that a recogniser carries: a copy of spectrogram and encoder alone."""
        return RHEmoFront(copy.deepcopy(self.spectrogram), copy.deepcopy(self.rh_emo.encoder), trainable=trainable)


def save_bundle(
    model: Recognizer | TrainedRHEmo,
    folder: Path | str,
    card: Mapping[str, Any] | None = None,
    *,
    licence: str = "",
) -> None:
    """Save a model as a folder of ``config.json``, ``model.safetensors`` and a model card, whole or not at all.

    Args:
        model: what to save; its training mode and device do not count.
        folder: an older model in it is replaced.
        card: facts for the model card (see ``model_card``): task, corpus, split, results, ...; fit for JSON. They stay
            in ``config.json`` under ``card``.
        licence: of the weights, as text; its first line is told on use. Empty: no such file.

    Raises:
        BundleError: the folder holds something else than a model, which would be lost.
        ExtensionError: the front would not be the same once it is loaded.
    """
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / CONFIG).is_file():
        raise BundleError(f"{folder}: holds something else than a model; name a new folder")
    facts = dict(card or {})
    config: dict[str, Any] = {"format": _FORMAT, "hamiltone": __version__, "labels": list(model.labels)}
    if isinstance(model, Recognizer):
        check_front(model.front)
        config |= {
            "kind": "recogniser",
            "front": model.front.settings(),
            "frame_rule": model.frame_rule,
            "temperature": model.temperature,
            "unsure_below": model.unsure_below,
            "network": model.network.settings(),
        }
    else:
        config |= {
            "kind": "rh-emo",
            "spectrogram": model.spectrogram.settings(),
            "rh_emo": model.rh_emo.settings(),
        }
    with atomic_path(folder) as draft:
        draft.mkdir()
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
        (draft / WEIGHTS).write_bytes(save(tensors))  # a file of the library's own making is for its owner alone
        config |= {"weights": file_key(draft / WEIGHTS), "card": facts}
        (draft / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        (draft / CARD).write_text(model_card(config, facts), encoding="utf-8")
        if licence:
            (draft / LICENCE).write_text(licence, encoding="utf-8")


def load_bundle(folder: Path | str) -> Recognizer | TrainedRHEmo:
    """Load a saved model, in eval mode on the CPU.

    Raises:
        BundleError: the folder is no bundle, of another format, or its weights are damaged or do not fit its settings.
    """
    folder = Path(folder)
    config = bundle_config(folder)
    path = folder / WEIGHTS
    try:
        model = _build(config)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{folder / CONFIG}: describes no model of this version ({error})") from None
    if not path.is_file():
        raise BundleError(f"{folder}: {WEIGHTS} is missing; copy the whole folder of the model")
    if file_key(path) != config.get("weights"):
        raise BundleError(f"{path}: is damaged or not the file that {CONFIG} belongs to; copy the model again")
    try:
        tensors = load_file(path)
        model.load_state_dict(tensors, strict=True)
    except (SafetensorError, RuntimeError) as error:
        raise BundleError(f"{path}: does not fit {CONFIG}: {error}") from None
    return model.eval()


def load_recognizer(folder: Path | str) -> Recognizer:
    """Load a saved model that must be a recogniser.

    Raises:
        BundleError: as ``load_bundle``, or the model is an RH-Emo.
    """
    model = load_bundle(folder)
    if not isinstance(model, Recognizer):
        raise BundleError(f"{folder}: holds an RH-Emo, not a recogniser; name a model that gives class scores")
    return model


def bundle_config(folder: Path | str) -> dict[str, Any]:
    """The settings of a saved model, without its weights.

    Raises:
        BundleError: the folder is no bundle, or one of another format.
    """
    path = Path(folder) / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise BundleError(f"{folder}: no model here ({CONFIG} is missing); name a model folder, as RUN/model") from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: cannot be read: {error}") from None
    if not isinstance(config, dict) or config.get("kind") not in ("recogniser", "rh-emo"):
        raise BundleError(f"{path}: was not written by hamiltone; name a model folder, as RUN/model")
    if config.get("format") != _FORMAT:
        raise BundleError(f"{path}: has format {config.get('format')}, this version reads {_FORMAT}; update hamiltone")
    return config


def bundle_card(folder: Path | str) -> str:
    """The model card of a saved model; empty where it has none."""
    return _text(Path(folder) / CARD)


def bundle_licence(folder: Path | str) -> str:
    """The licence that lies beside a model's weights; empty where none does."""
    return _text(Path(folder) / LICENCE)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _build(config: Mapping[str, Any]) -> Recognizer | TrainedRHEmo:
    with torch.random.fork_rng(devices=[]):  # making a network draws weights, which are replaced at once
        if config["kind"] == "rh-emo":
            spectrogram = Spectrogram(**config["spectrogram"])
            return TrainedRHEmo(spectrogram, RHEmo(**config["rh_emo"]), tuple(config["labels"]))
        return Recognizer(
            front_from(config["front"]),
            network_from(config["network"]),
            config["labels"],
            frame_rule=config["frame_rule"],
            temperature=config["temperature"],
            unsure_below=config.get("unsure_below", 0.0),  # calibrated before there was such a score: never unsure
        )
