"""Numbers that are not finite stop a run before they spoil its weights; silence and constants give none."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import cross_entropy

from hamiltone.antitransfer import AGGREGATIONS, DISTANCES, AntiTransferLoss
from hamiltone.audio import FRAME_SAMPLES
from hamiltone.corpora import read_split
from hamiltone.networks import SpectrogramFront, vgg
from hamiltone.settings import SpectrogramSettings
from hamiltone.training import TrainingError, train
from hamiltone.training._objectives import Classification

from ..training.conftest import Make
from ._children import results
from .conftest import Whole


def spoil(monkeypatch: pytest.MonkeyPatch, step: int, term: Callable[[Tensor], Tensor]) -> None:
    """Add a term of the weights to the loss of one step, counted over all epochs."""
    losses, count = Classification.losses, iter(range(1, 1_000_000))

    def spoilt(self: Classification, module: Any, batch: Any) -> dict[str, Tensor]:
        given = dict(losses(self, module, batch))
        if next(count) == step:
            given["loss"] = given["loss"] + term(next(self.module.parameters()))
        return given

    monkeypatch.setattr(Classification, "losses", spoilt)


# The square root of 0 has no finite derivative; its product with 0 is not a number.
@pytest.mark.parametrize(
    ("term", "told"),
    [
        (lambda weight: weight.sum() * float("nan"), "the loss is nan and its gradient not finite in epoch 2, step 3"),
        (lambda weight: (weight * 0).sum() + torch.inf, "the loss is inf in epoch 2, step 3"),
        (
            lambda weight: (weight * 0).sqrt().sum(),
            r"the loss is [\d.]+ and its gradient not finite in epoch 2, step 3",
        ),
    ],
)
def test_a_loss_or_gradient_that_is_not_finite_stops_before_the_step_and_names_the_clips(
    whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, term: Callable[[Tensor], Tensor], told: str
) -> None:
    out = tmp_path / "out"
    settings, _ = whole.settings(out)
    steps = -(-whole.results["record"]["split"]["train"]["frames"] // settings.training.batch)
    spoil(monkeypatch, steps + 3, term)
    with pytest.raises(TrainingError, match=f"^{told}, on the clips .*: the training has diverged; lower ") as failure:
        train(settings, quiet=True)
    named = str(failure.value).partition(", on the clips ")[2].partition(": the training")[0].split(", ")
    assert 1 <= len(named) <= settings.training.batch
    assert len(set(named)) == len(named)
    assert not (out / "record.json").exists()
    state = load_file(max((out / "checkpoint").glob("state-*")))
    assert all(value.isfinite().all() for name, value in state.items() if name.startswith(("model.", "optimizer.")))
    split = read_split(whole.folder / "split.json")
    assert set(named) <= set(split.parts["train"])
    if "inf" in told:  # nothing is spoilt: without the cause it goes on, and ends as it would have
        monkeypatch.undo()
        train(settings, quiet=True)
        assert results(out) == whole.results


def test_large_gradients_that_are_finite_stop_nothing(
    whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their sum of squares is not finite."""
    spoil(monkeypatch, 1, lambda weight: (weight * 1e30).sum() - (weight * 1e30).sum().detach())
    assert train(whole.settings(tmp_path / "out")[0], quiet=True).test is not None


SOUNDS = {
    "silent": torch.zeros(4, FRAME_SAMPLES),
    "constant": torch.full((4, FRAME_SAMPLES), 0.5),
    "alike": torch.sin(torch.arange(FRAME_SAMPLES) * 0.1).repeat(4, 1),
    "tiny": 1e-38 * torch.sin(torch.arange(FRAME_SAMPLES) * 0.1).repeat(4, 1),
}


@pytest.mark.parametrize("scale", ["decibel", "linear"])
@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_anti_transfer_on_silent_or_constant_sound_gives_finite_gradients(
    scale: str, sound: str, precision: str
) -> None:
    torch.manual_seed(0)
    front = SpectrogramFront.from_settings(SpectrogramSettings.model_validate({"scale": scale}))
    front.fit([torch.randn(4, FRAME_SAMPLES)])
    features = front(SOUNDS[sound])[:, :, :64]  # of constant sound all times are alike, but the first and last
    network, frozen = (vgg(11, width=1 / 64, hidden=4, pool="mean", input_shape=(1, 64, 128)) for _ in range(2))
    for distance, aggregation in product(DISTANCES, AGGREGATIONS):
        loss = AntiTransferLoss(frozen, [1, 3], aggregation=aggregation, distance=distance)
        with loss.attach(network), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            scores = network(features)
            value = cross_entropy(scores.float(), torch.arange(4)) + loss()
        value.backward()
        assert value.isfinite(), (distance, aggregation)
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        assert gradients and all(gradient.isfinite().all() for gradient in gradients), (distance, aggregation)
        network.zero_grad()


@pytest.mark.parametrize("scale", ["decibel", "linear"])
@pytest.mark.parametrize("sound", ["constant", "alike"])
def test_a_front_fitted_on_constant_sound_alone_is_finite(scale: str, sound: str) -> None:
    front = SpectrogramFront.from_settings(SpectrogramSettings.model_validate({"scale": scale}))
    front.fit([SOUNDS[sound]])
    assert front(SOUNDS[sound]).isfinite().all()
    assert front(torch.randn(1, FRAME_SAMPLES)).isfinite().all()


LONG = {"training__epochs": 100, "training__patience": 100, "training__batch": 8}


@pytest.mark.soak
@pytest.mark.parametrize("scale", ["decibel", "linear"])
@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_a_long_run(settings_for: Make, tmp_path: Path, scale: str, precision: str, record_property) -> None:
    front = {"kind": "spectrogram", "scale": scale}
    record = train(settings_for(tmp_path / "long", front=front, training__precision=precision, **LONG), quiet=True)
    losses = [epoch.train["loss"] for epoch in record.epochs]
    assert len(losses) == LONG["training__epochs"]
    assert min(losses) < losses[0]
    name = {"no": "fp32", "bf16": "bf16"}[precision]
    record_property(f"epochs of a long run without a number that is not finite: {scale}, {name}", len(losses))
