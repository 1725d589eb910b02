"""SpeechBrain's quaternion layers, timed by an interpreter that has them: a script that needs no hamiltone.

Each line of standard input is a JSON request, each line of standard output its answer:
{"layer": "conv2d", "shape": [20, 64, 64, 4], "out": 64, "first": true} builds a layer;
{"mode": "training"} or {"mode": "evaluation"} runs the last one once and answers {"seconds": ...}.
"""

import importlib.machinery
import json
import sys
import time
import types
from typing import Any

import torch


def stub_torchaudio() -> None:
    """SpeechBrain imports torchaudio, of which its quaternion layers use nothing."""
    try:
        import torchaudio  # noqa: F401  # pyright: ignore[reportMissingImports]
    except Exception:
        for name in ("torchaudio", "torchaudio.transforms", "torchaudio.functional", "torchaudio.backend"):
            module = types.ModuleType(name)
            module.__spec__ = importlib.machinery.ModuleSpec(name, None)
            module.__dict__.update(__version__="2.0.0", __path__=[], list_audio_backends=lambda: ["soundfile"])
            sys.modules[name] = module
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], child, module)


def build(request: dict[str, Any]) -> tuple[torch.nn.Module, torch.Tensor, bool]:
    """The layer of a request, its input, and whether the input is differentiated."""
    from speechbrain.nnet.quaternion_networks import (  # pyright: ignore[reportMissingImports]
        q_CNN,
        q_linear,
    )

    x = torch.rand(*request["shape"])  # convolutions: (batch, height, width, channel), which is its own order
    if request["layer"] == "linear":
        return q_linear.QLinear(request["out"] // 4, input_shape=x.shape), x, not request["first"]
    layer = q_CNN.QConv2d(request["out"] // 4, 3, input_shape=x.shape, padding="same", padding_mode="constant")
    return layer, x, not request["first"]


def run(layer: torch.nn.Module, x: torch.Tensor, differentiated: bool, mode: str) -> float:
    """Seconds of one forward, and in training backward."""
    if mode == "evaluation":
        layer.eval()
        with torch.no_grad():
            started = time.perf_counter()
            layer(x)
            return time.perf_counter() - started
    layer.train()
    layer.zero_grad(set_to_none=True)
    x = x.detach().requires_grad_(differentiated)
    started = time.perf_counter()
    y = layer(x)
    y.backward(torch.ones_like(y))
    return time.perf_counter() - started


def main() -> None:
    """Answer requests until standard input ends."""
    torch.set_num_threads(int(sys.argv[1]))
    answers, sys.stdout = sys.stdout, sys.stderr  # what SpeechBrain prints must not look like an answer
    stub_torchaudio()
    import speechbrain  # pyright: ignore[reportMissingImports]

    print(json.dumps({"speechbrain": speechbrain.__version__, "torch": torch.__version__}), file=answers, flush=True)
    built = None
    for line in sys.stdin:
        request = json.loads(line)
        if "mode" in request:
            assert built is not None
            answer = {"seconds": run(*built, request["mode"])}
        else:
            built = build(request)
            answer = {}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
