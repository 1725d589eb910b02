"""The quaternion twin of ``torch.nn.ConvTranspose2d``."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.fx import Proxy

from hamiltone.quaternion import kernels
from hamiltone.quaternion._convolution import QuaternionConvolution, integer_pair
from hamiltone.quaternion._tracing import as_leaf


class QuaternionConvTranspose2d(QuaternionConvolution):
    """Quaternion 2-d transposed convolution, the twin of ``torch.nn.ConvTranspose2d``.

    It is the adjoint of :class:`QuaternionConv2d` with the same ``weight`` and settings, as torch's twins are to each
    other, so it multiplies by the conjugates of its weights. Layout of the channels and ``groups`` as in
    :class:`QuaternionConv2d`.

    Args:
        in_channels: Real channels of the input, a multiple of 4 x groups.
        out_channels: Real channels of the output, a multiple of 4 x groups.
        kernel_size: Height and width, or one number for both.
        stride: As in ``torch.nn.ConvTranspose2d``.
        padding: As in ``torch.nn.ConvTranspose2d``.
        output_padding: As in ``torch.nn.ConvTranspose2d``.
        groups: Groups of quaternions.
        bias: Whether a real bias per output channel is learnt.
        dilation: As in ``torch.nn.ConvTranspose2d``.
        padding_mode: "zeros", the only one that torch's twin has.
        device: As in ``torch.nn.ConvTranspose2d``.
        dtype: As in ``torch.nn.ConvTranspose2d``.

    Attributes:
        weight: (in_channels, out_channels / 4 / groups, height, width), laid out as channels are: [all r | all i |
            all j | all k]; He initialisation in polar form.
        bias: (out_channels,), zeros at first, or None.

    Raises:
        ValueError: Channels that are not a positive multiple of 4 x groups, or another setting out of range; an input
            with another number of channels; an ``output_size`` that no output padding below the stride gives.

    Source: docs/method.md, "The Hamilton product".
    """

    transposed = True
    padding: tuple[int, int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        output_padding: int | tuple[int, int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int, int] = 1,
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
        if padding_mode != "zeros":
            raise ValueError(f"padding_mode of a transposed convolution can only be 'zeros', not {padding_mode!r}")
        self.padding = integer_pair("padding", padding, 0)
        self.output_padding = integer_pair("output_padding", output_padding, 0)
        self.padding_mode = padding_mode

    def forward(
        self, x: Float[Tensor, "*batch channel height width"], output_size: Sequence[int] | None = None
    ) -> Float[Tensor, "*batch new_channel new_height new_width"]:
        """Convolve, transposed: (batch, in_channels, height, width) -> (batch, out_channels, new height, new width).

        Args:
            x: The input.
            output_size: The output's height and width (or its whole shape), in place of ``output_padding``.

        Returns:
            The output, of the shape that torch's twin gives.

        Raises:
            ValueError: As in the class.
        """
        if isinstance(x, Proxy):
            return as_leaf(self, x, output_size)
        self._check_channels(x)
        output_padding = self.output_padding if output_size is None else self._padding_for(x, output_size)
        geometry = kernels.Geometry(self.stride, self.padding, self.dilation, self.groups, True, output_padding)
        return kernels.convolution(x, self.components, self.bias, geometry, self._prepared)

    def _padding_for(
        self, x: Float[Tensor, "*batch channel height width"], output_size: Sequence[int]
    ) -> tuple[int, int]:
        if len(output_size) not in (2, x.dim()):
            raise ValueError(f"output_size must have 2 or {x.dim()} numbers, not {tuple(output_size)}")
        least = [
            (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1
            for size, stride, padding, dilation, kernel in zip(
                x.shape[-2:], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        ]
        height, width = (size - smallest for size, smallest in zip(output_size[-2:], least, strict=True))
        if not (0 <= height < self.stride[0] and 0 <= width < self.stride[1]):
            most = [size + stride - 1 for size, stride in zip(least, self.stride, strict=True)]
            raise ValueError(f"output_size {tuple(output_size)} is out of reach: sizes range from {least} to {most}")
        return height, width
