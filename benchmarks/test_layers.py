"""Quaternion layers beside real ones of the same size, and the anti-transfer loss beside the explicit Gram form.

``make bench`` prints the tables; read the ratios within one group, not the seconds.
"""

from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn

from hamiltone.antitransfer import squared_gram_cosine
from hamiltone.quaternion import QuaternionConv2d, QuaternionLinear

BATCH = 20
# Channels in and out, and side, of some of VGG16's convolutions on a 4 x 64 x 64 embedding at full width.
CONVOLUTIONS = {"layer 1": (4, 64, 64), "layer 4": (128, 128, 32), "layer 7": (256, 256, 16), "layer 13": (512, 512, 4)}


def forward_and_backward(module: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], None]:
    def step() -> None:
        module(x).sum().backward()

    return step


@pytest.mark.parametrize("kind", [nn.Conv2d, QuaternionConv2d])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(benchmark: BenchmarkFixture, name: str, kind: type[nn.Module]) -> None:
    channels_in, channels_out, side = CONVOLUTIONS[name]
    benchmark.group = f"convolution, {name}"
    layer = kind(channels_in, channels_out, 3, padding=1)
    benchmark(forward_and_backward(layer, torch.rand(BATCH, channels_in, side, side, requires_grad=True)))


@pytest.mark.parametrize("kind", [nn.Linear, QuaternionLinear])
def test_linear(benchmark: BenchmarkFixture, kind: type[nn.Module]) -> None:
    benchmark.group = "linear 2048 -> 4096"
    benchmark(forward_and_backward(kind(2048, 4096), torch.rand(BATCH, 2048, requires_grad=True)))


def explicit_gram(a: Tensor, b: Tensor) -> Tensor:
    """Equation 1 as it is written."""
    grams = [x.flatten(2) @ x.flatten(2).mT for x in (a, b)]
    return torch.cosine_similarity(grams[0].flatten(1), grams[1].flatten(1)) ** 2


@pytest.mark.parametrize("form", [explicit_gram, squared_gram_cosine])
@pytest.mark.parametrize(("channels", "side"), [(64, 64), (256, 16), (512, 4)])
def test_similarity(benchmark: BenchmarkFixture, channels: int, side: int, form: Callable[..., Tensor]) -> None:
    benchmark.group = f"anti-transfer, {channels} x {side} x {side}"
    frozen = torch.rand(BATCH, channels, side, side)
    benchmark(forward_and_backward(lambda x: form(frozen, x), torch.rand_like(frozen).requires_grad_()))
