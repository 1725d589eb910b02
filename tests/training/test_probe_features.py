"""What probes see of a network, beside an explicit forward, frame by frame and module by module."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hamiltone.corpora import Utterances
from hamiltone.networks import VGG, vgg
from hamiltone.training import _probe_features
from hamiltone.training._batches import Part, stored_inputs
from hamiltone.training._display import TrainingDisplay
from hamiltone.training._probe_features import layer_features

OWNER = np.array([0, 0, 1, 2, 2, 2, 3])  # whose each frame is


def part(shape: tuple[int, int, int]) -> Part:
    """Four clips of one to three frames, which lie in another order among all frames."""
    rows = [{"utterance": str(number), "path": f"{number}.wav", "speaker": "ann"} for number in range(4)]
    frames = np.random.default_rng(0).normal(size=(9, *shape)).astype(np.float32)
    chosen = np.array([7, 0, 3, 2, 8, 5, 1])
    utterances = Utterances.from_rows(rows, corpus="made", root=Path())
    classes = torch.zeros(4, dtype=torch.long)
    return Part("test", utterances, chosen, OWNER, classes, None, stored_inputs(frames, "features"))


@torch.no_grad()
def slow_features(network: VGG, frame: torch.Tensor) -> list[np.ndarray]:
    x, layers = frame, []
    for module in network.features:
        x = module(x)
        if isinstance(module, nn.ReLU):
            channels = x[0].double().numpy()
            layers.append(np.concatenate([channels.mean((1, 2)), channels.std((1, 2))]))
    x = network.pool(x).flatten(1)
    for module in list(network.classifier)[:-1]:
        x = module(x)
    return [*layers, x[0].double().numpy()]


@pytest.mark.parametrize("values", [1, 1 << 24])
@pytest.mark.parametrize(
    ("depth", "algebra", "pool"), [(11, "real", "flatten"), (16, "quaternion", "flatten"), (13, "real", "adaptive")]
)
def test_features_are_the_mean_over_frames_of_an_explicit_forward(
    monkeypatch: pytest.MonkeyPatch, values: int, depth: int, algebra: str, pool: str
) -> None:
    monkeypatch.setattr(_probe_features, "_VALUES", values)  # frame by frame, or all at once
    torch.manual_seed(0)
    shape = (4, 32, 64)
    network = vgg(depth, algebra, 3, width=1 / 16, hidden=12, input_shape=shape, pool=pool).eval()
    clips = part(shape)
    found = layer_features(network, clips, TrainingDisplay("test", quiet=True))
    frames = [slow_features(network, clips.inputs.fetch(clips.rows[[position]], 0).x) for position in range(len(OWNER))]
    assert [layer.layer for layer in found] == list(range(1, depth - 1))  # all layers with weights but two
    assert found[0].name == "features.0"
    assert found[-1].name == "classifier.6"
    for position, layer in enumerate(found):
        per_frame = np.array([frame[position] for frame in frames])
        expected = np.array([per_frame[clip == OWNER].mean(0) for clip in range(4)])
        assert np.ptp(expected, axis=0).max() > 0
        np.testing.assert_allclose(layer.values, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


def test_the_network_is_left_as_it_was() -> None:
    network = vgg(11, "real", 3, width=1 / 16, hidden=12, input_shape=(1, 32, 32)).eval()
    layer_features(network, part((1, 32, 32)), TrainingDisplay("test", quiet=True))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
