"""Settings of networks: what a kind of network is made of, and what its layers are called."""

from abc import abstractmethod
from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, SerializeAsAny, field_validator

from ._kinds import Kinds, KindSettings

Shape = tuple[int, int, int]
"""Channels, times and frequencies of feature maps."""


class NetworkSettings(KindSettings):
    """What a kind of network is made of; each kind is a subclass, and its ``kind`` has a default, the kind's name.

    Attributes:
        last_hidden: dotted name of the layer whose input is the last hidden layer.
        structure: the keys that a frozen network must share with the one that is trained against it, so that their
            feature maps compare; all but those of the classifier.
        maps_vary: whether the size of its maps follows from the batch, so that none can be stored for another batch.
    """

    last_hidden: ClassVar[str]
    structure: ClassVar[tuple[str, ...]]
    maps_vary: ClassVar[bool] = False

    @abstractmethod
    def layer_names(self) -> tuple[str, ...]:
        """The dotted names of its convolutions in order; anti-transfer counts them from 1."""

    def multiply_adds(self, input_shape: Shape) -> int | None:  # noqa: ARG002 - kinds that know take it
        """How many a frame takes forwards, to estimate times from; None where it is not known."""
        return None

    def identity(self) -> dict[str, Any]:
        """What decides a run's result."""
        return self.model_dump(mode="json")

    @property
    def title(self) -> str:
        """What messages call a network of these settings."""
        return self.kind

    @property
    def number_system(self) -> str:
        """Whether its layers are real or quaternion, for tables."""
        return getattr(self, "algebra", "real")

    @property
    def trains_batch_norms(self) -> bool:
        """Whether a step depends on a whole batch's statistics, so that processes cannot share it."""
        return False


NETWORKS: Kinds[NetworkSettings] = Kinds("network", "vgg")
"""All kinds of networks."""

AnyNetwork = Annotated[SerializeAsAny[NetworkSettings], BeforeValidator(NETWORKS.parse)]


# Configurations A, B, D and E of Simonyan & Zisserman (2015): output channels of each convolution, None for a max-pool.
VGG_CONFIGURATIONS: dict[int, tuple[int | None, ...]] = {
    11: (64, None, 128, None, 256, 256, None, 512, 512, None, 512, 512, None),
    13: (64, 64, None, 128, 128, None, 256, 256, None, 512, 512, None, 512, 512, None),
    16: (64, 64, None, 128, 128, None, 256, 256, 256, None, 512, 512, 512, None, 512, 512, 512, None),
    19: (64, 64, None, 128, 128, None, *(256,) * 4, None, *(512,) * 4, None, *(512,) * 4, None),
}


@NETWORKS.register
class VGGSettings(NetworkSettings):
    """VGG (Simonyan & Zisserman 2015), real or quaternion."""

    kind: str = Field(default="vgg", description="the kind of network")
    depth: Literal[11, 13, 16, 19] = Field(default=16, description="how many layers have weights")
    algebra: Literal["real", "quaternion"] = Field(default="quaternion", description="of all layers but the last")
    width: PositiveFloat = Field(default=1.0, description="scales the channels, which are 64 to 512", examples=[0.25])
    hidden: PositiveInt | None = Field(
        default=None, description="size of the two hidden linear layers; 4096 x width unless given", examples=[512]
    )
    pool: Literal["adaptive", "flatten", "mean"] = Field(
        default="flatten",
        description="the last map: averaged to 7 x 7, left as it is, or averaged whole",
    )
    norm: Literal["none", "batch"] = Field(default="none", description="behind each convolution, before its ReLU")
    start: Literal["glorot", "he"] = Field(
        default="glorot",
        description="first weights of quaternion convolutions: the paper's, or those that keep a signal's size through "
        "the depth; real ones start as torchvision's",
    )
    dropout: float = Field(default=0.5, ge=0, lt=1, description="probability in the classifier")

    last_hidden: ClassVar[str] = "classifier.6"
    structure: ClassVar[tuple[str, ...]] = ("depth", "algebra", "width", "norm")

    def layer_names(self) -> tuple[str, ...]:
        """The convolutions among ``features``, as torchvision numbers them."""
        return tuple(f"features.{place}" for place in self._places())

    def identity(self) -> dict[str, Any]:
        """What decides a run's result; the paper's start, which once was the only one, is left out."""
        return self.model_dump(mode="json", exclude={"start"} if self.start == "glorot" else None)

    @property
    def title(self) -> str:
        """VGG with its depth."""
        return f"VGG{self.depth}"

    @property
    def trains_batch_norms(self) -> bool:
        """With ``norm = "batch"``."""
        return self.norm == "batch"

    def multiply_adds(self, input_shape: Shape) -> int:
        """Of all convolutions and linear layers; a quaternion layer counts as the real one of its size."""
        channels, time, frequency = input_shape
        total = 0
        for base in VGG_CONFIGURATIONS[self.depth]:
            if base is None:
                time, frequency = time // 2, frequency // 2
            else:
                total += 9 * channels * round(base * self.width) * time * frequency
                channels = round(base * self.width)
        cells = {"adaptive": 49, "flatten": time * frequency, "mean": 1}[self.pool]
        hidden = self.hidden or round(4096 * self.width)
        return total + hidden * (channels * cells + hidden)

    def _places(self) -> Iterator[int]:
        place = 0
        for channels in VGG_CONFIGURATIONS[self.depth]:
            if channels is None:
                place += 1
            else:
                yield place
                place += 3 if self.norm == "batch" else 2


@NETWORKS.register
class ResidualSettings(NetworkSettings):
    """A small residual network for little data, real or quaternion, that pools over the time of speech by attention."""

    kind: str = Field(default="residual", description="the kind of network")
    algebra: Literal["real", "quaternion"] = Field(default="quaternion", description="of all convolutions")
    channels: tuple[PositiveInt, ...] = Field(
        default=(16, 32, 64, 128), min_length=1, max_length=6, description="of each stage, which halves the map"
    )
    stem: PositiveInt = Field(default=16, description="channels of the first convolution (5 x 5, stride 2)")
    stem_pool: bool = Field(default=False, description="halve its map once more, which quarters the work behind it")
    norm: Literal["component", "quaternion"] = Field(
        default="component",
        description="batch norms: each channel by its own deviation, which is faster, or quaternions by their modulus'",
    )
    attention: PositiveInt = Field(default=64, description="hidden units of the attention over time")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="probability before the last layer")

    last_hidden: ClassVar[str] = "classifier"
    maps_vary: ClassVar[bool] = True  # as long as the longest speech in the batch
    structure: ClassVar[tuple[str, ...]] = ("algebra", "channels", "stem", "stem_pool", "norm")

    def layer_names(self) -> tuple[str, ...]:
        """The stem, then two convolutions of each stage, and one of 1 x 1 beside them where its channels change."""
        return ("stem.0", *chain.from_iterable(self._stage_names()))

    def _stage_names(self) -> Iterator[tuple[str, ...]]:
        before = self.stem
        for place, after in enumerate(self.channels):
            names = ("first", "second", "shortcut.0")[: 2 if before == after else 3]
            yield tuple(f"stages.{place}.{name}" for name in names)
            before = after

    @property
    def title(self) -> str:
        """Residual network with the number of its layers on the main path."""
        return f"ResNet{2 * len(self.channels) + 2}"

    @property
    def trains_batch_norms(self) -> bool:
        """Always."""
        return True

    def multiply_adds(self, input_shape: Shape) -> int:
        """Of all convolutions; a quaternion layer counts as the real one of its size."""
        channels, time, frequency = input_shape
        time, frequency = -(-time // 2), -(-frequency // 2)
        total, before = 25 * channels * self.stem * time * frequency, self.stem
        if self.stem_pool:
            time, frequency = time // 2, frequency // 2
        for after in self.channels:
            shortcut = before * after if before != after else 0
            total += (9 * after * (before + after) + shortcut) * time * frequency
            time, frequency, before = time // 2, frequency // 2, after
        return total


@NETWORKS.register
class EnsembleSettings(NetworkSettings):
    """Several networks that answer together; ``hamiltone ensemble`` makes one of finished runs."""

    kind: str = Field(default="ensemble", description="the kind of network")
    members: tuple[AnyNetwork, ...] = Field(
        default=(), max_length=64, description="networks but no ensembles, each with settings of its own"
    )
    member_classes: PositiveInt | None = Field(
        default=None, description="how many classes its members tell apart; none: as many as it does"
    )
    groups: tuple[tuple[int, ...], ...] | None = Field(
        default=None,
        description="the members' classes (counted from 0) that count as one of its own; none: theirs",
        examples=[[[0, 1], [2]]],
    )
    copies: PositiveInt = Field(
        default=1, description="how many copies of a recording its front gives, each heard by all members"
    )

    last_hidden: ClassVar[str] = "members"
    structure: ClassVar[tuple[str, ...]] = ("members",)

    @field_validator("members")
    @classmethod
    def _no_ensembles(cls, members: tuple[NetworkSettings, ...]) -> tuple[NetworkSettings, ...]:
        if any(isinstance(member, EnsembleSettings) for member in members):
            raise ValueError("an ensemble is no member of another: name its members")
        return members

    def identity(self) -> dict[str, Any]:
        """What decides a run's result; one copy, which once was the only number, is left out."""
        return self.model_dump(mode="json", exclude={"copies"} if self.copies == 1 else None)

    def layer_names(self) -> tuple[str, ...]:
        """Those of its members, one after the other."""
        return tuple(
            f"members.{place}.{name}" for place, member in enumerate(self.members) for name in member.layer_names()
        )

    @property
    def title(self) -> str:
        """How many of what."""
        copies = f" at {self.copies} speeds" if self.copies > 1 else ""
        return f"{len(self.members)} x {self.members[0].title}{copies}"

    @property
    def number_system(self) -> str:
        """That of its first member."""
        return self.members[0].number_system

    @property
    def trains_batch_norms(self) -> bool:
        """Where a member does."""
        return any(member.trains_batch_norms for member in self.members)
