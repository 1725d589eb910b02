"""VGG networks, real or quaternion: one class, layer types injected."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from hamiltone.quaternion import QuaternionBatchNorm2d, QuaternionConv2d, QuaternionLinear

# Configurations A, B, D and E of Simonyan & Zisserman (2015): output channels of each convolution, None for a max-pool.
_CONFIGURATIONS: dict[int, tuple[int | None, ...]] = {
    11: (64, None, 128, None, 256, 256, None, 512, 512, None, 512, 512, None),
    13: (64, 64, None, 128, 128, None, 256, 256, None, 512, 512, None, 512, 512, None),
    16: (64, 64, None, 128, 128, None, 256, 256, 256, None, 512, 512, 512, None, 512, 512, 512, None),
    19: (64, 64, None, 128, 128, None, *(256,) * 4, None, *(512,) * 4, None, *(512,) * 4, None),
}
_HIDDEN = 4096
_POOLED: dict[str, tuple[int, int] | None] = {"adaptive": (7, 7), "flatten": None, "mean": (1, 1)}
_NORMS = ("none", "batch")


@dataclass(frozen=True)
class _LayerTypes:
    convolution: Callable[..., nn.Module]
    linear: Callable[..., nn.Module]
    norm: Callable[..., nn.Module]
    multiple: int  # channel counts are multiples of this


_LAYER_TYPES: dict[str, _LayerTypes] = {
    "real": _LayerTypes(nn.Conv2d, nn.Linear, nn.BatchNorm2d, 1),
    "quaternion": _LayerTypes(QuaternionConv2d, QuaternionLinear, QuaternionBatchNorm2d, 4),
}


class VGG(nn.Module):
    """A VGG network whose parameters are named as torchvision's (``features.0.weight`` ... ``classifier.6.bias``).

    ``features`` are 3x3 convolutions with ReLU (a batch norm between, where asked for) and 2x2 max-pools,
    ``classifier`` is Linear-ReLU-Dropout twice and a last linear layer, which is real in either algebra (REFERENCE
    section 2; paper, section 3.1). Use :func:`vgg`.
    """

    def __init__(
        self,
        features: nn.Sequential,
        pool: nn.Module,
        classifier: nn.Sequential,
        settings: dict[str, Any],
    ) -> None:
        super().__init__()
        self.features = features
        self.pool = pool
        self.classifier = classifier
        self._settings = settings
        self._initialise_real_layers()

    def forward(self, x: Float[Tensor, "batch channel time frequency"]) -> Float[Tensor, "batch label"]:
        """Class scores (before the softmax) of a batch of feature maps."""
        # Flattening goes channel by channel, so [all r | all i | all j | all k] lasts into the linear layers.
        return self.classifier(self.pool(self.features(x)).flatten(1))

    def settings(self) -> dict[str, Any]:
        """The arguments of :func:`vgg` that make a network of this shape again (JSON-able)."""
        return dict(self._settings)

    def _initialise_real_layers(self) -> None:
        # As torchvision does; quaternion layers have initialised themselves.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.zeros_(module.bias)


def vgg(
    depth: int = 16,
    algebra: str = "real",
    classes: int = 4,
    *,
    width: float = 1.0,
    hidden: int | None = None,
    pool: str = "flatten",
    norm: str = "none",
    input_shape: tuple[int, int, int] = (1, 512, 128),
    dropout: float = 0.5,
) -> VGG:
    """A VGG network.

    Args:
        depth: 11, 13, 16 or 19 layers with weights.
        algebra: of all layers but the last, which is real.
        classes: number of scores.
        width: scales the channels (64 to 512 at 1.0).
        hidden: size of the two hidden linear layers; 4096 x width unless given.
        pool: ``adaptive`` averages the last feature map to 7 x 7 as torchvision does; ``flatten`` leaves it as it is,
            which gives the paper's parameter counts; ``mean`` averages it over all its places.
        norm: ``batch`` puts a batch norm of the algebra behind each convolution, before its ReLU, as torchvision's
            ``vgg16_bn``; ``none`` is the paper's.
        input_shape: channels, time, frequency of the input.
        dropout: probability in the classifier.

    Raises:
        ValueError: an unknown depth, algebra, pool or norm, or sizes that the algebra or the pools do not allow.
    """
    if depth not in _CONFIGURATIONS:
        raise ValueError(f"depth {depth} is none of {', '.join(map(str, _CONFIGURATIONS))}")
    if algebra not in _LAYER_TYPES:
        raise ValueError(f"algebra {algebra!r} is none of {', '.join(_LAYER_TYPES)}")
    for name, value, known in (("pool", pool, tuple(_POOLED)), ("norm", norm, _NORMS)):
        if value not in known:
            raise ValueError(f"{name} {value!r} is none of {', '.join(known)}")
    if classes < 1:
        raise ValueError(f"{classes} classes: at least one is needed")
    types = _LAYER_TYPES[algebra]
    hidden = round(_HIDDEN * width) if hidden is None else hidden
    channels, time, frequency = input_shape
    _check_multiple(channels, types.multiple, f"input channels of a {algebra} network")
    _check_multiple(hidden, types.multiple, f"hidden units of a {algebra} network")

    layers: list[nn.Module] = []
    for base in _CONFIGURATIONS[depth]:
        if base is None:
            layers.append(nn.MaxPool2d(2, 2))
            time, frequency = time // 2, frequency // 2
            continue
        out = base * width
        if out != round(out):
            raise ValueError(f"width {width} makes {out} channels of {base}: choose one that gives whole numbers")
        _check_multiple(round(out), types.multiple, f"channels of a {algebra} network at width {width}")
        layers.append(types.convolution(channels, round(out), kernel_size=3, padding=1))
        channels = round(out)
        if norm == "batch":
            layers.append(types.norm(channels))
        layers.append(nn.ReLU(inplace=True))
    if time < 1 or frequency < 1:
        raise ValueError(f"input_shape {input_shape} is too small for five max-pools: at least 32 x 32 is needed")
    pooled = _POOLED[pool]
    size = (time, frequency) if pooled is None else pooled

    classifier = nn.Sequential(
        types.linear(channels * prod(size), hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        types.linear(hidden, hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(hidden, classes),
    )
    settings = {
        "depth": depth,
        "algebra": algebra,
        "classes": classes,
        "width": width,
        "hidden": hidden,
        "pool": pool,
        "norm": norm,
        "input_shape": list(input_shape),
        "dropout": dropout,
    }
    pooling = nn.Identity() if pooled is None else nn.AdaptiveAvgPool2d(pooled)
    return VGG(nn.Sequential(*layers), pooling, classifier, settings)


def _check_multiple(size: int, multiple: int, what: str) -> None:
    if size < 1 or size % multiple:
        raise ValueError(f"{size} {what}: a positive multiple of {multiple} is needed")
