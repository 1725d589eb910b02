"""Conversion of a network's real layers into their quaternion twins."""

import copy
import logging
from collections.abc import Container, Iterable, Iterator
from difflib import get_close_matches

from torch import nn

from hamiltone.quaternion._batchnorm import QuaternionBatchNorm2d
from hamiltone.quaternion._convolution import QuaternionConv2d
from hamiltone.quaternion._linear import QuaternionLinear
from hamiltone.quaternion._transposed_convolution import QuaternionConvTranspose2d

_QUATERNION = (QuaternionConv2d, QuaternionConvTranspose2d, QuaternionLinear)
_REAL = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.Linear,
    nn.Bilinear,
)
_WITHOUT_TWIN = (nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)

_log = logging.getLogger("hamiltone.quaternion")


def quaternionize(module: nn.Module, keep: Iterable[str] = (), *, strict: bool = False) -> nn.Module:
    """Convert a network's real layers into quaternion layers.

    Every ``Conv2d``, ``ConvTranspose2d``, ``Linear`` and ``BatchNorm2d`` becomes its quaternion twin with the same
    configuration (also device, dtype and training mode) and fresh quaternion weights, drawn from torch's global
    generator in definition order. These stay real:

    - layers named in ``keep``;
    - layers whose channels are not divisible by 4 (with groups: by 4 x groups), for instance the first convolution of
      an image network, a depthwise convolution, or a last ``Linear`` with 10 classes;
    - a ``BatchNorm2d`` unless the convolution or linear layer closest before it in definition order (the order of
      ``named_modules()``) is a quaternion layer after the conversion. A batch norm that is registered several times
      needs this everywhere;
    - subclasses of the four, which may compute something else; convolutions over one or three dimensions, recurrent
      layers, attention's own projections and ``Bilinear``, which have no quaternion twins here.

    Which layers stay real without being named in ``keep``, and why, is a warning of the logger
    ``hamiltone.quaternion``; with ``strict`` it is an error.

    A layer that is registered under several names stays shared. Hooks on a converted layer are not carried over, and a
    parameter that two different layers share is no longer shared. An encoder of transformer layers evaluates as it
    trains, without torch's fused kernels, which read the weights of its linear layers as real ones.

    Args:
        module: The network, or a single layer. It is left untouched.
        keep: Dotted names, as ``named_modules()`` gives them, of layers that stay real; the name of a container keeps
            all that is in it. One of its names keeps a shared layer.
        strict: refuse a network with a layer that would stay real and is not named in ``keep``.

    Returns:
        A converted copy; what was not converted is copied with its weights.

    Raises:
        ValueError: ``keep`` has a name that the network has not, there is nothing to convert, or, with ``strict``, a
            layer would stay real.
        TypeError: ``keep`` is one string.
    """
    stays = _kept(module, keep)
    kept = frozenset(stays)
    twins = _twins(module, stays)
    if not twins:
        raise ValueError(
            f"quaternionize found nothing to convert in {type(module).__name__}: it needs a Conv2d, ConvTranspose2d or "
            "Linear that keep does not name and whose channels are divisible by 4 x groups"
        )
    real = [f"{name or 'it'} ({why})" for name, why in _left_real(module, kept, twins)]
    if real and strict:
        raise ValueError(f"these layers would stay real: {'; '.join(real)}; name them in keep, or leave strict out")
    if real:
        _log.warning("stays real in %s: %s", type(module).__name__, "; ".join(real))
    # deepcopy takes an object that its memo has instead of copying it, wherever the network refers to it.
    converted = copy.deepcopy(module, twins)
    _leave_fused_kernels(converted)
    return converted


def _twins(module: nn.Module, stays: set[int]) -> dict[int, nn.Module]:
    """The twins of all layers that do not stay, by these layers' identities; what has to stay is added to ``stays``."""
    twins: dict[int, nn.Module] = {}
    after_quaternion = False
    for _, layer in module.named_modules(remove_duplicate=False):
        if isinstance(layer, _QUATERNION):
            after_quaternion = True
        elif isinstance(layer, nn.BatchNorm2d):
            if not after_quaternion:
                stays.add(id(layer))
                twins.pop(id(layer), None)
            elif id(layer) not in stays and id(layer) not in twins:
                _add_twin(layer, twins)
        elif isinstance(layer, _REAL):
            if id(layer) not in stays and id(layer) not in twins:
                _add_twin(layer, twins)
            after_quaternion = id(layer) in twins
    return twins


def _left_real(module: nn.Module, kept: Container[int], twins: Container[int]) -> Iterator[tuple[str, str]]:
    """Names of layers that stay real without having been named, and why."""
    within: set[int] = set()
    for name, layer in module.named_modules():
        if id(layer) in kept or id(layer) in twins or id(layer) in within:
            continue
        if isinstance(layer, _WITHOUT_TWIN):
            within.update(id(part) for part in layer.modules())
        if isinstance(layer, (*_REAL, *_WITHOUT_TWIN, nn.BatchNorm2d)) and not isinstance(layer, _QUATERNION):
            yield name, _why_real(layer)


def _why_real(layer: nn.Module) -> str:
    kind = type(layer).__name__
    if type(layer) is nn.Linear:
        return f"{kind} of {layer.in_features} and {layer.out_features} features: multiples of 4 are needed"
    if type(layer) is nn.Conv2d or type(layer) is nn.ConvTranspose2d:
        grouped = f" x {layer.groups} groups" if layer.groups > 1 else ""
        return f"{kind} of {layer.in_channels} and {layer.out_channels} channels: multiples of 4{grouped} are needed"
    if type(layer) is nn.BatchNorm2d:
        if layer.num_features % 4:
            return f"{kind} of {layer.num_features} channels: a multiple of 4 is needed"
        return f"{kind}: the layer before it stays real"
    if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
        return f"{kind}: a subclass, which may compute something else"
    return f"{kind}: has no quaternion twin"


def _leave_fused_kernels(converted: nn.Module) -> None:
    """Set what torch asks to decide on the fused kernels of its encoder, and nothing else."""
    for module in converted.modules():
        if any(isinstance(layer, _QUATERNION) for layer in module.modules()):
            if isinstance(module, nn.TransformerEncoderLayer):
                module.activation_relu_or_gelu = 0
            elif isinstance(module, nn.TransformerEncoder):
                module.use_nested_tensor = False


def _kept(module: nn.Module, keep: Iterable[str]) -> set[int]:
    """Identities of the modules that ``keep`` names, and of all within them."""
    if isinstance(keep, str):
        raise TypeError(f"keep is a collection of names: write keep=({keep!r},)")
    modules = dict(module.named_modules(remove_duplicate=False))
    names = [name for name in modules if name]
    kept: set[int] = set()
    for wanted in keep:
        if wanted not in names:
            near = get_close_matches(wanted, names, n=5) or [name for name, _ in module.named_children()][:10]
            raise ValueError(
                f"keep has {wanted!r}, which {type(module).__name__} has not; near names: {', '.join(near) or 'none'}"
            )
        kept.update(id(within) for within in modules[wanted].modules())
    return kept


def _add_twin(layer: nn.Module, twins: dict[int, nn.Module]) -> None:
    twin = _twin(layer)
    if twin is not None:
        twins[id(layer)] = twin.train(layer.training)


def _twin(layer: nn.Module) -> nn.Module | None:
    """A fresh quaternion layer with the configuration of ``layer``, or None if there is no such."""
    # Exact types: a subclass is not this layer.
    if type(layer) is nn.Linear:
        if layer.in_features % 4 or layer.out_features % 4:
            return None
        has_bias = layer.bias is not None
        weight = layer.weight
        return QuaternionLinear(layer.in_features, layer.out_features, has_bias, weight.device, weight.dtype)
    if type(layer) is nn.BatchNorm2d:
        if layer.num_features % 4:
            return None
        tensor = layer.weight if layer.affine else layer.running_mean
        return QuaternionBatchNorm2d(
            layer.num_features,
            layer.eps,
            layer.momentum,
            layer.affine,
            layer.track_running_stats,
            None if tensor is None else tensor.device,
            None if tensor is None else tensor.dtype,
            bias=layer.bias is not None,
        )
    if type(layer) is nn.Conv2d or type(layer) is nn.ConvTranspose2d:
        return _convolution_twin(layer)
    return None


def _convolution_twin(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module | None:
    if layer.in_channels % (4 * layer.groups) or layer.out_channels % (4 * layer.groups):
        return None
    settings = {
        "in_channels": layer.in_channels,
        "out_channels": layer.out_channels,
        "kernel_size": layer.kernel_size,
        "stride": layer.stride,
        "padding": layer.padding,
        "dilation": layer.dilation,
        "groups": layer.groups,
        "bias": layer.bias is not None,
        "padding_mode": layer.padding_mode,
        "device": layer.weight.device,
        "dtype": layer.weight.dtype,
    }
    if isinstance(layer, nn.ConvTranspose2d):
        height, width = layer.output_padding
        return QuaternionConvTranspose2d(**settings, output_padding=(height, width))
    return QuaternionConv2d(**settings)
