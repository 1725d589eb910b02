"""The quaternion twin of ``torch.nn.Conv2d``, and the base that it shares with its transposed sister."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn import functional

from hamiltone.quaternion import kernels
from hamiltone.quaternion._initialisation import glorot_scale, he_scale, polar_
from hamiltone.quaternion._tracing import as_leaf

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def integer_pair(name: str, value: int | tuple[int, int], least: int) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or min(pair) < least:
        raise ValueError(f"{name} must be one or two integers of at least {least}, not {value!r}")
    return pair


class QuaternionConvolution(nn.Module):
    """Base of both convolutions: settings under the names of ``torch.nn.Conv2d``, the parameters, the repr."""

    weight: nn.Parameter
    bias: nn.Parameter | None
    transposed: bool

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int],
        dilation: int | tuple[int, int],
        groups: int,
        bias: bool,
        device: torch.device | str | int | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        kind = type(self).__name__
        if groups <= 0:
            raise ValueError(f"{kind}: groups must be a positive integer, not {groups}")
        for name, number in (("in_channels", in_channels), ("out_channels", out_channels)):
            if number <= 0 or number % (4 * groups):
                raise ValueError(
                    f"{kind}: {name} must be a positive multiple of 4 x groups = {4 * groups}, not {number}"
                )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = integer_pair("kernel_size", kernel_size, 1)
        self.stride = integer_pair("stride", stride, 1)
        self.dilation = integer_pair("dilation", dilation, 1)
        self.groups = groups
        self._prepared = kernels.PreparedWeights()

        # torch's twins, too, have the input's channels first in the transposed weight.
        rows, columns = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        # The components are stacked in one dimension, so that channels_last, which is for four, can be asked of it.
        shape = (rows, columns // 4 // groups, *self.kernel_size)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    @property
    def components(self) -> Float[Tensor, "4 rows columns kernel_height kernel_width"]:
        """A view of the weights with the components r, i, j, k first."""
        return self.weight.unflatten(0, (4, -1))

    def reset_parameters(self, start: Literal["glorot", "he"] | None = None) -> None:
        """Draw the weights anew in polar form from torch's global generator; zero the bias.

        Args:
            start: Glorot's deviation, the usual one, or He's, the usual one of a transposed convolution, which keeps a
                signal's size through many layers with ReLU.
        """
        fan = self.kernel_size[0] * self.kernel_size[1]
        n_in = self.in_channels // 4 // self.groups * fan
        n_out = self.out_channels // 4 // self.groups * fan
        he = self.transposed if start is None else start == "he"
        polar_(self.components, he_scale(n_in) if he else glorot_scale(n_in, n_out))
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def _check_channels(self, x: Float[Tensor, "*batch channel height width"]) -> None:
        if x.shape[-3] != self.in_channels:
            raise ValueError(
                f"{type(self).__name__} takes {self.in_channels} channels, not {x.shape[-3]} "
                f"(input of shape {tuple(x.shape)})"
            )

    def extra_repr(self) -> str:
        """The settings, in the form of ``torch.nn.Conv2d``: those at their defaults are left out."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        if self.padding != (0, 0):
            parts.append(f"padding={self.padding}")
        if self.dilation != (1, 1):
            parts.append(f"dilation={self.dilation}")
        if self.output_padding != (0, 0):
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class QuaternionConv2d(QuaternionConvolution):
    """Quaternion 2-d convolution, the twin of ``torch.nn.Conv2d``: ``y = W (x) x + b``.

    Channels of input (batch, in_channels, height, width) and output hold quaternions as ``[all r | all i | all j | all
    k]``; a single example (in_channels, height, width) is accepted, too. ``groups`` partitions quaternions, never
    components: input quaternion ``n`` of ``N`` belongs to group ``n // (N / groups)``, and the layout of the channels
    stays the same.

    Args:
        in_channels: Real channels of the input, a multiple of 4 x groups.
        out_channels: Real channels of the output, a multiple of 4 x groups.
        kernel_size: Height and width, or one number for both.
        stride: As in ``torch.nn.Conv2d``.
        padding: Zeros (see ``padding_mode``) on each side; "same" (stride 1 only) or "valid".
        dilation: As in ``torch.nn.Conv2d``.
        groups: Groups of quaternions.
        bias: Whether a real bias per output channel is learnt.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        device: As in ``torch.nn.Conv2d``.
        dtype: As in ``torch.nn.Conv2d``.

    Attributes:
        weight: (out_channels, in_channels / 4 / groups, height, width), laid out as channels are: [all r | all i |
            all j | all k]; Glorot initialisation in polar form.
        bias: (out_channels,), zeros at first, or None.

    Raises:
        ValueError: Channels that are not a positive multiple of 4 x groups, or another setting out of range; an input
            with another number of channels.

    Source: docs/method.md, "The Hamilton product".
    """

    transposed = False
    padding: str | tuple[int, int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: str | int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size=kernel_size,
            stride=stride,
            dilation=dilation,
            groups=groups,
            bias=bias,
            device=device,
            dtype=dtype,
        )
        if padding_mode not in _PADDING_MODES:
            raise ValueError(f"padding_mode must be one of {', '.join(_PADDING_MODES)}, not {padding_mode!r}")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"padding must be 'same', 'valid' or integers, not {padding!r}")
            if padding == "same" and self.stride != (1, 1):
                raise ValueError(f"padding='same' needs stride 1, not {self.stride}")
            self.padding = padding
        else:
            self.padding = integer_pair("padding", padding, 0)
        self.output_padding = (0, 0)
        self.padding_mode = padding_mode

    def forward(
        self, x: Float[Tensor, "*batch channel height width"]
    ) -> Float[Tensor, "*batch new_channel new_height new_width"]:
        """Convolve: (batch, in_channels, height, width) -> (batch, out_channels, new height, new width)."""
        if isinstance(x, Proxy):
            return as_leaf(self, x)
        self._check_channels(x)
        padding = self.padding
        left, right, above, below = self._sides()
        if self.padding_mode != "zeros":
            x = functional.pad(x, (left, right, above, below), mode=self.padding_mode)
            padding = (0, 0)
        elif (left, above) == (right, below):
            padding = (above, left)
        geometry = kernels.Geometry(self.stride, padding, self.dilation, self.groups)
        return kernels.convolution(x, self.components, self.bias, geometry, self._prepared)

    def _sides(self) -> tuple[int, int, int, int]:
        """Padding left, right, above, below; as in torch, "same" puts the odd one of an odd total right and below."""
        if self.padding == "same":
            height, width = (d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True))
            return width // 2, width - width // 2, height // 2, height - height // 2
        if isinstance(self.padding, str):
            return 0, 0, 0, 0
        height, width = self.padding
        return width, width, height, height
