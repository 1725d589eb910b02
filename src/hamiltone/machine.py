"""Machine: the device that is asked for, the peak of memory (of a GPU, else of the process), the processor's name."""

import platform
import sys
from pathlib import Path

import torch

from hamiltone.errors import HamiltoneError

_STATUS, _CLEAR, _PROCESSORS = Path("/proc/self/status"), Path("/proc/self/clear_refs"), Path("/proc/cpuinfo")


class DeviceError(HamiltoneError):
    """A device that there is not."""


def torch_device(name: str) -> torch.device:
    """The device of a name that torch knows ("cpu", "cuda", "cuda:1", "mps"); of "auto" a CUDA GPU, else the CPU.

    Raises:
        DeviceError: no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceError(f"device {name!r} is none that torch knows: take auto, cpu, cuda, cuda:1 or mps") from None
    count = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (device.index or 0) >= count.get(device.type, 0):
        has = [kind if kind != "cuda" else f"cuda:0 to cuda:{count[kind] - 1}" for kind in count if count[kind]]
        raise DeviceError(f"device {name!r} is not here: this machine has {', '.join(has)}")
    return device


def computes_bf16(device: torch.device) -> bool:
    """Whether convolutions in bfloat16 are fast there: on a processor, where oneDNN has them (AVX-512, AMX), else not.

    Elsewhere PyTorch takes its own, which need many times as long as those in single precision.
    """
    if device.type != "cpu":
        return True
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def processor() -> str:
    """The processor's name, as well as the system tells it."""
    if _PROCESSORS.exists():
        for line in _PROCESSORS.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def reset_peak_memory(device: torch.device) -> None:
    """Start to measure anew, where the system allows it (GPUs, and processes on Linux)."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif _CLEAR.exists():
        try:
            _CLEAR.write_text("5", encoding="utf-8")
        except OSError:
            return  # not permitted in some containers: the peak then counts from the process's start


def peak_memory(device: torch.device) -> int:
    """Bytes: the most that was in use at once on a GPU, or was resident of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil  # noqa: PLC0415 - slow to import

        return psutil.Process().memory_info().peak_wset
    import resource  # noqa: PLC0415 (not on Windows)

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
