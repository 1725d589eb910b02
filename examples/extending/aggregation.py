"""A new aggregation of the anti-transfer loss: how much each channel varies over the positions of its map.

    python examples/extending/aggregation.py

Importing this file registers it as "deviation"; running it trains a small network that is pushed away from another one.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hamiltone.antitransfer import AntiTransferLoss, register_aggregation
from hamiltone.quaternion import QuaternionConv2d


def deviation(maps: Float[Tensor, "batch channel position"]) -> Float[Tensor, "batch channel"]:
    """The standard deviation over all positions; a map that is the same everywhere has 0, and no gradient."""
    return maps.std(2, correction=0)


register_aggregation("deviation", deviation)


def network() -> nn.Sequential:
    """Two convolutions and a classifier of three classes."""
    return nn.Sequential(
        *(QuaternionConv2d(4, 8, 3, padding=1), nn.ReLU(), QuaternionConv2d(8, 8, 3, padding=1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)),
    )


def train(steps: int = 20) -> list[float]:
    """The similarity of the second convolution's maps in each step."""
    torch.manual_seed(0)
    trained, frozen = network(), network()
    inputs, classes = torch.rand(8, 4, 16, 16), torch.arange(8) % 3
    adam = torch.optim.Adam(trained.parameters(), lr=0.01)
    similarities = []
    anti_transfer = AntiTransferLoss(frozen, layers=[2], aggregation="deviation")
    with anti_transfer.attach(trained):
        for _ in range(steps):
            adam.zero_grad()
            loss = nn.functional.cross_entropy(trained(inputs), classes) + anti_transfer()
            loss.backward()
            adam.step()
            similarities.append(anti_transfer.last[2].item())
    return similarities


if __name__ == "__main__":
    first, *_, last = train()
    print(f"similarity to the frozen network: {first:.3f} before training, {last:.3f} after it")
