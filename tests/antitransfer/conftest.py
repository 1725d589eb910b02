"""Small networks of several kinds for the tests."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from hamiltone.antitransfer import AGGREGATIONS, DISTANCES


def vgg_like(*, inplace: bool = True, channels: int = 4) -> nn.Sequential:
    """Four convolutions with ReLU, then a classifier with ReLU and dropout; batch norm after the second."""
    c = channels
    features = nn.Sequential(
        nn.Conv2d(1, c, 3, padding=1),
        nn.ReLU(inplace),
        nn.Conv2d(c, c, 3, padding=1),
        nn.BatchNorm2d(c),
        nn.ReLU(inplace),
        nn.MaxPool2d(2),
        nn.Conv2d(c, 2 * c, 3, padding=1),
        nn.ReLU(inplace),
        nn.Dropout2d(0.5),
        nn.Conv2d(2 * c, 2 * c, 3, padding=1),
        nn.ReLU(inplace),
        nn.MaxPool2d(2),
    )
    return nn.Sequential(
        features, nn.Flatten(), nn.Linear(8 * c, 6), nn.ReLU(inplace), nn.Dropout(0.5), nn.Linear(6, 3)
    )


class Block(nn.Module):
    """A residual block that uses one in-place ReLU twice."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)


class ResNetLike(nn.Module):
    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.bn = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.blocks = nn.Sequential(Block(channels), Block(channels))
        self.head = nn.Linear(channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.relu(self.bn(self.stem(x)))).mean((2, 3)))


class Functional(nn.Module):
    """No activation modules but one after a linear layer, and convolutions' outputs changed in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.last = nn.Conv2d(3, 3, 3, padding=1)
        self.head = nn.Sequential(nn.Linear(3, 3), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.first(x), inplace=True)
        out = self.second(x)
        out += x
        return self.head(self.last(out).mul_(-7).mean((2, 3)))


class QuaternionLike(nn.Module):
    """A convolution that shares nothing with torch's but the names of its sizes."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, (3, 3)
        self.r_weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3) / 3)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.r_weight, padding=1)


class QuaternionLikeTranspose(QuaternionLike):
    """A transposed one: no convolution to count."""


def quaternion_like() -> nn.Sequential:
    return nn.Sequential(
        QuaternionLike(4, 8), nn.ReLU(), QuaternionLikeTranspose(8, 8), nn.ReLU(), QuaternionLike(8, 8), nn.ReLU()
    )


@pytest.fixture
def own_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    for registry in (AGGREGATIONS, DISTANCES):
        monkeypatch.setattr(registry, "_functions", dict(registry._functions))


@pytest.fixture(scope="session")
def networks() -> SimpleNamespace:
    return SimpleNamespace(
        vgg_like=vgg_like,
        ResNetLike=ResNetLike,
        Functional=Functional,
        QuaternionLike=QuaternionLike,
        quaternion_like=quaternion_like,
    )


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small are computed faster by one thread than by several."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
