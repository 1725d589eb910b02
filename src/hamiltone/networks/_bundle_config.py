"""The description of a saved model, and the files beside it, as a stranger may have made them.

Nothing of a bundle is believed before it is checked: its files are regular, of bounded size and within its folder, its
description fits a schema, and no name in it is a path.
"""

import os
import stat
from pathlib import Path
from typing import Annotated, Any, Literal
from unicodedata import category

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, ValidationError
from pydantic_core import from_json

from hamiltone.audio import FrameRule
from hamiltone.errors import HamiltoneError
from hamiltone.settings_model import Settings
from hamiltone.speech import Normalisation, Scale

FORMAT = 2
CONFIG, WEIGHTS, CARD, LICENCE = "config.json", "model.safetensors", "README.md", "LICENCE"

_LARGEST_TEXT = 4 << 20
"""Bytes of a description, a card or a licence; those of this package have 5,000."""


class BundleError(HamiltoneError):
    """A saved model that is missing, foreign, damaged, or does not fit."""


def _printable(text: str) -> str:
    if any(category(sign) == "Cc" and sign not in "\n\t" for sign in text):
        raise ValueError("holds control characters, which would act on a terminal")
    return text


_Text = Annotated[str, AfterValidator(_printable)]
_Label = Annotated[_Text, Field(min_length=1, max_length=200)]


def _distinct(labels: list[str]) -> list[str]:
    if len({*labels}) != len(labels):
        raise ValueError("names a class twice")
    return labels


class CardFacts(BaseModel):
    """What is told of a model's training; more facts may stand beside these."""

    model_config = ConfigDict(extra="allow", strict=True)

    title: _Text | None = None
    task: _Text | None = None
    corpus: _Text | None = None
    corpus_note: _Text | None = None
    split: _Text | None = None
    method: _Text | None = None
    command: _Text | None = None
    calibration: _Text | None = None
    results: list[_Text] = []
    notes: list[_Text] = []
    heard: dict[_Text, int] = {}
    licences: dict[_Text, _Text] = {}
    versions: dict[_Text, Any] = {}


class _Described(Settings):
    model_config = ConfigDict(strict=True)

    format: Literal[2]
    hamiltone: _Label
    weights: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    card: CardFacts = CardFacts()


class _DescribedRecognizer(_Described):
    kind: Literal["recogniser"]
    labels: Annotated[list[_Label], Field(min_length=1), AfterValidator(_distinct)]
    front: dict[str, Any]
    network: dict[str, Any]
    frame_rule: FrameRule
    temperature: Annotated[float, Field(gt=0)]
    unsure_below: Annotated[float, Field(ge=0, le=1)] = 0.0  # calibrated before there was such a score: never unsure


class _DescribedSpectrogram(Settings):
    scale: Scale
    normalisation: Normalisation
    time_reversed: Annotated[bool, Field(strict=True)]


class _DescribedLayers(Settings):
    model_config = ConfigDict(strict=True)

    classes: PositiveInt | None
    hidden: PositiveInt
    dropout: Annotated[float, Field(ge=0, le=1)]


class _DescribedRHEmo(_Described):
    kind: Literal["rh-emo"]
    labels: Annotated[list[_Label], AfterValidator(_distinct)]
    spectrogram: _DescribedSpectrogram
    rh_emo: _DescribedLayers


_KINDS = {"recogniser": _DescribedRecognizer, "rh-emo": _DescribedRHEmo}


def bundle_config(folder: Path | str) -> dict[str, Any]:
    """The settings of a saved model, without its weights.

    Raises:
        BundleError: the folder is no bundle, one of another format, or its description does not fit the schema.
    """
    path = Path(folder) / CONFIG
    content = _read(path)
    if content is None:
        beside = Path(folder) / "model"
        advice = f"did you mean {beside}?" if (beside / CONFIG).is_file() else "name a model folder, as RUN/model"
        raise BundleError(f"{folder}: no model here ({CONFIG} is missing); {advice}")
    try:
        config = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise BundleError(f"{path}: cannot be read: {error}") from None
    kind = config.get("kind") if isinstance(config, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise BundleError(f"{path}: was not written by hamiltone; name a model folder, as RUN/model")
    if config.get("format") != FORMAT:
        found = repr(config.get("format"))[:20]
        raise BundleError(f"{path}: has format {found}, this version reads {FORMAT}; update hamiltone")
    check_config(config, path)
    return config


def check_config(config: dict[str, Any], path: Path) -> None:
    """See that the description of a model, of a kind that there is, fits its schema.

    Raises:
        BundleError: it does not.
    """
    try:
        _KINDS[config["kind"]].model_validate(config)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BundleError(
            f"{path}: describes no model of this version ({place[:100]!r}: {first['msg'][:300]})"
        ) from None


def bundle_card(folder: Path | str) -> str:
    """The model card of a saved model; empty where it has none."""
    return _text(Path(folder) / CARD)


def bundle_licence(folder: Path | str) -> str:
    """The licence that lies beside a model's weights; empty where none does."""
    return _text(Path(folder) / LICENCE)


def regular_file(path: Path) -> int | None:
    """The size in bytes of a file of a bundle; None where there is none.

    Raises:
        BundleError: it is no regular file, or a link that leads out of the bundle. A download by the Hugging Face Hub
            keeps the files in ``blobs`` beside the folder and links to them.
    """
    try:
        status = path.stat()
        real = Path(os.path.realpath(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: cannot be read: {error}") from None
    folder = Path(os.path.realpath(path.parent))
    if real.parent not in {folder, folder.parent.parent / "blobs"}:
        raise BundleError(f"{path}: is a link that leads out of the model's folder; copy the files themselves")
    if not stat.S_ISREG(status.st_mode):
        raise BundleError(f"{path}: is no regular file; copy the whole folder of the model")
    return status.st_size


def _read(path: Path) -> bytes | None:
    """A small file's content; None where there is none."""
    size = regular_file(path)
    if size is None:
        return None
    if size > _LARGEST_TEXT:
        raise BundleError(f"{path}: has {size} bytes, {_LARGEST_TEXT} are the most; was it written by hamiltone?")
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_TEXT)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from None


def _text(path: Path) -> str:
    try:
        return _printable((_read(path) or b"").decode())
    except ValueError as error:
        raise BundleError(f"{path}: is no text: {error}") from None
