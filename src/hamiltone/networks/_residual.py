"""Residual networks for little data, real or quaternion, which pool over the time of speech by attention."""

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from hamiltone.quaternion import QuaternionConv2d
from hamiltone.settings import ResidualSettings
from hamiltone.speech import sounding_columns

from ._algebra_layers import ALGEBRA_LAYERS, AlgebraLayers, check_multiple
from ._network import Network, Shape, register_network

_LEAST_VARIANCE = 1e-5
_PRIOR_FRAMES = 10


@register_network(ResidualSettings)
class Residual(Network):
    """A stem, stages of one residual block each, attentive statistics over time, and a linear layer.

    The stem is a 5 x 5 convolution of stride 2, where asked for with a 2 x 2 max-pool; a block is two 3 x 3
    convolutions with batch norms beside a shortcut (a 1 x 1 convolution where the channels change), its ReLU, and a
    2 x 2 max-pool. Each channel of each remaining frequency is pooled over time to its mean and its deviation, under
    weights that attention gives. Columns of the input that hold nothing but zeros are padding: they are 0 behind each
    convolution and have no weight in the pooling, so scores do not depend on how long the padding is (in training, the
    batch norms' statistics count a little of it). The number of times is free, so a batch is computed as long as its
    longest speech only.

    Args:
        config: algebra, channels, stem, its pool, norm, attention and dropout.
        input_shape: channels, time, frequency of the input.
        classes: number of scores.

    Raises:
        ValueError: sizes that the algebra or the pools do not allow.

    Source: He et al. 2016, doi:10.1109/CVPR.2016.90 (blocks); Okabe et al. 2018, doi:10.21437/Interspeech.2018-993
    (attentive statistics); He et al. 2015, doi:10.1109/ICCV.2015.123 (first weights).
    """

    config: ResidualSettings

    def __init__(self, config: ResidualSettings, input_shape: Shape, classes: int) -> None:
        super().__init__(config, input_shape, classes)
        layers = ALGEBRA_LAYERS[config.algebra]
        if config.norm == "component":
            layers = replace(layers, norm=nn.BatchNorm2d)
        for channels in (input_shape[0], config.stem, *config.channels):
            check_multiple(channels, layers.multiple, f"channels of a {config.algebra} network")
        self._halvings = len(config.channels) + config.stem_pool  # behind the stem's own
        frequencies = -(-input_shape[2] // 2) // 2**self._halvings
        if frequencies < 1:
            raise ValueError(f"{input_shape[2]} frequencies are too few for {len(config.channels)} stages")
        stem = layers.convolution(input_shape[0], config.stem, 5, stride=2, padding=2, bias=False)
        self.stem = nn.Sequential(stem, layers.norm(config.stem), nn.ReLU())
        self.pool = nn.MaxPool2d(2) if config.stem_pool else nn.Identity()
        sizes = zip((config.stem, *config.channels[:-1]), config.channels, strict=True)
        self.stages = nn.ModuleList(_Block(layers, before, after) for before, after in sizes)
        features = config.channels[-1] * frequencies
        self.attention = nn.Sequential(
            nn.Linear(features, config.attention), nn.Tanh(), nn.Linear(config.attention, features)
        )
        self.norm = nn.BatchNorm1d(2 * features)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(2 * features, classes)
        for module in self.modules():
            if isinstance(module, QuaternionConv2d):
                module.reset_parameters("he")
            elif isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x: Float[Tensor, "batch channel time frequency"]) -> Float[Tensor, "batch label"]:
        """Class scores (before the softmax) of a batch of feature maps of any number of times."""
        pooled, norm = self._pooled(x), self.norm
        if self.training and len(pooled) == 1:  # a last batch of one has no deviation to learn from
            pooled = functional.batch_norm(pooled, norm.running_mean, norm.running_var, norm.weight, norm.bias)
        else:
            pooled = norm(pooled)
        return self.classifier(self.dropout(pooled))

    @torch.no_grad()
    def adapted(self, features: Sequence[Float[Tensor, "_ channel time frequency"]], *, copies: int = 1) -> "Residual":
        """A copy in whose last norm the mean over this speaker's frames stands for that over all speakers.

        Of few frames the mean is uncertain, so that of n frames counts n / (n + 10), and that of all speakers the rest.

        Source: Li et al. 2018, doi:10.1016/j.patcog.2018.03.005 (adaptive batch normalisation), of means alone.
        """
        network = copy.deepcopy(self).eval()
        pooled = torch.cat([network._pooled(x) for x in features])
        mean = network.norm.running_mean
        assert mean is not None  # it is tracked
        frames = len(pooled) / copies
        mean.lerp_(pooled.mean(0), frames / (frames + _PRIOR_FRAMES))
        return network

    def _pooled(self, x: Float[Tensor, "batch channel time frequency"]) -> Float[Tensor, "batch feature"]:
        x, sounding = self._cut(x)
        sounding = _halved(sounding)
        x = self.pool(_silenced(self.stem(x), sounding))
        if self.config.stem_pool:
            sounding = _halved(sounding)
        for stage in self.stages:
            x = stage(x, sounding)
            sounding = _halved(sounding)
        # Channel by channel, each with its frequencies: (batch, time, feature).
        x = x.transpose(1, 2).flatten(2)
        weights = self.attention(x).masked_fill(~sounding.unsqueeze(2), torch.finfo(x.dtype).min / 2).softmax(1)
        mean = (weights * x).sum(1)
        variance = (weights * (x - mean.unsqueeze(1)).square()).sum(1)
        return torch.cat((mean, variance.clamp_min(_LEAST_VARIANCE).sqrt()), dim=1)

    def _cut(
        self, x: Float[Tensor, "batch channel time frequency"]
    ) -> tuple[Float[Tensor, "batch channel cut frequency"], Bool[Tensor, "batch cut"]]:
        """The input padded to a whole number of pooled columns, without those that are padding in the whole batch.

        In evaluation with channels innermost, for which convolutions and max-pools are faster; training is told its
        layout (``training.channels_last``).
        """
        step = 2 ** (self._halvings + 1)
        x = functional.pad(x, (0, 0, 0, -x.shape[2] % step))
        sounding = sounding_columns(x)
        if torch.compiler.is_compiling() or torch.compiler.is_exporting():
            return x, sounding
        needed = sounding.any(0).nonzero()
        longest = int(needed[-1]) + 1 if len(needed) else 1
        columns = -(-longest // step) * step
        x = x[:, :, :columns]
        return x if self.training else x.contiguous(memory_format=torch.channels_last), sounding[:, :columns]


class _Block(nn.Module):
    """Two convolutions beside a shortcut, ReLU, and a max-pool."""

    def __init__(self, layers: AlgebraLayers, before: int, after: int) -> None:
        super().__init__()
        self.first = layers.convolution(before, after, 3, padding=1, bias=False)
        self.first_norm = layers.norm(after)
        self.first_relu = nn.ReLU()
        self.second = layers.convolution(after, after, 3, padding=1, bias=False)
        self.second_norm = layers.norm(after)
        self.second_relu = nn.ReLU()
        self.shortcut = nn.Identity()
        if before != after:
            self.shortcut = nn.Sequential(layers.convolution(before, after, 1, bias=False), layers.norm(after))
        self.pool = nn.MaxPool2d(2)

    def forward(
        self, x: Float[Tensor, "batch before time frequency"], sounding: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch after pooled_time pooled_frequency"]:
        # The shortcut goes first, so that the ReLU follows the second convolution for those who listen to its map.
        shortcut = self.shortcut(x)
        inner = _silenced(self.first_relu(self.first_norm(self.first(x))), sounding)
        return self.pool(_silenced(self.second_relu(self.second_norm(self.second(inner)) + shortcut), sounding))


def _silenced(
    x: Float[Tensor, "batch channel time frequency"], sounding: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch channel time frequency"]:
    """Feature maps that are 0 in columns of padding."""
    return x * sounding[:, None, :, None]


def _halved(sounding: Bool[Tensor, "batch time"]) -> Bool[Tensor, "batch half"]:
    """Of two neighbouring columns, whether either sounds."""
    return sounding.unflatten(1, (-1, 2)).any(2)
