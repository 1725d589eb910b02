"""How often an axis of an RH-Emo is the same for all of its inputs, by its start and the scale of its input."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hamiltone.networks import AXES, RHEmo, rh_emo_losses

_BATCH = 20
_RATE = 1e-3  # of its first stage
_CONSTANT = 1e-4


def _torchs_own(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        module.reset_parameters()


AXES_STARTS: Mapping[str, Callable[[nn.Module], None]] = {
    "PyTorch's own": _torchs_own,
    "Xavier normal, zero biases (here)": lambda _: None,
}
"""What is compared: what is done to each module of an RH-Emo that was just made."""


def dead_axes(
    start: str, spectrograms: Float[Tensor, "frame 1 columns 128"], *, steps: int, seeds: int
) -> tuple[list[int], list[int]]:
    """How many of the four axes are constant, for each seed, as it starts and after so many steps of its first stage.

    The parts of the network are convolutions, so the spectrograms may have fewer columns than a whole frame.
    """
    before, after = [], []
    for seed in range(seeds):
        torch.manual_seed(seed)
        rh_emo = RHEmo().apply(AXES_STARTS[start])
        before.append(_constant(rh_emo, spectrograms))
        adam = torch.optim.Adam(rh_emo.parameters(), lr=_RATE)
        for _ in range(steps):
            batch = spectrograms[torch.randperm(len(spectrograms))[:_BATCH]]
            adam.zero_grad()
            rh_emo_losses(rh_emo(batch), batch)["loss"].backward()
            adam.step()
        after.append(_constant(rh_emo, spectrograms))
    return before, after


@torch.no_grad()
def _constant(rh_emo: RHEmo, spectrograms: Float[Tensor, "frame 1 columns 128"]) -> int:
    # A network that is being trained uses each batch's own statistics; that is how it sees its input then.
    axes = rh_emo.train().encoder(spectrograms).transpose(0, 1).flatten(1)
    assert len(axes) == len(AXES)
    return int((axes.amax(1) - axes.amin(1) <= _CONSTANT).sum())
