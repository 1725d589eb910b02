"""Speed on a device: layers in each form, and training steps in each way of running them."""

import copy
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional

from hamiltone.antitransfer import AntiTransferLoss, freeze
from hamiltone.machine import peak_memory, reset_peak_memory
from hamiltone.networks import vgg
from hamiltone.quaternion import QuaternionConv2d, forms

from ..speed._layer_tables import LayerCase, layer_cases
from ._checks import laid_out

EMBEDDING, SPECTROGRAM = (4, 64, 64), (1, 512, 128)
_WARM = 3
Run = Literal["eager", "compiled", "graph"]


@dataclass(frozen=True)
class Sizes:
    """How large everything is, and how often it is timed."""

    width: float = 1.0
    batches: tuple[int, ...] = (20, 300)
    repeats: int = 20


TINY = Sizes(width=1 / 16, batches=(2,), repeats=1)


def layer_names(sizes: Sizes) -> list[str]:
    """The quaternion layers of VGG16."""
    with torch.device("meta"):
        return [case.name for case in layer_cases(sizes.width, sizes.batches[0], EMBEDDING)]


def layer_times(name: str, sizes: Sizes, device: torch.device) -> dict[str, float]:
    """Milliseconds forward and backward of a layer: each form and layout, bf16, and a real layer of its size."""
    case = next(case for case in layer_cases(sizes.width, sizes.batches[0], EMBEDDING) if case.name == name)
    found = {}
    for dtype, told in ((torch.float32, "float32"), (torch.bfloat16, "bf16")):
        for last in (False, True) if isinstance(case.layer, QuaternionConv2d) else (False,):
            layout = ", channels last" if last else ""
            for form in _forms(case.layer) if dtype == torch.float32 else ("plain",):
                found[f"{form}, {told}{layout}"] = _layer_time(case.layer, case, form, dtype, last, sizes, device)
            found[f"real, {told}{layout}"] = _layer_time(_real(case), case, "plain", dtype, last, sizes, device)
    return found


def _forms(layer: nn.Module) -> tuple[str, ...]:
    return ("plain", "eight") if isinstance(layer, QuaternionConv2d) else ("plain", "eight", "stacked")


def _real(case: LayerCase) -> nn.Module:
    if isinstance(case.layer, QuaternionConv2d):
        return nn.Conv2d(case.layer.in_channels, case.layer.out_channels, 3, padding=1)
    return nn.Linear(case.layer.in_features, case.layer.out_features)


def _layer_time(
    layer: nn.Module, case: LayerCase, form: str, dtype: torch.dtype, last: bool, sizes: Sizes, device: torch.device
) -> float:
    layer = copy.deepcopy(layer).to(device, dtype)
    x = torch.rand(case.shape, device=device, dtype=dtype)
    if last:
        layer = layer.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_(not case.first)
    outward = torch.ones_like(layer(x))

    def run() -> None:
        layer.zero_grad(set_to_none=True)
        x.grad = None
        with forms(form):
            layer(x).backward(outward)

    return 1e3 * _seconds(run, sizes.repeats, device)


@dataclass(frozen=True)
class Step:
    """A training step of VGG16: forward, backward, Adam."""

    algebra: str
    batch: int
    shape: tuple[int, int, int] = EMBEDDING
    form: str = "table"
    channels_last: bool = True
    bf16: bool = False
    run: Run = "eager"
    anti_transfer: bool = False


def steps(sizes: Sizes) -> Mapping[str, Step]:
    """The steps by name."""
    return dict(_steps(sizes))


def _steps(sizes: Sizes) -> Iterator[tuple[str, Step]]:
    for batch in sizes.batches:
        for algebra in ("quaternion", "real"):
            base = Step(algebra, batch)
            name = f"{algebra} on the embedding, batch {batch}"
            yield f"{name}, contiguous", replace(base, channels_last=False)
            yield f"{name}, channels last", base
            if algebra == "quaternion":
                yield f"{name}, eight products", replace(base, form="eight")
            yield f"{name}, channels last, bf16", replace(base, bf16=True)
            yield f"{name}, channels last, bf16, graph", replace(base, bf16=True, run="graph")
            yield f"{name}, channels last, graph", replace(base, run="graph")
            yield f"{name}, channels last, live anti-transfer at layer 9", replace(base, anti_transfer=True)
    small = sizes.batches[0]
    for bf16 in (False, True):
        told = ", bf16" if bf16 else ""
        yield f"real on the spectrogram, batch {small}{told}", Step("real", small, SPECTROGRAM, bf16=bf16)
    for algebra in ("quaternion", "real"):  # last, since it takes long to compile
        name = f"{algebra} on the embedding, batch {small}, channels last"
        yield f"{name}, compiled", Step(algebra, small, run="compiled")
        yield f"{name}, bf16, compiled", Step(algebra, small, bf16=True, run="compiled")


def step_time(step: Step, sizes: Sizes, device: torch.device) -> dict[str, float]:
    """Milliseconds, clips a second, and MiB at the peak, weights and Adam included."""
    reset_peak_memory(device)
    with ExitStack() as stack:
        stack.enter_context(forms(step.form))
        seconds = _seconds(_prepared(step, sizes, device, stack), sizes.repeats, device)
    return {"ms": 1e3 * seconds, "clips_per_second": step.batch / seconds, "mib": peak_memory(device) / 2**20}


def _prepared(step: Step, sizes: Sizes, device: torch.device, stack: ExitStack) -> Callable[[], Any]:
    layout = torch.channels_last if step.channels_last else torch.contiguous_format
    options: dict[str, Any] = {"width": sizes.width, "input_shape": step.shape}
    network = laid_out(vgg(16, step.algebra, **options).train(), device, layout)
    x = torch.rand(step.batch, *step.shape, device=device).contiguous(memory_format=layout)
    classes = torch.arange(step.batch, device=device) % 4
    adam = torch.optim.Adam(network.parameters(), lr=1e-5, capturable=step.run == "graph" and device.type == "cuda")
    loss = None
    if step.anti_transfer:
        frozen = laid_out(freeze(vgg(16, step.algebra, **options)), device, layout)
        loss = stack.enter_context(AntiTransferLoss(frozen, [9]).attach(network))
    called = torch.compile(network) if step.run == "compiled" and device.type == "cuda" else network

    def run() -> None:
        adam.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=step.bf16):
            total = functional.cross_entropy(called(x).float(), classes)
            if loss is not None:
                total = total + loss()
        total.backward()
        adam.step()

    return _graphed(run) if step.run == "graph" and device.type == "cuda" else run


def _graphed(run: Callable[[], None]) -> Callable[[], Any]:
    """The whole step as one CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(_WARM):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def _seconds(run: Callable[[], Any], repeats: int, device: torch.device) -> float:
    """The median of several runs."""
    taken = []
    for turn in range(_WARM + repeats if device.type == "cuda" else repeats):
        _wait(device)
        started = time.perf_counter()
        run()
        _wait(device)
        if turn >= _WARM or device.type != "cuda":
            taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
