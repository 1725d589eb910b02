"""Fronts, networks and settings of an extension that are not whole, or that would be others once they are saved."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

from hamiltone.extensions import ExtensionError
from hamiltone.networks import (
    Front,
    Network,
    Recognizer,
    Shape,
    _front,
    _network,
    check_front,
    check_network,
    load_recognizer,
    register_front,
    register_network,
    save_bundle,
    vgg,
)
from hamiltone.settings import FRONTS, NETWORKS, FrontSettings, NetworkSettings, VGGSettings


@pytest.fixture(autouse=True)
def _kinds_of_the_package_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((FRONTS, "_models"), (NETWORKS, "_models"), (_front, "_CLASSES"), (_network, "_CLASSES")):
        monkeypatch.setattr(owner, name, dict(getattr(owner, name)))


class ScaledSettings(FrontSettings):
    kind: str = Field(default="scaled", description="the kind of front")
    factor: float = Field(default=1.0, description="of the level")
    channels: ClassVar[tuple[str, ...]] = ("level",)


class Scaled(Front):
    """The level of stretches of a frame; what is learned is a factor of it."""

    shape = (1, 32, 32)
    peak: Tensor

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.register_buffer("peak", torch.ones(()))

    @classmethod
    def from_settings(cls, settings: ScaledSettings) -> "Scaled":
        return cls(settings.factor)

    def settings(self) -> dict[str, Any]:
        return {"kind": self.kind, "factor": self.factor}

    def forward(self, x: Tensor, stage: str = "waveform", masked: Tensor | None = None) -> Tensor:
        levels = x[:, :63488].unflatten(1, (1, 32, 32, 62)).square().mean(-1)
        return x if stage == "features" else self.factor * levels / self.peak

    def fit(self, batches: Any) -> None:
        self.peak.copy_(max(batch.abs().max() for batch in batches))


class OtherShape(Scaled):
    shape = (1, 64, 32)


class LostSetting(Scaled):
    def settings(self) -> dict[str, Any]:
        return {"kind": self.kind}


class LostFactor(Scaled):
    def settings(self) -> dict[str, Any]:
        return {"kind": self.kind, "factor": 1.0}


class Attribute(Scaled):
    def __init__(self, factor: float) -> None:
        super().__init__(factor)
        self.loudest = 1.0

    def forward(self, x: Tensor, stage: str = "waveform", masked: Tensor | None = None) -> Tensor:
        return super().forward(x, stage, masked) / self.loudest

    def fit(self, batches: Any) -> None:
        self.loudest = float(max(batch.abs().max() for batch in batches))


class Unwritable(Scaled):
    def settings(self) -> dict[str, Any]:
        return {"kind": self.kind, "factor": torch.ones(())}


class Failing(Scaled):
    def forward(self, x: Tensor, stage: str = "waveform", masked: Tensor | None = None) -> Tensor:
        raise RuntimeError("no\nway")


class Headed(Scaled):
    def forward(self, x: Tensor, stage: str = "waveform", masked: Tensor | None = None) -> Tensor:
        raise RuntimeError("Error(s) in loading state_dict for Headed:\n\tMissing key")


class Double(Scaled):
    def forward(self, x: Tensor, stage: str = "waveform", masked: Tensor | None = None) -> Tensor:
        return super().forward(x, stage, masked).double()


class Infinite(Scaled):
    def forward(self, x: Tensor, stage: str = "waveform", masked: Tensor | None = None) -> Tensor:
        return (0 * super().forward(x, stage, masked)).log()


def fitted(front: type[Scaled]) -> Scaled:
    made = register_front(ScaledSettings)(front)(2.0)
    made.fit([3 * torch.randn(2, 64000, generator=torch.Generator().manual_seed(1))])
    return made


def test_a_whole_front_passes_and_draws_nothing() -> None:
    front, before = fitted(Scaled), torch.get_rng_state()
    check_front(front)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("front", "told"),
    [
        (OtherShape, r"OtherShape\.shape is \(1, 64, 32\), but forward gives maps of shape \(1, 1, 32, 32\) for one"),
        (Headed, "RuntimeError: Error.s. in loading state_dict for Headed: Missing key$"),
        (Double, r"Double\.forward gives torch\.float64 for torch\.float32"),
        (Infinite, r"Infinite\.forward gives values that are not finite"),
        (LostSetting, r"LostSetting is another one once it is saved: its settings\(\) must have every key"),
        (LostFactor, "LostFactor is another one once it is saved"),
        (Attribute, "Attribute is another one once it is saved: .* what fit.* learns must be in buffers"),
        (Unwritable, r"Unwritable as its settings\(\) make it fails: TypeError"),
        (Failing, "Failing.forward of a frame fails: RuntimeError: no$"),
    ],
)
def test_what_would_be_lost_is_told_and_nothing_is_saved(front: type[Scaled], told: str, tmp_path: Path) -> None:
    made = fitted(front)
    with pytest.raises(ExtensionError, match=told):
        check_front(made)
    network = vgg(11, "real", 2, width=1 / 32, hidden=8, input_shape=made.shape)
    with pytest.raises(ExtensionError, match=told):
        save_bundle(Recognizer(made, network, "ab"), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_whole_front_is_saved(tmp_path: Path) -> None:
    made = fitted(Scaled)
    save_bundle(Recognizer(made, vgg(11, "real", 2, width=1 / 32, hidden=8, input_shape=made.shape), "ab"), tmp_path)
    assert load_recognizer(tmp_path).front.get_buffer("peak") == made.peak != 1


def test_parts_that_are_missing_are_named_with_their_class() -> None:
    class Bare(Front):
        def settings(self) -> dict[str, Any]:
            return {}

    with pytest.raises(ExtensionError, match=r"^Bare lacks forward, from_settings, which a Front needs"):
        register_front(ScaledSettings)(Bare)

    class Nameless(FrontSettings):
        kind: str = "nameless"

    with pytest.raises(ExtensionError, match=r"^Nameless lacks channels, which a FrontSettings needs"):
        register_front(Nameless)

    class Layerless(NetworkSettings):
        kind: str = "layerless"

    with pytest.raises(ExtensionError, match=r"^Layerless lacks last_hidden, layer_names, structure, which a Network"):
        register_network(Layerless)

    class Whole(VGGSettings):
        kind: str = "whole"

    class Scoreless(Network):
        def __init__(self, config: Whole, input_shape: Shape, classes: int) -> None:
            super().__init__(config, input_shape, classes)

    with pytest.raises(ExtensionError, match=r"^Scoreless lacks forward, which a Network needs"):
        register_network(Whole)(Scoreless)


class SmallSettings(NetworkSettings):
    kind: str = Field(default="small", description="the kind of network")
    structure: ClassVar[tuple[str, ...]] = ()
    last_hidden: ClassVar[str] = "scores"

    def layer_names(self) -> tuple[str, ...]:
        return ("first",)


class Small(Network):
    """A convolution, the mean of its map, scores."""

    extra = 0

    def __init__(self, config: SmallSettings, input_shape: Shape, classes: int) -> None:
        super().__init__(config, input_shape, classes)
        self.first = nn.Conv2d(input_shape[0], 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.scores = nn.Linear(8, classes + self.extra)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.norm(self.first(x)).mean((2, 3)))


class OneTooMany(Small):
    extra = 1


class Mistyped(Small):
    def forward(self, x: Tensor) -> Tensor:
        return self.score(x)  # pyright: ignore[reportCallIssue]


class Endless(Small):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / 0


class HiddenMap(Small):
    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.norm(self.first(x)).flatten(2).mT).mean(1)


class Unasked(Small):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(self.norm(self.first(x)).mean((2, 3)), self.scores.weight)


def test_a_whole_network_passes_and_stays_as_it_is() -> None:
    network = Small(SmallSettings(), (1, 8, 8), 3).train()
    before, random = {name: value.clone() for name, value in network.state_dict().items()}, torch.get_rng_state()
    check_network(network)
    assert torch.equal(torch.get_rng_state(), random)
    assert network.training
    assert not network.scores._forward_pre_hooks
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (OneTooMany, r"network.kind small: OneTooMany.forward gives scores of shape \(2, 4\) .* shape \(2, 3\)"),
        (Mistyped, "Mistyped.forward of two frames fails: AttributeError: 'Mistyped' object has no attribute 'score'"),
        (Endless, "Endless.forward gives infinite scores"),
        (HiddenMap, r"last_hidden, scores, gets an input of shape \(2, 36, 8\) for two frames"),
        (Unasked, "last_hidden, scores, is not called for two frames"),
    ],
)
def test_what_a_network_gives_amiss_is_told_before_it_is_trained(network: type[Small], told: str) -> None:
    with pytest.raises(ExtensionError, match=told):
        check_network(network(SmallSettings(), (1, 8, 8), 3))


def test_a_structure_of_unknown_keys_is_told() -> None:
    class Mistaken(SmallSettings):
        kind: str = "mistaken"
        structure: ClassVar[tuple[str, ...]] = ("widht",)

    with pytest.raises(ExtensionError, match=r"Mistaken\.structure names 'widht', which is no key of these settings"):
        register_network(Mistaken)
