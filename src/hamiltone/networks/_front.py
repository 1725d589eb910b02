"""Fronts: what makes a network's feature maps of waveforms; kinds of them, each by its settings."""

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hamiltone.audio import FRAME_SAMPLES
from hamiltone.extensions import ExtensionError, failures_told, refuse_partial
from hamiltone.settings import FRONTS, FrontSettings
from hamiltone.speech import Spectrogram

from ._keys import weights_key
from ._network import Shape

Stage = Literal["waveform", "spectrogram", "features"]
"""How far an input has come: as recorded, as a spectrogram (where the front has one), as feature maps."""


class Front(nn.Module, ABC):
    """Waveform (batch, sample) -> feature maps (batch, channel, time, frequency).

    A kind of front is a subclass, registered with its settings (:func:`register_front`). A front that is not trainable
    is frozen for good: its parameters ask for no gradient and it stays in eval mode whatever its owner is set to, so
    that its batch norms do not drift.

    Attributes:
        config: the model of its settings.
        shape: channels, times and frequencies of the feature maps.
        encoder: what of it was learned from speech; None where nothing is.
        trainable: whether that goes on learning.
    """

    config: ClassVar[type[FrontSettings]]
    shape: Shape
    encoder: nn.Module | None
    trainable: bool

    def __init__(self) -> None:
        super().__init__()
        self.encoder = None
        self.trainable = False

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Any) -> "Front":
        """A front of this kind as the settings (of its own model) ask for, not fitted yet."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What makes a front of this shape again (JSON-able), in the keys of its settings, weights apart."""

    @abstractmethod
    def forward(
        self,
        x: Float[Tensor, "batch *shape"],
        stage: Stage = "waveform",
        masked: Bool[Tensor, "batch 512 128"] | None = None,
    ) -> Float[Tensor, "batch c t f"]:
        """Go the rest of the way from ``stage`` (what ``x`` already is) to the feature maps.

        Args:
            x: waveforms, spectrograms or feature maps.
            stage: which of them.
            masked: where the spectrogram, time running forwards, is set to 0 (SpecAugment); None: nowhere.

        Raises:
            ValueError: masks where there is no spectrogram to lay them over.
        """

    def fit(self, batches: Iterable[Float[Tensor, "_ sample"]]) -> None:
        """Take the normalisation from the waveforms of the training part, given once and in order."""

    def up_to(self, stage: Stage) -> "Spectrogram | Front":
        """What makes inputs of a stage of waveforms: with ``settings()``, to be computed once and stored."""
        if stage != "features":
            raise ValueError(f"a front of kind {self.kind} has no stage {stage}")
        return self

    def encoder_key(self) -> str:
        """A key of the encoder's weights and statistics; empty without encoder."""
        return "" if self.encoder is None else weights_key(self.encoder)

    def in_place(self, waveform: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch c t f"]:
        """The feature maps with their times as they are in the waveforms, for pictures."""
        return self(waveform)

    def at_speeds(self, speeds: Sequence[float]) -> "Front":
        """One that hears every waveform at several speeds, the channels of each after those of the one before.

        Raises:
            ValueError: this kind of front cannot.
        """
        raise ValueError(f"a front of kind {self.kind} hears recordings at their own speed alone, not at {speeds}")

    def for_export(self) -> "Front":
        """A copy that gives the same and needs no operation that exported programs lack."""
        return copy.deepcopy(self)

    @property
    def time_reversed(self) -> bool:
        """Whether time runs backwards in the feature maps."""
        return False

    @property
    def columns(self) -> float:
        """How many columns of the feature maps a frame of 4 s spans, without what only fills them up."""
        return float(self.shape[1])

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return self.config.model_fields["kind"].default

    @property
    def frozen_stage(self) -> Stage:
        """How far an input can be computed once and stored: what stands before anything that is being trained."""
        return "waveform" if self.trainable else "features"

    def set_trainable(self, trainable: bool) -> None:
        """Let the encoder learn, or freeze it."""
        self.trainable = trainable and self.config.learned
        if self.encoder is not None:
            self.encoder.requires_grad_(self.trainable)
        self.train(self.training)

    def train(self, mode: bool = True) -> "Front":
        """Set the mode; a frozen front stays in eval mode."""
        return super().train(mode and self.trainable)


_Class = TypeVar("_Class", bound=type[Front])
_CLASSES: dict[str, type[Front]] = {}


def register_front(settings: type[FrontSettings]) -> Callable[[_Class], _Class]:
    """Make a kind of front known, under the name that its settings have as ``kind``.

    Raises:
        ValueError: the name is taken.
        ExtensionError: the settings or the front lack what theirs need.
    """
    FRONTS.register(settings)
    kind = settings.model_fields["kind"].default

    def register(front: _Class) -> _Class:
        refuse_partial(front)
        if _CLASSES.setdefault(kind, front) is not front:
            raise ValueError(f"front.kind {kind} is taken: choose another name")
        front.config = settings
        return front

    return register


def build_front(settings: FrontSettings) -> Front:
    """A front of any kind, not fitted yet."""
    return _CLASSES[settings.kind].from_settings(settings)


def front_from(content: Mapping[str, Any]) -> Front:
    """The front that :meth:`Front.settings` describes, without its weights.

    Raises:
        TypeError, ValueError: there is no such front.
    """
    return build_front(FRONTS.parse(dict(content)))


@torch.no_grad()
def check_front(front: Front) -> None:
    """See that a fitted front gives maps of its shape, and that it is the same once it is saved and loaded.

    Raises:
        ExtensionError: its shape, its settings, or what it learned would be lost or are wrong.
    """
    what = f"front.kind {front.kind}: {type(front).__name__}"
    frame = torch.rand(1, FRAME_SAMPLES, generator=torch.Generator().manual_seed(0)) - 0.5
    ours = copy.deepcopy(front).cpu().eval()
    with failures_told(f"{what}.forward of a frame"):
        maps, shape = ours(frame), tuple(ours.shape)
    if tuple(maps.shape) != (1, *shape):
        given = f"maps of shape {tuple(maps.shape)} for one frame"
        raise ExtensionError(f"{what}.shape is {shape}, but forward gives {given}: it must be {(1, *shape)}")
    if maps.dtype != frame.dtype or not bool(maps.isfinite().all()):
        fault = f"{maps.dtype} for {frame.dtype}" if maps.dtype != frame.dtype else "values that are not finite"
        raise ExtensionError(f"{what}.forward gives {fault}")
    with failures_told(f"{what} as its settings() make it"), torch.random.fork_rng(devices=[]):
        content = json.loads(json.dumps(ours.settings()))
        twin = front_from(content)
        twin.load_state_dict(ours.state_dict(), strict=True)
        again, told = twin.eval()(frame), json.loads(json.dumps(twin.settings()))
    alike = maps.shape == again.shape and torch.allclose(maps, again, rtol=1e-4, atol=1e-4 * maps.abs().max().item())
    if told != content or tuple(twin.shape) != shape or not alike:
        raise ExtensionError(
            f"{what} is another one once it is saved: its settings() must have every key that from_settings needs, and "
            "what fit() learns must be in buffers"
        )
