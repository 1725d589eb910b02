"""Tables a and e: each quaternion layer of VGG16 as dispatched, beside the plain form and SpeechBrain's layers."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from hamiltone.networks import vgg
from hamiltone.quaternion import QuaternionConv2d, QuaternionLinear, forms

from ._results import Row, Table, Target
from ._speechbrain_client import SpeechBrain
from ._steps import convolution_shapes
from ._timing import interleaved, neighbour, timed

Mode = Literal["training", "evaluation"]
Letter = Literal["a", "e"]
_MODES: dict[Mode, str] = {"training": "forward and backward", "evaluation": "evaluation"}
_GAINS: dict[Letter, tuple[float, float]] = {
    "a": (1.8, 5.0),
    "e": (1.2, 3.0),
}  # of convolutions and of linear layers, that are aimed at
_PLAIN, _PLAIN_LAST, _PUBLIC = "plain", "plain, channels-last", "SpeechBrain"
_OURS, _OURS_LAST = "ours", "ours, channels-last"


@dataclass(frozen=True)
class LayerCase:
    """A layer of the network and the shape of what it gets.

    Attributes:
        name: for people.
        layer: the layer.
        shape: of its input, batch first.
        first: it is the network's first, whose input needs no gradient.
    """

    name: str
    layer: QuaternionConv2d | QuaternionLinear
    shape: tuple[int, ...]
    first: bool


def layer_cases(width: float, batch: int, shape: tuple[int, int, int]) -> Iterator[LayerCase]:
    """The quaternion layers of VGG16 in their order."""
    network = vgg(16, "quaternion", width=width, input_shape=shape)
    for number, (module, size, _) in enumerate(convolution_shapes(network, shape), start=1):
        assert isinstance(module, QuaternionConv2d)
        name = f"conv {number}: {module.in_channels} to {module.out_channels}, {size[1]} x {size[2]}"
        yield LayerCase(name, module, (batch, *size), number == 1)
    for module in network.classifier:
        if isinstance(module, QuaternionLinear):
            name = f"linear {module.in_features} to {module.out_features}"
            yield LayerCase(name, module, (batch, module.in_features), False)


def layer_tables(
    width: float,
    batch: int,
    shape: tuple[int, int, int],
    repeats: int,
    against: SpeechBrain | None,
    report: Callable[[str], None],
) -> list[Table]:
    """Time of training and of evaluation, layer by layer, and the sums over the convolutions and the linear layers."""
    seconds: dict[Mode, dict[str, dict[str, float]]] = {mode: {} for mode in _MODES}
    for case in layer_cases(width, batch, shape):
        report(f"a: {case.name}")
        for mode in _MODES:
            seconds[mode][case.name] = _layer_seconds(case, mode, repeats, against)
    return [_table("a", mode, seconds[mode]) for mode in _MODES]


def busy_layer_table(
    width: float, batch: int, shape: tuple[int, int, int], repeats: int, report: Callable[[str], None]
) -> Table:
    """Time of training, layer by layer, beside a process that keeps all cores busy."""
    seconds = {}
    with neighbour():
        for case in layer_cases(width, batch, shape):
            report(f"e: {case.name}")
            seconds[case.name] = _layer_seconds(case, "training", repeats, None)
    return _table("e", "training", seconds)


def _layer_seconds(case: LayerCase, mode: Mode, repeats: int, against: SpeechBrain | None) -> dict[str, float]:
    calls = {
        _PLAIN: _call(case, mode, "plain", False),
        _OURS: _call(case, mode, "table", False),
    }
    if isinstance(case.layer, QuaternionConv2d):  # a matrix has one layout
        calls[_PLAIN_LAST] = _call(case, mode, "plain", True)
        calls[_OURS_LAST] = _call(case, mode, "table", True)
    if against is not None:
        if isinstance(case.layer, QuaternionLinear):
            against.build("linear", case.shape, case.layer.out_features, first=case.first)
        else:
            batch, channel, height, width = case.shape
            against.build("conv2d", (batch, height, width, channel), case.layer.out_channels, first=case.first)
        calls[_PUBLIC] = lambda: against.seconds(mode)
    return interleaved(calls, repeats, warm=True)


def _call(case: LayerCase, mode: Mode, form: str, channels_last: bool) -> Callable[[], float]:
    layer: nn.Module = copy.deepcopy(case.layer)
    x = torch.rand(case.shape)
    if channels_last:
        layer = layer.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        x = x.contiguous(memory_format=torch.channels_last)
    if mode == "evaluation":
        return timed(lambda: _evaluate(layer, x, form))
    x.requires_grad_(not case.first)

    def step() -> None:
        with forms(form):
            y = layer(x)
            y.backward(torch.ones_like(y))

    def anew() -> float:
        layer.zero_grad(set_to_none=True)
        x.grad = None
        return timed(step)()

    return anew


def _evaluate(layer: nn.Module, x: Tensor, form: str) -> None:
    with torch.no_grad(), forms(form):
        layer(x)


def _table(letter: Letter, mode: Mode, seconds: Mapping[str, Mapping[str, float]]) -> Table:
    convolutions = {name: value for name, value in seconds.items() if name.startswith("conv")}
    linears = {name: value for name, value in seconds.items() if name not in convolutions}
    sums = {
        what: {key: sum(value[key] for value in group.values()) for key in next(iter(group.values()))}
        for what, group in (("all convolutions", convolutions), ("all linear layers", linears))
    }
    columns = ["plain, ms", "ours: times as fast", "channels-last: times as fast"]
    public = any(_PUBLIC in value for value in seconds.values())
    if public:
        columns += ["SpeechBrain: times as fast as plain", "ours: times as fast as SpeechBrain"]
    rows = []
    for name, value in [*seconds.items(), *sums.items()]:
        plain = value[_PLAIN]
        best = min(value[_OURS], value.get(_OURS_LAST, value[_OURS]))
        numbers: list[float | None] = [
            1e3 * plain,
            plain / value[_OURS],
            plain / value[_OURS_LAST] if _OURS_LAST in value else None,
        ]
        if public:
            numbers += [plain / value[_PUBLIC], value[_PUBLIC] / best]
        rows.append(Row(name, numbers))
    what = _MODES[mode] + (", beside a busy process" if letter == "e" else "")
    title = f"VGG16's quaternion layers, {what}, against the plain form (contiguous layout)"
    return Table(f"{letter} {mode}", title, columns, rows, _targets(letter, what, mode, seconds, sums))


def _targets(
    letter: Letter,
    what: str,
    mode: Mode,
    seconds: Mapping[str, Mapping[str, float]],
    sums: Mapping[str, Mapping[str, float]],
) -> list[Target]:
    convolutions_gain, linear_gain = _GAINS[letter]
    pairs = ((_OURS, _PLAIN), (_OURS_LAST, _PLAIN_LAST))
    slowest = max(value[ours] / value[plain] for value in seconds.values() for ours, plain in pairs if ours in value)
    layout = "time against the plain form in the same layout"
    targets = [Target(f"slowest layer, {what}: {layout}", slowest, 1.05, "at most")]
    if mode == "evaluation":
        return targets
    for other in (_PLAIN, _PUBLIC):
        if other not in sums["all convolutions"]:
            continue
        convolutions, linears = sums["all convolutions"], sums["all linear layers"]
        for key in (_OURS, _OURS_LAST):
            told = f"quaternion convolutions, {what}, {key}: times as fast as {other}"
            targets.append(Target(told, convolutions[other] / convolutions[key], convolutions_gain, "at least"))
        told = f"quaternion linear layers, {what}: times as fast as {other}"
        targets.append(Target(told, linears[other] / linears[_OURS], linear_gain, "at least"))
    return targets
