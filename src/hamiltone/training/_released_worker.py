"""The reading process: a file of weights that came from elsewhere, unpickled where it can do no harm.

This file is run by path, with the file and the place of what it writes: the tensors alone, as safetensors. It takes no
more memory and time than such weights need, unpickles tensors only, and writes no other file. On the standard output is
a line of JSON: empty, or with a ``mistake``.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import torch
from safetensors.torch import save_file

try:
    import resource
except ImportError:  # Windows
    resource = None

MOST_BYTES = 1 << 30
_MEMORY, _SECONDS = 8 << 30, 300
_AXIS_SIZE, _MOST_HIDDEN, _MOST_CLASSES = 64 * 64, 8192, 64
AXES = ("discrete", "valence", "arousal", "dominance")

SHAPES: dict[str, tuple[int, ...]] = {
    "conv1.weight": (2, 1, 3, 3),
    "conv1.bias": (2,),
    "conv2.weight": (4, 2, 3, 3),
    "conv2.bias": (4,),
    "conv3.weight": (4, 4, 3, 3),
    "conv3.bias": (4,),
    **{f"conv1_bn.{part}": (2,) for part in ("weight", "bias", "running_mean", "running_var")},
    **{f"conv2_bn.{part}": (4,) for part in ("weight", "bias", "running_mean", "running_var")},
    **{f"t_conv{n}.{part}_weight": (1, 1, 3, 3) for n in (1, 2, 3) for part in "rijk"},
    **{f"t_conv{n}.bias": (4,) for n in (1, 2, 3)},
    **{f"tconv{n}_bn.gamma": (1, 1, 1, 1) for n in (1, 2)},
    **{f"tconv{n}_bn.beta": (1, 4, 1, 1) for n in (1, 2)},
    **{f"tconv{n}_bn.moving_mean": (4,) for n in (1, 2)},
    **{f"tconv{n}_bn.moving_var": (1,) for n in (1, 2)},
}
"""Of every released RH-Emo."""

_UNUSED = {f"conv{n}_bn.num_batches_tracked" for n in (1, 2)}


def head_shapes(hidden: int, classes: int) -> dict[str, tuple[int, ...]]:
    """Those of the heads, which a file may have or not."""
    shapes: dict[str, tuple[int, ...]] = {}
    for axis in AXES:
        outputs = classes if axis == "discrete" else 1
        for place, after, before in ((0, hidden, _AXIS_SIZE), (3, hidden, hidden), (6, outputs, hidden)):
            shapes[f"classifier_{axis}.{place}.weight"] = (after, before)
            shapes[f"classifier_{axis}.{place}.bias"] = (after,)
    return shapes


def checked(content: Any) -> dict[str, torch.Tensor]:
    """The tensors of a released RH-Emo, in single precision.

    Raises:
        ValueError: something else, in a line.
    """
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    ):
        raise ValueError("holds no state dict, which gives tensors by their names")
    expected = SHAPES | (_heads_of(content) if any(name.startswith("classifier_") for name in content) else {})
    if unknown := sorted(set(content) - set(expected) - _UNUSED):
        raise ValueError(f"has {unknown[0]!r}, which is no part of RH-Emo")
    if missing := sorted(set(expected) - set(content)):
        raise ValueError(f"lacks {missing[0]!r}, which RH-Emo has")
    for name, shape in expected.items():
        tensor = content[name]
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{name} has the shape {list(tensor.shape)}, not {list(shape)}")
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            raise ValueError(f"{name} holds something else than finite numbers")
    return {name: content[name].float().contiguous().clone() for name in expected}


def _heads_of(content: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    last = content.get("classifier_discrete.6.weight")
    classes, hidden = tuple(last.shape) if last is not None and last.dim() == 2 else (0, 0)
    if not (0 < classes <= _MOST_CLASSES and 0 < hidden <= _MOST_HIDDEN):
        raise ValueError("has heads without a classifier_discrete.6.weight of a known size")
    return head_shapes(hidden, classes)


def _restrict() -> None:
    if resource is None:
        return
    for kind, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_FSIZE, MOST_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(OSError, ValueError):  # macOS has the name of the limit of memory, but no such limit
            resource.setrlimit(kind, (allowed, allowed))


def _main(file: str, out: str) -> None:
    _restrict()
    try:
        tensors = checked(torch.load(file, map_location="cpu", weights_only=True))
        save_file(tensors, out)
    except ValueError as error:
        print(json.dumps({"mistake": str(error)}))
    except MemoryError:
        print(json.dumps({"mistake": "takes too much memory to be RH-Emo's weights"}))
    except Exception:  # whatever torch and pickle say of a file that is none
        print(json.dumps({"mistake": "is no file of weights that torch reads without running code"}))
    else:
        print("{}")


if __name__ == "__main__":
    _main(*sys.argv[1:])
