"""Dispatch table: the form that computes each case, shipped, so that a call takes the same path each time.

Measured with PyTorch 2.13 in float32 on an x86-64 server processor, with AVX-512 and with AVX2 alone, which agree.
``docs/performance.md`` has the numbers of the layers of VGG16 on a 4 x 64 x 64 embedding, and
``python -m benchmarks.speed a`` takes those of any machine. The first rule that holds counts; where none holds it is
the plain form, as on devices and for dtypes that nobody has measured.

To add a compiled kernel: write its form as a module beside the others, register it in ``_dispatch.py``, and put its
rules (say ``device="cuda"``) in front.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import inf, sqrt
from typing import Literal, NamedTuple

import torch

Operation = Literal["conv2d", "conv_transpose2d", "linear"]
Bounds = tuple[int, int | float]


class Case(NamedTuple):
    """What a choice may depend on.

    Attributes:
        operation: the function.
        evaluation: no gradient is asked of it.
        channels_in: real channels (features) of the input.
        channels_out: real channels (features) of the output.
        batch: examples; of a linear layer, rows.
        positions: batch x height x width of the input; of a linear layer, rows.
        device: type of the input's device.
        dtype: of input and weights.
        channels_last: the input's memory format is channels-last.
        groups: groups of quaternions.
        taps: of a convolution, products of a channel for each position of the larger map: kernel over stride.
    """

    operation: Operation
    evaluation: bool
    channels_in: int
    channels_out: int
    batch: int
    positions: int
    device: str
    dtype: torch.dtype
    channels_last: bool = False
    groups: int = 1
    taps: float = 1.0


@dataclass(frozen=True)
class Rule:
    """A form and when it is taken; bounds are inclusive.

    Attributes:
        operations: the rule is about these.
        form: the form's name.
        evaluation: whether it is about evaluation or about training; None: both.
        channels: least and most of the geometric mean of both channel numbers.
        batch: least and most examples.
        positions: least and most positions.
        channels_last: the memory format that it is about; None: any.
        groups: most groups.
        taps: least and most products of a channel for each position of the larger map.
        device: type of the device.
        dtype: of input and weights.
    """

    operations: tuple[Operation, ...]
    form: str
    evaluation: bool | None = None
    channels: Bounds = (0, inf)
    batch: Bounds = (0, inf)
    positions: Bounds = (0, inf)
    channels_last: bool | None = None
    groups: int | float = 1
    taps: Bounds = (0, inf)
    device: str = "cpu"
    dtype: torch.dtype = torch.float32

    def holds(self, case: Case) -> bool:
        """Whether the rule is about this case."""
        channels = sqrt(case.channels_in * case.channels_out)
        return (
            case.operation in self.operations
            and (case.device, case.dtype) == (self.device, self.dtype)
            and self.evaluation in (None, case.evaluation)
            and self.channels_last in (None, case.channels_last)
            and case.groups <= self.groups
            and self.taps[0] <= case.taps <= self.taps[1]
            and self.channels[0] <= channels <= self.channels[1]
            and self.batch[0] <= case.batch <= self.batch[1]
            and self.positions[0] <= case.positions <= self.positions[1]
        )


_CONVOLUTIONS: tuple[Operation, ...] = ("conv2d", "conv_transpose2d")
_LINEAR: tuple[Operation, ...] = ("linear",)
_NINE: Bounds = (9, inf)
"""Kernels of 3 x 3 and larger at stride 1: what was measured."""

RULES: tuple[Rule, ...] = (
    # Eight products, as one grouped convolution (1.2 to 1.9 times as fast as plain, 2.6 and more with 1024 channels) or
    # one after another (1.1 to 1.6 times, of large channels-last maps). The fewer the channels, the more positions it
    # takes until what the products save is more than what the sums cost; below a tenth it is left to the plain form, as
    # are kernels of fewer taps, which have less to save.
    Rule(_CONVOLUTIONS, "eight", channels=(128, inf), positions=(16_384, inf), channels_last=True, taps=_NINE),
    Rule(_CONVOLUTIONS, "grouped", channels=(90, inf), positions=(4096, inf), channels_last=False, taps=_NINE),
    Rule(_CONVOLUTIONS, "grouped", channels=(128, inf), positions=(1024, inf), taps=_NINE),
    Rule(_CONVOLUTIONS, "grouped", channels=(181, inf), positions=(512, inf), taps=_NINE),
    Rule(_CONVOLUTIONS, "grouped", channels=(256, inf), taps=_NINE),
    # The assembled kernel kept: up to twice as fast with many channels and few positions, the same at worst.
    Rule(_CONVOLUTIONS, "cached", evaluation=True, groups=inf),
    # One product while reading the weights takes the time: 1.2 times as fast with few features, 5 times and more with
    # 2048 at 20 rows. Many rows are worth the sums of the eight-product form (1.2 to 3 times), if features are many.
    Rule(_LINEAR, "stacked", evaluation=False, positions=(1, 64)),
    Rule(_LINEAR, "stacked", evaluation=False, channels=(1024, inf), positions=(65, 96)),
    Rule(_LINEAR, "stacked", evaluation=True, channels=(256, inf), positions=(1, 64)),
    Rule(_LINEAR, "eight", channels=(512, inf), positions=(65, inf)),
)


@lru_cache(maxsize=4096)
def tabled_form(case: Case) -> str:
    """The form that the table gives a case."""
    return next((rule.form for rule in RULES if rule.holds(case)), "plain")
