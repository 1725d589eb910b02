"""Saved models: safetensors, JSON and a model card. No pickle."""

import copy
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from hamiltone import __version__
from hamiltone.files import atomic_path, file_key
from hamiltone.quaternion import polar_
from hamiltone.speech import Spectrogram

from ._bundle_config import (
    CARD,
    CONFIG,
    FORMAT,
    LICENCE,
    WEIGHTS,
    BundleError,
    bundle_config,
    check_config,
    regular_file,
)
from ._card import model_card
from ._front import check_front, front_from
from ._network import network_from
from ._recognizer import Recognizer
from ._rh_emo import RHEmo, RHEmoOutput
from ._spectrogram_fronts import RHEmoFront

_NAMES = {CONFIG, WEIGHTS, CARD, LICENCE, ".DS_Store", ".gitattributes"}
_BESIDE = {".json", ".onnx", ".png", ".svg"}  # what was heard, an export, pictures of the card
_LARGEST_WEIGHTS = 8 << 30
_SPARE_ELEMENTS = 1 << 20
_MAKERS = {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn}
# Of torch's ways to start weights some are seen as such, the others by the tensor's own draw within them.
_DRAWS = {nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_, polar_, Tensor.normal_, Tensor.uniform_}
_FLOATING = {"F16", "BF16", "F32", "F64"}
_STORED = {torch.bool: "BOOL", torch.int32: "I32", torch.int64: "I64", torch.uint8: "U8"}


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


def check_bundle_place(folder: Path | str, *, of_run: bool = False) -> None:
    """See that a model can be saved there: before anything is computed for it.

    Args:
        folder: where it is to go; an older model in it may be replaced, and nothing else.
        of_run: it is a run that saves its own.

    Raises:
        BundleError: the folder holds something else than a model, which would be lost, or the model of a finished run,
            whose record would be another's; it, or one above it, is a file, or may not be written.
    """
    folder = Path(folder)
    if folder.is_dir() and (other := _no_part_of_a_model(folder)):
        raise BundleError(f"{folder}: holds something else than a model ({other}); name a new folder")
    if not of_run and _is_of_a_finished_run(folder):
        raise BundleError(f"{folder}: is the model that the run's record tells of; name a new folder")
    whole = Path(os.path.realpath(folder))
    if whole.exists() and not whole.is_dir():
        raise BundleError(f"{folder}: is a file, and a model is a folder; name a new folder")
    # Where it is written before it takes its place.
    above = next((place for place in whole.parents if place.exists()), None)
    if above is None:
        raise BundleError(f"{folder}: there is no folder above it; name another place")
    if not above.is_dir():
        raise BundleError(f"{above}: is a file, so that {folder} cannot be written; name a new folder")
    if not os.access(above, os.W_OK | os.X_OK):
        raise BundleError(f"{above}: may not be written; name another place than {folder}")


def _is_of_a_finished_run(folder: Path) -> bool:
    from hamiltone.records import MODEL, RECORD  # noqa: PLC0415 - it brings pandas, which who loads does without

    return folder.name == MODEL and folder.is_dir() and (folder.parent / RECORD).is_file()


def _no_part_of_a_model(folder: Path) -> str | None:
    """What a folder holds that no saved model has, by its name; None of a saved model or an empty folder."""
    entries = sorted(folder.iterdir())
    for entry in entries:
        if entry.is_dir() or not (entry.name in _NAMES or entry.suffix in _BESIDE):
            return entry.name
    try:
        ours = not entries or '"hamiltone"' in (folder / CONFIG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        ours = False
    return None if ours else entries[0].name


def save_bundle(
    model: Recognizer | TrainedRHEmo,
    folder: Path | str,
    card: Mapping[str, Any] | None = None,
    *,
    licence: str = "",
    heard: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Save a model as a folder of ``config.json``, ``model.safetensors`` and a model card, whole or not at all.

    Args:
        model: what to save; its training mode and device do not count.
        folder: an older model in it is replaced.
        card: facts for the model card (see ``model_card``): task, corpus, split, results, ...; fit for JSON. They stay
            in ``config.json`` under ``card``.
        licence: of the weights, as text; its first line is told on use. Empty: no such file.
        heard: the utterances, by corpus, that weights without their run were trained or selected on, to lie beside
            them; None: no such file, as in a run, which has its own.

    Raises:
        BundleError: as ``check_bundle_place``, or labels and facts that no saved model may have.
        ExtensionError: the front would not be the same once it is loaded.
    """
    folder = Path(folder)
    check_bundle_place(folder, of_run=True)  # whoever saves another's asked before it began
    facts = dict(card or {})
    config: dict[str, Any] = {"format": FORMAT, "hamiltone": __version__, "labels": list(model.labels)}
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
        check_config(config, folder / CONFIG)
        (draft / CONFIG).write_text(json.dumps(config, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        (draft / CARD).write_text(model_card(config, facts), encoding="utf-8")
        if licence:
            (draft / LICENCE).write_text(licence, encoding="utf-8")
        if heard is not None:
            from hamiltone.records import write_heard  # noqa: PLC0415 - it brings pandas, which who loads does without

            write_heard(heard, draft)


def load_bundle(folder: Path | str) -> Recognizer | TrainedRHEmo:
    """Load a saved model, in eval mode on the CPU.

    A stranger's folder is safe to load: it runs no code, and takes no more memory than a few times its weights' file.

    Raises:
        BundleError: the folder is no bundle, of another format, or its weights are damaged, do not fit its settings, or
            hold NaN or infinities.
    """
    folder = Path(folder)
    config = bundle_config(folder)
    path = folder / WEIGHTS
    size = regular_file(path)
    if size is None:
        raise BundleError(f"{folder}: {WEIGHTS} is missing; copy the whole folder of the model")
    if size > _LARGEST_WEIGHTS:
        raise BundleError(f"{path}: has {size} bytes, {_LARGEST_WEIGHTS} are the most; was it written by hamiltone?")
    if file_key(path) != config["weights"]:
        raise BundleError(f"{path}: is damaged or not the file that {CONFIG} belongs to; copy the model again")
    try:
        with _Budget(_SPARE_ELEMENTS + 3 * size):
            model = _build(config)
    except (LookupError, AttributeError, TypeError, ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
        raise BundleError(f"{folder / CONFIG}: describes no model of this version ({str(error)[:300]})") from None
    try:
        _check_layout(path, model.state_dict())
        tensors = load_file(path)
        model.load_state_dict(tensors, strict=True)
    except (SafetensorError, RuntimeError, MemoryError, OSError) as error:
        raise BundleError(f"{path}: does not fit {CONFIG}: {str(error)[:300]}") from None
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise BundleError(f"{path}: {name} holds NaN or infinities; its training diverged, or it is damaged")
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


class _Budget(TorchFunctionMode):
    """Counts the elements of the tensors that are made within, and makes none beyond a number of them.

    No weights are drawn, as those of the file take their place at once; what is drawn from a generator of its own is,
    since it is the same each time and need not be in the file.
    """

    def __init__(self, elements: int) -> None:
        super().__init__()
        self._left = elements

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call ``func``, unless it would draw, or make too much."""
        if func in _DRAWS and (kwargs or {}).get("generator") is None:
            return args[0] if args else None
        if func in _MAKERS:
            given = kwargs["size"] if kwargs and "size" in kwargs else args
            size = given[0] if given and isinstance(given[0], tuple | list) else given
            self._left -= math.prod(size)
            if self._left < 0:
                raise ValueError(f"it is far larger than the {WEIGHTS} that came with it")
        return func(*args, **(kwargs or {}))


def _check_layout(path: Path, expected: Mapping[str, Tensor]) -> None:
    """Compare names, shapes and types with the file's header, before anything of it is read."""
    with safe_open(path, framework="pt") as file:
        names = {*file.keys()}
        if differing := sorted(names ^ expected.keys()):
            word = "lacks" if differing[0] in expected else "has"
            raise BundleError(f"{path}: does not fit {CONFIG}: it {word} {differing[0][:100]!r} (of {len(differing)})")
        for name, tensor in expected.items():
            shape, kind = tuple(file.get_slice(name).get_shape()), file.get_slice(name).get_dtype()
            fits = kind in _FLOATING if tensor.is_floating_point() else kind == _STORED.get(tensor.dtype)
            if shape != tensor.shape or not fits:
                wanted = f"{tuple(tensor.shape)} {tensor.dtype}"
                raise BundleError(f"{path}: does not fit {CONFIG}: {name} is {shape} {kind}, not {wanted}")


def _build(config: Mapping[str, Any]) -> Recognizer | TrainedRHEmo:
    with torch.random.fork_rng(devices=[]):  # an extension's network may draw in its own way
        if config["kind"] == "rh-emo":
            spectrogram = Spectrogram(**config["spectrogram"])
            return TrainedRHEmo(spectrogram, RHEmo(**config["rh_emo"]), tuple(config["labels"]))
        return Recognizer(
            front_from(config["front"]),
            network_from(config["network"]),
            config["labels"],
            frame_rule=config["frame_rule"],
            temperature=config["temperature"],
            unsure_below=config.get("unsure_below", 0.0),
        )
