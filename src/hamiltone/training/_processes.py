"""Several processes that share the batches of one run: joining them, and what they tell one another.

The main process (rank 0) alone holds the run's lock and writes; gradients are averaged by DistributedDataParallel,
which accelerate wraps around the network. Everything here does nothing where a run has one process.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from accelerate import PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs

from hamiltone.errors import HamiltoneError

_T = TypeVar("_T")
_PATIENCE = timedelta(days=30)  # others wait while the main process decodes a corpus; a launcher ends them if it fails
_PLACE = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")

# Without the search for unused parameters, gradients would be grouped anew after the first step, so that a run which
# goes on from a checkpoint would sum those of three processes or more in another order than one that was not stopped.
AVERAGED_GRADIENTS = DistributedDataParallelKwargs(find_unused_parameters=True, gradient_as_bucket_view=True)


class ProcessesError(HamiltoneError):
    """Processes that cannot share a run."""


class Processes:
    """The processes of one run, seen from one of them; without ``group`` there is one."""

    def __init__(self, rank: int = 0, size: int = 1, group: "dist.ProcessGroup | None" = None) -> None:
        self.rank = rank
        self.size = size
        self._group = group

    @property
    def main(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Go on when all have come here."""
        if self._group is not None:
            dist.barrier(group=self._group)

    def wait_for_main(self) -> None:
        """Others stop here until the main process calls :meth:`release`."""
        if not self.main:
            self.wait()

    def release(self) -> None:
        """The main process lets the others go on."""
        if self.main:
            self.wait()

    def from_main(self, make: Callable[[], _T]) -> _T:
        """What the main process makes, in all of them."""
        if self._group is None:
            return make()
        box: list[_T | None] = [make() if self.main else None]
        dist.broadcast_object_list(box, src=0, group=self._group)
        return box[0]  # pyright: ignore[reportReturnType] (the main process has filled it)

    def weighted_sums(self, values: Mapping[str, torch.Tensor], weight: float) -> dict[str, float]:
        """The sum over processes of each of some numbers, each process's multiplied by its weight."""
        sums = weight * torch.stack([value.detach() for value in values.values()]).cpu().double()
        if self._group is not None:
            dist.all_reduce(sums, group=self._group)
        return dict(zip(values, sums.tolist(), strict=True))

    def maximum(self, value: int) -> int:
        """The largest of the processes' numbers."""
        if self._group is None:
            return value
        largest = torch.tensor(value)
        dist.all_reduce(largest, op=dist.ReduceOp.MAX, group=self._group)
        return int(largest)

    def reseed(self, seed: int, epoch: int, step: int) -> None:
        """Draw what a step draws (dropout) from seed, rank, epoch and step alone.

        So processes differ, and the random state of the main process is all that a checkpoint needs. One process goes
        on with its stream instead.
        """
        if self.size > 1:
            entropy = np.random.SeedSequence([seed, self.rank, epoch, step])
            torch.manual_seed(int(entropy.generate_state(1, np.uint64)[0]))


def is_main_process() -> bool:
    """Whether this process is the only one of a run, or the main one of those that a launcher has started."""
    return os.environ.get("RANK", "0") == "0"


def started_by_launcher(processes: int) -> bool:
    """Whether this is one of ``processes`` processes that a launcher (torchrun, accelerate launch, ours) has started.

    Raises:
        ProcessesError: a launcher has started another number, or has not said which one this is.
    """
    started = os.environ.get("WORLD_SIZE")
    if started is None:
        return False
    if started != str(processes):
        raise ProcessesError(
            f"a launcher has started {started} processes (WORLD_SIZE), but the settings say processes={processes}; "
            f"give processes={started}, or start without a launcher"
        )
    if processes > 1 and (missing := [name for name in _PLACE if not os.environ.get(name)]):
        raise ProcessesError(
            f"WORLD_SIZE is {started}, but {', '.join(missing)} is not set; start with torchrun, set it, "
            "or unset WORLD_SIZE"
        )
    return True


@contextmanager
def joined(processes: int, threads: int, *, cpu: bool) -> Iterator[Processes]:
    """Join the other processes of a run, as many as a launcher has started; one needs none.

    Raises:
        ProcessesError: there are fewer GPUs than processes, or the processes do not find one another.
    """
    if processes == 1:
        yield Processes()
        return
    if not cpu and int(os.environ["LOCAL_RANK"]) >= torch.cuda.device_count():
        raise ProcessesError(
            f"processes={processes} needs as many GPUs, but this machine has {torch.cuda.device_count()}; "
            'give fewer, or device="cpu"'
        )
    os.environ["OMP_NUM_THREADS"] = str(threads)  # else accelerate would set another number, and warn of it
    AcceleratorState._reset_state(reset_partial_state=True)
    try:
        PartialState(cpu=cpu)
        # A group of its own, by way of the CPU: the other one, of GPUs, gives a process up that is late by minutes.
        group = dist.new_group(timeout=_PATIENCE, backend="gloo")
    except dist.DistError as error:
        place = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise ProcessesError(
            f"the {processes} processes do not find one another at {place}: {error}; see MASTER_ADDR and MASTER_PORT"
        ) from None
    assert not isinstance(group, int)  # as it is for processes that are none of the group's
    yield Processes(dist.get_rank(), processes, group)
    dist.destroy_process_group()  # not after an error: the others may be waiting, and whoever started them ends them
