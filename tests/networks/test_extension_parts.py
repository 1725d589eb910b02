"""Fronts, networks and settings of an extension that are not whole, or that would be others once they are saved."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from pydantic import Field
from torch import Tensor

from hamiltone.extensions import ExtensionError
from hamiltone.networks import (
    Front,
    Network,
    Recognizer,
    Shape,
    _front,
    _network,
    check_front,
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
        (OtherShape, r"OtherShape\.shape is \(1, 64, 32\), but forward gives \(1, 32, 32\)"),
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
