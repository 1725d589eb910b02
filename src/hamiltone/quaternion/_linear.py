"""The quaternion twin of ``torch.nn.Linear``."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.fx import Proxy

from hamiltone.quaternion import kernels
from hamiltone.quaternion._initialisation import he_scale, polar_
from hamiltone.quaternion._tracing import as_leaf


class QuaternionLinear(nn.Module):
    """Quaternion fully connected layer, the twin of ``torch.nn.Linear``: ``y = W (x) x + b``.

    Input (..., in_features) and output (..., out_features) hold quaternions as ``[all r | all i | all j | all k]``.

    Args:
        in_features: Real features of the input, a multiple of 4.
        out_features: Real features of the output, a multiple of 4.
        bias: Whether a real bias per output feature is learnt.
        device: As in ``torch.nn.Linear``.
        dtype: As in ``torch.nn.Linear``.

    Attributes:
        weight: (out_features, in_features / 4), laid out as features are: [all r | all i | all j | all k]; He
            initialisation in polar form.
        bias: (out_features,), zeros at first, or None.

    Raises:
        ValueError: Features that are not a positive multiple of 4; an input with another number of features.

    Source: docs/method.md, "The Hamilton product".
    """

    weight: nn.Parameter
    bias: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, number in (("in_features", in_features), ("out_features", out_features)):
            if number <= 0 or number % 4:
                raise ValueError(f"QuaternionLinear: {name} must be a positive multiple of 4, not {number}")
        self.in_features = in_features
        self.out_features = out_features
        self._prepared = kernels.PreparedWeights()
        self.weight = nn.Parameter(torch.empty(out_features, in_features // 4, device=device, dtype=dtype))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    @property
    def components(self) -> Float[Tensor, "4 rows columns"]:
        """A view of the weights with the components r, i, j, k first."""
        return self.weight.unflatten(0, (4, -1))

    def reset_parameters(self) -> None:
        """Draw the weights anew (He, polar form) from torch's global generator; zero the bias."""
        polar_(self.components, he_scale(self.in_features // 4))
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Float[Tensor, "*batch feature"]) -> Float[Tensor, "*batch new_feature"]:
        """Apply the layer to the last axis of ``x``: (..., in_features) -> (..., out_features)."""
        if isinstance(x, Proxy):
            return as_leaf(self, x)
        if x.shape[-1] != self.in_features:
            raise ValueError(
                f"QuaternionLinear takes {self.in_features} features on the last axis, not {x.shape[-1]} "
                f"(input of shape {tuple(x.shape)})"
            )
        return kernels.linear(x, self.components, self.bias, self._prepared)

    def extra_repr(self) -> str:
        """The settings, in the form of ``torch.nn.Linear``."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
