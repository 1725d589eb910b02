"""Checks on a device: the largest error of each beside its bound."""

import copy
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hamiltone.antitransfer import AntiTransferLoss, GramTargets, freeze, frozen_maps, squared_gram_cosine
from hamiltone.networks import Recognizer, build_front, vgg
from hamiltone.quaternion import QuaternionConv2d, QuaternionConvTranspose2d, QuaternionLinear, forms
from hamiltone.settings import DerivativesSettings
from hamiltone.training._checkpoint import Checkpoint, Progress

SHAPE = (4, 64, 64)
_WIDTH = 1 / 8
Check = Callable[[torch.device], tuple[float, float]]
"""Device -> the largest relative error, and its bound."""


def _error(found: Tensor, expected: Tensor) -> float:
    """The length of the difference over that of what is expected."""
    found, expected = found.detach().double().cpu(), expected.detach().double().cpu()
    return ((found - expected).norm() / expected.norm().clamp(min=1e-30)).item()


def _passes(layer: nn.Module, x: Tensor) -> list[Tensor]:
    """Output and gradients of a layer."""
    x = x.detach().requires_grad_()
    layer.zero_grad(set_to_none=True)
    y = layer(x)
    # Positive, so that no sum of them cancels out.
    y.backward(torch.arange(y.numel(), dtype=torch.float64).sin().square().view_as(y).to(y))
    return [y, *(p.grad for p in (x, *layer.parameters()) if p.grad is not None)]


def _layers() -> list[tuple[nn.Module, tuple[int, ...]]]:
    return [
        (QuaternionConv2d(64, 128, 3, padding=1), (4, 64, 16, 16)),
        (QuaternionConv2d(256, 256, 3, padding=1), (4, 256, 8, 8)),
        (QuaternionConvTranspose2d(64, 64, 3, stride=2, padding=1, output_padding=1), (4, 64, 8, 8)),
        (QuaternionLinear(256, 512), (20, 256)),
    ]


def forms_in(dtype: torch.dtype, bound: float) -> Check:
    """Every form of the layers, values and gradients, against the plain form in double precision on the processor."""

    def check(device: torch.device) -> tuple[float, float]:
        worst = 0.0
        for layer, shape in _layers():
            x = torch.randn(shape)
            with forms("plain"):
                expected = _passes(copy.deepcopy(layer).double(), x.double())
            there = copy.deepcopy(layer).to(device, dtype)
            for form in ("plain", "eight", "stacked", "table"):
                with forms(form):
                    found = _passes(there, x.to(device, dtype))
                worst = max([worst, *map(_error, found, expected)])
        return worst, bound

    return check


def equation_1(dtype: torch.dtype, bound: float, *, stored: bool = False) -> Check:
    """Equation 1 and its gradient, of maps or of stored targets, against float64 on the processor."""

    def check(device: torch.device) -> tuple[float, float]:
        worst = 0.0
        for shape in ((6, 32, 16, 16), (6, 64, 4, 4)):  # fewer channels than places, and more
            frozen, trained = torch.rand(shape), torch.rand(shape)
            exact = trained.double().requires_grad_()
            expected = squared_gram_cosine(frozen.double(), exact)
            expected.sum().backward()
            theirs, ours = frozen.to(device, dtype), trained.to(device, dtype).requires_grad_()
            found = GramTargets.of(theirs).squared_cosine(ours) if stored else squared_gram_cosine(theirs, ours)
            found.sum().backward()
            worst = max(worst, _error(found, expected), _error(_gradient(ours), _gradient(exact)))
        return worst, bound

    return check


def network(algebra: str) -> Check:
    """Scores, loss with anti-transfer and gradients of a VGG16, against double precision on the processor."""

    def check(device: torch.device) -> tuple[float, float]:
        ours, theirs = (vgg(16, algebra, width=_WIDTH, start="he", input_shape=SHAPE).eval() for _ in range(2))
        x, classes = torch.rand(6, *SHAPE), torch.arange(6) % 4
        expected = _trained_once(copy.deepcopy(ours).double(), copy.deepcopy(theirs).double(), x.double(), classes)
        found = _trained_once(ours.to(device), theirs.to(device), x.to(device), classes.to(device))
        return max(map(_error, found, expected)), 2e-3

    return check


def _trained_once(network: nn.Module, frozen: nn.Module, x: Tensor, classes: Tensor) -> list[Tensor]:
    with AntiTransferLoss(freeze(frozen), [2, 9]).attach(network) as loss:
        scores = network(x)
        total = functional.cross_entropy(scores, classes) + loss()
    total.backward()
    return [scores, total, torch.cat([_gradient(p).flatten() for p in network.parameters()])]


def autocast(device: torch.device) -> tuple[float, float]:
    """The gradient of a VGG16 under bf16 autocast against that in single precision."""
    network = vgg(16, "quaternion", width=_WIDTH, start="he", input_shape=SHAPE).eval().to(device)
    x, classes = torch.rand(6, *SHAPE, device=device), torch.arange(6, device=device) % 4
    gradients = []
    for enabled in (False, True):
        network.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=enabled):
            scores = network(x)
        functional.cross_entropy(scores.float(), classes).backward()
        gradients.append(torch.cat([_gradient(p).flatten() for p in network.parameters()]))
    return _error(gradients[1], gradients[0]), 0.15


def resume(device: torch.device) -> tuple[float, float]:
    """Weights after six steps with dropout, against those after three, a checkpoint, and three more."""
    x, classes = torch.rand(8, *SHAPE, device=device), torch.arange(8, device=device) % 4

    def started() -> tuple[nn.Module, torch.optim.Adam]:
        network = vgg(16, "quaternion", width=_WIDTH, start="he", input_shape=SHAPE).train().to(device)
        return network, torch.optim.Adam(network.parameters(), lr=1e-4)

    def go_on(network: nn.Module, adam: torch.optim.Adam, steps: int) -> None:
        for _ in range(steps):
            adam.zero_grad()
            functional.cross_entropy(network(x), classes).backward()
            adam.step()

    network, adam = started()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / "checkpoint", "run")
        go_on(network, adam, 3)
        checkpoint.save(network, adam, Progress(step=3), {})
        go_on(network, adam, 3)
        again, adam = started()
        checkpoint.restore(again, adam, {})
        go_on(again, adam, 3)
    pairs = zip(again.parameters(), network.parameters(), strict=True)
    return max(_error(*pair) for pair in pairs), 1e-4


def compiled(device: torch.device) -> tuple[float, float]:
    """Loss and gradients of a compiled network that is listened to, against those of the same one as it is."""
    ours, theirs = (vgg(16, "quaternion", width=_WIDTH, start="he", input_shape=SHAPE).eval() for _ in range(2))
    ours, theirs = ours.to(device), freeze(theirs.to(device))
    x, classes = torch.rand(4, *SHAPE, device=device), torch.arange(4, device=device) % 4
    expected = [tensor.detach().clone() for tensor in _trained_once(ours, theirs, x, classes)]
    ours.zero_grad(set_to_none=True)
    # On a processor the backend that compiles takes minutes; the hooks are traced alike.
    backend = "inductor" if device.type == "cuda" else "aot_eager"
    with AntiTransferLoss(theirs, [2, 9]).attach(ours) as loss:
        scores: Any = torch.compile(ours, fullgraph=True, backend=backend)(x)
        total = functional.cross_entropy(scores, classes) + loss()
    total.backward()
    found: list[Tensor] = [scores, total, torch.cat([_gradient(p).flatten() for p in ours.parameters()])]
    return max(map(_error, found, expected)), 1e-2


def graph(device: torch.device) -> tuple[float, float]:
    """A replayed CUDA graph of a forward and backward against the same without; 0 where there are no CUDA graphs."""
    if device.type != "cuda":
        return 0.0, 1e-4
    network = vgg(16, "quaternion", width=_WIDTH, start="he", input_shape=SHAPE).eval().to(device)
    x, other = torch.rand(2, 4, *SHAPE, device=device).unbind()
    expected = network(other).detach()
    replayed = torch.cuda.make_graphed_callables(network, (x.clone(),))
    return _error(torch.as_tensor(replayed(other)), expected), 1e-4


def onnx(device: torch.device) -> tuple[float, float]:
    """Scores of a recogniser on the device against its export, as onnxruntime gives them on the processor."""
    import onnxruntime

    from hamiltone.service import export_onnx

    front = build_front(DerivativesSettings())
    waveforms = torch.rand(3, 64_000) - 0.5
    front.fit([waveforms])
    network = vgg(11, "quaternion", width=_WIDTH, start="he", input_shape=SHAPE)
    recognizer = Recognizer(front, network, ("a", "b", "c", "d")).eval().to(device)
    with torch.no_grad():
        found = recognizer.probabilities(recognizer(waveforms.to(device)))
    with tempfile.TemporaryDirectory() as folder:
        path = export_onnx(recognizer, Path(folder) / "model.onnx")
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (expected,) = session.run(["scores"], {"waveform": waveforms.numpy()})
    return _error(found, torch.from_numpy(expected)), 1e-3


def taps(device: torch.device) -> tuple[float, float]:
    """Maps of a frozen network, channels last, against those on the processor."""
    frozen = vgg(16, "quaternion", width=_WIDTH, start="he", input_shape=SHAPE)
    x = torch.rand(4, *SHAPE)
    expected = frozen_maps(frozen, x, layers=[1, 7, 13])
    there = laid_out(copy.deepcopy(frozen), device, torch.channels_last)
    found = frozen_maps(there, x.to(device), layers=[1, 7, 13])
    return max(_error(found[layer], expected[layer]) for layer in found), 1e-3


def laid_out(network: nn.Module, device: torch.device, layout: torch.memory_format) -> nn.Module:
    """A network on a device, its weights in a memory format."""
    return network.to(device).to(memory_format=layout)  # pyright: ignore[reportCallIssue]


def _gradient(tensor: Tensor) -> Float[Tensor, "..."]:
    assert tensor.grad is not None  # it was just computed
    return tensor.grad


CHECKS: Mapping[str, Check] = {
    "forms, float32": forms_in(torch.float32, 1e-5),
    "forms, bfloat16": forms_in(torch.bfloat16, 2e-2),
    "equation 1, float32": equation_1(torch.float32, 1e-4),
    "equation 1, bfloat16": equation_1(torch.bfloat16, 2e-2),
    "equation 1, stored targets": equation_1(torch.float32, 2e-3, stored=True),
    "quaternion network and anti-transfer": network("quaternion"),
    "real network and anti-transfer": network("real"),
    "feature maps, channels last": taps,
    "bf16 autocast": autocast,
    "training, checkpoint, resume": resume,
    "hooks under torch.compile": compiled,
    "CUDA graph": graph,
    "ONNX": onnx,
}
"""What is checked, by name."""


def checked(name: str, device: torch.device) -> dict[str, float | bool]:
    """Carry out a check, with convolutions and products in full single precision."""
    torch.manual_seed(0)
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        error, bound = CHECKS[name](device)
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before
    return {"error": error, "bound": bound, "kept": error <= bound}
