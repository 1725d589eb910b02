"""Prepared weights: what an evaluation has assembled or transformed once and uses again while they stay the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


@dataclass(frozen=True)
class _Held:
    form: str
    snapshot: Tensor
    made: Any


class PreparedWeights:
    """What a form has made of one layer's weights, as long as no bit of them has changed.

    Weights change in ways that leave no trace: ``weight.data.mul_(2)``, a write through NumPy or by another process
    that shares the memory bumps no version and moves no pointer. So every use compares the weights with a copy of
    those that the form was made of, which reads a quarter of what a real layer of the same size reads for its weights.

    A copy of a layer, and a pickled one, starts without.
    """

    def __init__(self) -> None:
        self._held: _Held | None = None

    def get(self, form: str, weight: Tensor, make: Callable[[Tensor], Any]) -> Any:
        """``make(weight)``, made anew if the weights, their dtype, device or layout, or the form are not as before."""
        held = self._held
        if held is None or held.form != form or not _same_bits(held.snapshot, weight):
            # Made of the copy, so that a thread that writes the weights meanwhile cannot tear the two apart; and no
            # inference tensors, since the next evaluation may run in another mode.
            with torch.inference_mode(False), torch.no_grad():
                snapshot = weight.detach().clone()
                held = _Held(form, snapshot, make(snapshot))
            self._held = held
        return held.made

    def clear(self) -> None:
        """Let go of the memory."""
        self._held = None

    def __deepcopy__(self, _memo: dict[int, Any]) -> "PreparedWeights":
        return PreparedWeights()

    def __reduce__(self) -> tuple[type["PreparedWeights"], tuple[()]]:
        return PreparedWeights, ()


def _same_bits(a: Tensor, b: Tensor) -> bool:
    if (a.dtype, a.device, a.shape, a.stride()) != (b.dtype, b.device, b.shape, b.stride()):
        return False
    bits = _BITS[a.element_size()]  # as integers: NaN equals itself, and -0.0 is not 0.0
    return torch.equal(a.view(bits), b.detach().view(bits))
