"""VGG networks, real or quaternion: one class, layer types injected."""

from math import prod

from jaxtyping import Float
from pydantic import ValidationError
from torch import Tensor, nn

from hamiltone.quaternion import QuaternionConv2d
from hamiltone.settings import VGG_CONFIGURATIONS, VGGSettings

from ._algebra_layers import ALGEBRA_LAYERS, check_multiple
from ._network import Network, Shape, register_network

_HIDDEN = 4096
_POOLED: dict[str, tuple[int, int] | None] = {"adaptive": (7, 7), "flatten": None, "mean": (1, 1)}


@register_network(VGGSettings)
class VGG(Network):
    """A VGG network whose parameters are named as torchvision's (``features.0.weight`` ... ``classifier.6.bias``).

    ``features`` are 3x3 convolutions with ReLU (a batch norm between, where asked for) and 2x2 max-pools,
    ``classifier`` is Linear-ReLU-Dropout twice and a last linear layer, which is real in either algebra (the
    paper, section 3.1). :func:`vgg` makes one without a settings model.

    Args:
        config: depth, algebra, width, hidden, pool, norm, start and dropout.
        input_shape: channels, time, frequency of the input.
        classes: number of scores.

    Raises:
        ValueError: sizes that the algebra or the pools do not allow.
    """

    config: VGGSettings

    def __init__(self, config: VGGSettings, input_shape: Shape, classes: int) -> None:
        if classes < 1:
            raise ValueError(f"{classes} classes: at least one is needed")
        hidden = round(_HIDDEN * config.width) if config.hidden is None else config.hidden
        super().__init__(config.model_copy(update={"hidden": hidden}), input_shape, classes)
        types = ALGEBRA_LAYERS[config.algebra]
        check_multiple(input_shape[0], types.multiple, f"input channels of a {config.algebra} network")
        check_multiple(hidden, types.multiple, f"hidden units of a {config.algebra} network")
        self.features, map_shape = _features(config, input_shape)
        pooled = _POOLED[config.pool]
        self.pool = nn.Identity() if pooled is None else nn.AdaptiveAvgPool2d(pooled)
        channels, *positions = map_shape
        self.classifier = nn.Sequential(
            types.linear(channels * prod(pooled or positions), hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(config.dropout),
            types.linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(config.dropout),
            nn.Linear(hidden, classes),
        )
        self._initialise()

    def forward(self, x: Float[Tensor, "batch channel time frequency"]) -> Float[Tensor, "batch label"]:
        """Class scores (before the softmax) of a batch of feature maps."""
        # Flattening goes channel by channel, so [all r | all i | all j | all k] lasts into the linear layers.
        return self.classifier(self.pool(self.features(x)).flatten(1))

    def _initialise(self) -> None:
        # Real layers as torchvision does; quaternion layers have initialised themselves, convolutions by Glorot.
        for module in self.modules():
            if isinstance(module, QuaternionConv2d) and self.config.start == "he":
                module.reset_parameters("he")
            elif isinstance(module, nn.Conv2d):
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
    start: str = "glorot",
    input_shape: Shape = (1, 512, 128),
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
        start: of quaternion convolutions: ``glorot`` is the paper's and shrinks the maps' deviation from layer to
            layer, ``he`` keeps it; real ones start as torchvision's.
        input_shape: channels, time, frequency of the input.
        dropout: probability in the classifier.

    Raises:
        ValueError: an unknown depth, algebra, pool, norm or start, or sizes that the algebra or the pools do not allow.
    """
    named = {"depth": depth, "algebra": algebra, "width": width, "hidden": hidden, "pool": pool, "norm": norm}
    try:
        config = VGGSettings.model_validate(named | {"start": start, "dropout": dropout})
    except ValidationError as error:
        first = error.errors()[0]
        known = first.get("ctx", {}).get("expected")
        wrong = f"is none of {known}" if known else f"is out of range: {first['msg']}"
        raise ValueError(f"{first['loc'][0]} {first['input']!r} {wrong}") from None
    return VGG(config, input_shape, classes)


def _features(config: VGGSettings, input_shape: Shape) -> tuple[nn.Sequential, Shape]:
    """The convolutions and max-pools, and the shape of the last map."""
    types = ALGEBRA_LAYERS[config.algebra]
    channels, time, frequency = input_shape
    layers: list[nn.Module] = []
    for base in VGG_CONFIGURATIONS[config.depth]:
        if base is None:
            layers.append(nn.MaxPool2d(2, 2))
            time, frequency = time // 2, frequency // 2
            continue
        out = base * config.width
        if out != round(out):
            raise ValueError(f"width {config.width} makes {out} channels of {base}: choose one that gives whole ones")
        check_multiple(round(out), types.multiple, f"channels of a {config.algebra} network at width {config.width}")
        layers.append(types.convolution(channels, round(out), kernel_size=3, padding=1))
        channels = round(out)
        if config.norm == "batch":
            layers.append(types.norm(channels))
        layers.append(nn.ReLU(inplace=True))
    if time < 1 or frequency < 1:
        raise ValueError(f"input_shape {input_shape} is too small for five max-pools: at least 32 x 32 is needed")
    return nn.Sequential(*layers), (channels, time, frequency)
