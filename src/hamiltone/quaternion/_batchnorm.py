"""The quaternion twin of ``torch.nn.BatchNorm2d``."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class QuaternionBatchNorm2d(nn.Module):
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

    Source: REFERENCE section 2, "Quaternion batch norm".
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
        super().__init__()
        if num_features <= 0 or num_features % 4:
            raise ValueError(
                f"QuaternionBatchNorm2d: num_features must be a positive multiple of 4, not {num_features}"
            )
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        quaternions = num_features // 4
        gamma = nn.Parameter(torch.empty(quaternions, device=device, dtype=dtype)) if affine else None
        beta = nn.Parameter(torch.empty(num_features, device=device, dtype=dtype)) if affine and bias else None
        self.register_parameter("weight", gamma)
        self.register_parameter("bias", beta)
        mean = torch.empty(num_features, device=device, dtype=dtype) if track_running_stats else None
        variance = torch.empty(quaternions, device=device, dtype=dtype) if track_running_stats else None
        batches = torch.empty((), device=device, dtype=torch.long) if track_running_stats else None
        self.register_buffer("running_mean", mean)
        self.register_buffer("running_var", variance)
        self.register_buffer("num_batches_tracked", batches)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the batches seen: zero mean, unit variance."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Forget everything: as :meth:`reset_running_stats`, and gamma one, beta zero."""
        self.reset_running_stats()
        if self.weight is not None:
            nn.init.ones_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Float[Tensor, "*batch channel height width"]) -> Float[Tensor, "*batch channel height width"]:
        """Normalise: (batch, num_features, height, width) -> the same shape."""
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

    def extra_repr(self) -> str:
        """The settings, in the form of ``torch.nn.BatchNorm2d``."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )
