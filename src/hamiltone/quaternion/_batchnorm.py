"""The quaternion twin of ``torch.nn.BatchNorm2d``."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn.modules.batchnorm import _BatchNorm

from hamiltone.quaternion._tracing import as_leaf


class QuaternionBatchNorm2d(_BatchNorm):
    """Quaternion batch normalisation, the twin of ``torch.nn.BatchNorm2d``.

    Each quaternion channel ``q`` is normalised as ``gamma (q - mu) / sqrt(E|q - mu|^2 + eps) + beta``: a mean per
    component, ONE variance, the sum of those of the four components (so the output has ``E|q|^2 = 1``, not 1 per
    component), one ``gamma`` per quaternion, and one ``beta`` per component. Channels are laid out ``[all r | all i |
    all j | all k]``.

    Args:
        num_features: Real channels, a multiple of 4.
        eps: Added to the variance.
        momentum: Weight of the newest batch in the running statistics; None for the mean over all batches so far.
        affine: Whether gamma and beta are learnt.
        track_running_stats: Whether running statistics are kept for evaluation; without them it takes the batch's, too.
        device: As in ``torch.nn.BatchNorm2d``.
        dtype: As in ``torch.nn.BatchNorm2d``.
        bias: Whether there is a beta, if ``affine``.

    Attributes:
        weight: gamma, (num_features / 4,), ones at first, or None.
        bias: beta, (num_features,), zeros at first, or None.
        running_mean: (num_features,), or None.
        running_var: (num_features / 4,), or None. It holds biased variances, unlike that of torch's twin.
        num_batches_tracked: Batches seen in training, or None.

    Raises:
        ValueError: Features that are not a positive multiple of 4; an input that is not (batch, num_features, height,
            width); batch statistics of fewer than two values per channel.

    It is a batch norm to torch's tools (``torch.optim.swa_utils.update_bn``, ``torch.func``), but for
    ``SyncBatchNorm.convert_sync_batchnorm``, which it refuses with a ValueError.

    Source: that of RH-Emo's decoder; one variance for the four components, as the squared modulus has.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        if num_features <= 0 or num_features % 4:
            raise ValueError(
                f"QuaternionBatchNorm2d: num_features must be a positive multiple of 4, not {num_features}"
            )
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)
        if affine:
            self.weight = nn.Parameter(torch.ones(num_features // 4, device=device, dtype=dtype))
        if not bias:
            self.bias = None
        if track_running_stats:
            self.running_var = torch.ones(num_features // 4, device=device, dtype=dtype)
        self.unsynchronised = _Unsynchronised()

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride] (torch's says input)
        self, x: Float[Tensor, "*batch channel height width"]
    ) -> Float[Tensor, "*batch channel height width"]:
        """Normalise: (batch, num_features, height, width) -> the same shape."""
        if isinstance(x, Proxy):
            return as_leaf(self, x)
        if x.dim() != 4 or x.shape[1] != self.num_features:
            raise ValueError(
                f"QuaternionBatchNorm2d takes (batch, {self.num_features}, height, width), "
                f"not an input of shape {tuple(x.shape)}"
            )
        # Squares overflow in half precision, and its sums are coarse.
        values = x.to(torch.promote_types(x.dtype, torch.float32))
        if self.training or self.running_mean is None or self.running_var is None:
            mean, variance = self._batch_statistics(values)
            if self.training and self.track_running_stats:
                self._track(mean, variance)
        else:
            mean, variance = self.running_mean.to(values.dtype), self.running_var.to(values.dtype)
        scale = torch.rsqrt(variance + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        scale = scale.repeat(4)
        shift = -mean * scale
        if self.bias is not None:
            shift = shift + self.bias
        return torch.addcmul(shift[:, None, None], values, scale[:, None, None]).to(x.dtype)

    def _batch_statistics(
        self, values: Float[Tensor, "batch channel height width"]
    ) -> tuple[Float[Tensor, " channel"], Float[Tensor, " quaternion"]]:
        if values.shape[0] * values.shape[2] * values.shape[3] < 2:
            raise ValueError(
                "QuaternionBatchNorm2d needs more than 1 value per channel when training, "
                f"not an input of shape {tuple(values.shape)}"
            )
        variances, mean = torch.var_mean(values, dim=(0, 2, 3), correction=0)
        return mean, variances.unflatten(0, (4, -1)).sum(0)

    @torch.no_grad()
    def _track(self, mean: Float[Tensor, " channel"], variance: Float[Tensor, " quaternion"]) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), momentum)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"


class _Unsynchronised(_BatchNorm):
    """Nothing but a refusal: what asks a batch norm within a quaternion one for its features wants to replace it.

    torch's conversion makes a ``SyncBatchNorm`` of every batch norm that it finds. With a variance for each channel,
    where there is one for each quaternion, that would read and write behind the end of the running statistics.
    """

    __constants__ = ()

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.eps, self.momentum, self.affine, self.track_running_stats = 0.0, None, False, False

    def __getattr__(self, name: str) -> Any:
        if name == "num_features":
            raise ValueError(
                "QuaternionBatchNorm2d cannot become a SyncBatchNorm, whose variances are of channels, not of "
                "quaternions: train with one process, or convert before quaternionize, which leaves those real"
            )
        return super().__getattr__(name)

    def extra_repr(self) -> str:
        return ""
