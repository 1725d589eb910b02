"""Profile of a training step: the operations that take most time, and how peak memory varies.

python -m benchmarks.profile_step real stored 5 --threads 2
python -m benchmarks.profile_step real none 0 --bf16        # as training.precision = "bf16" computes
"""

import argparse

import torch

from benchmarks.speed._memory import step_memory
from benchmarks.speed._steps import StepCase, Steps

_SHOWN = 10
_REPEATS = 5


def main() -> None:
    """Profile one step of VGG16 on the embedding, batch 20; peak memory is that of fresh processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("algebra", choices=["real", "quaternion"])
    parser.add_argument("anti_transfer", choices=["none", "naive", "live", "stored"])
    parser.add_argument("layer", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bf16", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    case = StepCase(asked.algebra, anti_transfer=asked.anti_transfer, layer=asked.layer)
    step = Steps().step(case)
    with torch.autocast("cpu", torch.bfloat16, enabled=asked.bf16):
        for _ in range(2):
            step()
        with torch.profiler.profile() as profile:
            step()
    events = sorted(profile.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    print(f"{asked.algebra}, anti-transfer {asked.anti_transfer}, layer {asked.layer}: {total / 1e3:.0f} ms")
    for event in events[:_SHOWN]:
        print(f"{event.key:<40}{event.self_cpu_time_total / 1e3:8.0f} ms{event.count:6}")
    if asked.bf16:
        return  # the process that measures memory knows single precision alone
    peaks = [step_memory(case, asked.threads) / 2**20 for _ in range(_REPEATS)]
    print("peak memory, MiB: " + ", ".join(f"{peak:.0f}" for peak in sorted(peaks)))


if __name__ == "__main__":
    main()
