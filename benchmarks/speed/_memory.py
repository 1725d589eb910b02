"""Peak memory of a training step over what its fresh process had before there was a network."""

import gc
import json
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

from hamiltone.errors import HamiltoneError
from hamiltone.machine import peak_memory, reset_peak_memory

from ._steps import StepCase, Steps, from_json

_ROOT = Path(__file__).parents[2]
_STEPS = 2  # the second has Adam's state from the beginning


def step_memory(case: StepCase, threads: int) -> int:
    """Bytes at the peak of a training step, weights and optimizer included.

    Raises:
        HamiltoneError: the process did not end well, most likely for want of memory.
    """
    command = [sys.executable, "-m", __name__, json.dumps(case.as_json()), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT, encoding="utf-8")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise HamiltoneError(f"bench: measuring the memory of {case} failed: {last}; has the machine enough of it?")
    return int(done.stdout)


def _measure(case: StepCase) -> int:
    cpu = torch.device("cpu")
    # What the first convolution and the first step of an optimizer load counts as the process's own.
    small = nn.Conv2d(4, 4, 3)
    small(torch.rand(1, 4, 8, 8)).sum().backward()
    torch.optim.Adam(small.parameters()).step()
    gc.collect()
    reset_peak_memory(cpu)
    before = peak_memory(cpu)
    step = Steps().step(case)
    gc.collect()
    reset_peak_memory(cpu)
    for _ in range(_STEPS):
        step()
    return peak_memory(cpu) - before


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[2]))
    torch.manual_seed(0)
    print(_measure(from_json(json.loads(sys.argv[1]))))
