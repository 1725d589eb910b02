"""Four channels without training: a spectrogram and its derivatives."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

_POOL = (8, 2)  # 512 x 128 -> 64 x 64, as RH-Emo's embedding


class Derivatives(nn.Module):
    """A spectrogram of 512 x 128 as four channels: itself, and its derivatives (time, time twice, frequency).

    The matrix is averaged over cells of 8 times x 2 bins. Derivatives are central differences of neighbouring cells
    (zero at the edges), times a fixed factor that brings speech's to about the deviation of the matrix itself. It takes
    the place of RH-Emo where no RH-Emo was trained: the same shape, no weights.

    Source: the usual quaternion of acoustic features with their first and second derivatives (Parcollet et al., 2018).
    """

    factors: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("factors", torch.tensor([1.0, 2.0, 2.0, 2.0]).reshape(1, 4, 1, 1), persistent=False)

    def forward(self, spectrogram: Float[Tensor, "batch 1 512 128"]) -> Float[Tensor, "batch 4 64 64"]:
        """The four channels, in the layout of quaternion layers: r, i, j, k."""
        matrix = nn.functional.avg_pool2d(spectrogram, _POOL)
        over_time = _central(matrix, 2)
        channels = torch.cat([matrix, over_time, _central(over_time, 2), _central(matrix, 3)], dim=1)
        return channels * self.factors.to(channels.dtype)


def _central(matrix: Float[Tensor, "batch 1 time frequency"], axis: int) -> Float[Tensor, "batch 1 time frequency"]:
    """Half the difference of the two neighbours along an axis; 0 at the edges."""
    size = matrix.shape[axis]
    inner = (matrix.narrow(axis, 2, size - 2) - matrix.narrow(axis, 0, size - 2)) / 2
    edge = torch.zeros_like(matrix.narrow(axis, 0, 1))
    return torch.cat([edge, inner, edge], dim=axis)
