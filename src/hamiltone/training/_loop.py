"""The training loop: Adam or AdamW, early stopping, one epoch's weights kept, resumable at any moment."""

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from hamiltone.machine import computes_bf16, peak_memory, reset_peak_memory
from hamiltone.records import Epoch
from hamiltone.settings import OptimisationSettings

from ._batches import Part, Rows, Slice
from ._checkpoint import Checkpoint, Progress
from ._display import TrainingDisplay
from ._errors import TrainingError
from ._objectives import Losses, Objective
from ._processes import AVERAGED_GRADIENTS, Processes
from ._weight_average import WeightAverage

_SLOW_BF16 = (
    "note: this processor has no fast bf16, so a step takes many times as long as with training.precision=no, which is "
    "another run with results of its own"
)
_DIVERGED = "the training has diverged; lower training.learning_rate and give another out, or remove this one"


@dataclass(frozen=True)
class History:
    """What a training did, epoch by epoch."""

    epochs: list[Epoch]
    best_epoch: int
    stopped: Literal["patience", "epochs"]
    epoch_seconds: list[float]
    epoch_cpu_seconds: list[float]
    peak_memory_bytes: int
    device: torch.device


def fit(
    objective: Objective,
    train: Part,
    validation: Part,
    settings: OptimisationSettings,
    *,
    seed: int,
    device: torch.device,
    checkpoint: Checkpoint,
    display: TrainingDisplay,
    processes: Processes,
    watch: Callable[[Mapping[str, Any]], None] = lambda _epoch: None,
) -> History:
    """Train ``objective.module``, from where ``checkpoint`` stands on, and leave the kept weights in it.

    Shuffling depends on seed and epoch alone, and every random state is part of the checkpoint, so a run that was
    killed ends with the same weights, bit for bit, as one that was not. Several processes share each batch, which stays
    one batch: they do the steps that one process would do. ``watch`` is told each epoch that is done, once it is saved.
    """
    accelerator = _accelerator(settings, device, display)
    adam = _place(objective, settings, accelerator.device)
    average = WeightAverage(objective.module, settings.weight_average)
    module, optimizer = accelerator.prepare(objective.module.train(), adam)

    progress = checkpoint.restore(objective.module, adam, average.tensors) or Progress()
    processes.wait()  # until all have read what the main process will replace
    reset_peak_memory(accelerator.device)
    steps = -(-len(train) // settings.batch)
    while progress.epoch <= settings.epochs and not _out_of_patience(progress, settings):
        display.epoch(progress.epoch, settings.epochs, steps, progress.step)
        objective.epoch = progress.epoch
        started = _now()
        order = (settings.batch, seed, progress.epoch, progress.step, processes.rank, processes.size)
        for part in train.shuffled(*order, settings.balance):
            _set_rate(adam, learning_rate(settings, (progress.epoch - 1) * steps + progress.step, steps))
            processes.reseed(seed, progress.epoch, progress.step)
            losses = _losses(accelerator, objective, module, part, part.share * processes.size, settings)
            _check_finite(objective.module, losses, progress, train, part.whole)
            _step(accelerator, objective, optimizer, average, settings)
            _count(progress, processes.weighted_sums(losses, part.share), len(part.whole))
            display.step()
            if processes.main and time.monotonic() - started[0] > settings.checkpoint_seconds:
                started = _clock(progress, started, accelerator.device)
                checkpoint.save(objective.module, adam, progress, average.tensors)
        with average.in_place():
            values = processes.from_main(lambda: objective.validate(validation, accelerator.device, settings.batch))
            _clock(progress, started, accelerator.device)
            progress.peak_memory = processes.maximum(progress.peak_memory)
            better = _end_epoch(progress, values, objective, settings.keep)
            if processes.main and better:
                checkpoint.save_best(objective.module, progress.best_epoch)
        if processes.main:
            checkpoint.save(objective.module, adam, progress, average.tensors)
            watch(progress.epochs[-1])
        display.epoch_done(progress.epochs[-1], progress.best_epoch)

    processes.wait()  # until the main process has saved the best weights
    accelerator.unwrap_model(module, keep_fp32_wrapper=False)  # what is tested is what is saved: full precision
    checkpoint.load_best(objective.module, progress.best_epoch)
    return _history(progress, settings, accelerator.device)


def learning_rate(settings: OptimisationSettings, step: int, steps_per_epoch: int) -> float:
    """The learning rate of a step, counted from 0 over all epochs.

    With the schedule ``cosine`` it rises as a line over the first tenth of all steps that the settings allow, and falls
    towards 0 as half a period of a cosine over the others (Loshchilov and Hutter 2017, without restarts).
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    steps = settings.epochs * steps_per_epoch
    rising = math.ceil(steps / 10)
    if step < rising:
        return settings.learning_rate * (step + 1) / rising
    return settings.learning_rate * (1 + math.cos(math.pi * (step - rising) / (steps - rising))) / 2


def _losses(
    accelerator: Accelerator,
    objective: Objective,
    module: torch.nn.Module,
    part: Slice,
    weight: float,
    settings: OptimisationSettings,
) -> Losses:
    """The losses on this process' slice of a batch, and their gradients in the module."""
    placed = part.batch.to(accelerator.device, channels_last=settings.channels_last)
    with accelerator.autocast():
        losses = objective.losses(module, placed)
    # Gradients are averaged over processes: weighted so, it is the mean over the whole batch's examples.
    accelerator.backward(losses["loss"] * weight)
    return losses


def _step(
    accelerator: Accelerator,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    average: WeightAverage,
    settings: OptimisationSettings,
) -> None:
    """One step of the optimizer, and of the weights' average behind it."""
    if settings.clip_gradient is not None:
        accelerator.clip_grad_norm_(objective.module.parameters(), settings.clip_gradient)
    optimizer.step()
    optimizer.zero_grad()
    average.update()


def put_channels_last(module: torch.nn.Module) -> None:
    """Lay the weights of convolutions out with their channels innermost, which is how fast kernels want them."""
    for parameter in module.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _accelerator(settings: OptimisationSettings, device: torch.device, display: TrainingDisplay) -> Accelerator:
    if settings.precision == "bf16" and not computes_bf16(device):
        display.say(_SLOW_BF16)
    # One process may train several runs, each with its precision.
    AcceleratorState._reset_state(reset_partial_state=True)
    # Settings alone decide a result: accelerate would take accumulation of gradients, compilation, another device and
    # more from the environment, where the settings say nothing of them.
    variables = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("ACCELERATE_")}
    if device.index is not None or device.type == "mps":  # else each process takes the GPU of its rank
        os.environ["ACCELERATE_TORCH_DEVICE"] = str(device)
    try:
        return Accelerator(
            cpu=device.type == "cpu",
            mixed_precision=settings.precision,
            kwargs_handlers=[AVERAGED_GRADIENTS],
        )
    finally:
        os.environ.pop("ACCELERATE_TORCH_DEVICE", None)
        os.environ.update(variables)


def _place(objective: Objective, settings: OptimisationSettings, device: torch.device) -> torch.optim.Adam:
    """Bring what is trained to a device, laid out as asked; the optimizer of its parameters there."""
    objective.to(device)
    if settings.channels_last:
        put_channels_last(objective.module)
    parameters = [parameter for parameter in objective.module.parameters() if parameter.requires_grad]
    if settings.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    groups = [
        {"params": [parameter for parameter in parameters if parameter.dim() > 1]},
        {"params": [parameter for parameter in parameters if parameter.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)


def _set_rate(adam: torch.optim.Adam, rate: float) -> None:
    for group in adam.param_groups:
        group["lr"] = rate


def _history(progress: Progress, settings: OptimisationSettings, device: torch.device) -> History:
    return History(
        epochs=[Epoch.model_validate(epoch) for epoch in progress.epochs],
        best_epoch=progress.best_epoch,
        stopped="patience" if _out_of_patience(progress, settings) else "epochs",
        epoch_seconds=progress.epoch_seconds,
        epoch_cpu_seconds=progress.epoch_cpu_seconds,
        peak_memory_bytes=progress.peak_memory,
        device=device,
    )


def _out_of_patience(progress: Progress, settings: OptimisationSettings) -> bool:
    return progress.best_epoch > 0 and len(progress.epochs) - progress.best_epoch >= settings.patience


def _count(progress: Progress, losses: Mapping[str, float], examples: int) -> None:
    for name, value in losses.items():
        progress.sums[name] = progress.sums.get(name, 0.0) + value * examples
    progress.examples += examples
    progress.step += 1


def _check_finite(module: torch.nn.Module, losses: Losses, progress: Progress, train: Part, rows: Rows) -> None:
    """See, before a step is taken on some frames, that it would not spoil the weights."""
    loss = losses["loss"].item()
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    # The norm is quick; it can be infinite where no gradient is.
    norm = torch.nn.utils.get_total_norm(gradients).item()
    finite = math.isfinite(norm) or all(bool(gradient.isfinite().all()) for gradient in gradients)
    if not (math.isfinite(loss) and finite):
        told = f"the loss is {loss:g}" + ("" if finite else " and its gradient not finite")
        place = f"in epoch {progress.epoch}, step {progress.step + 1}, on the clips {', '.join(train.clips(rows))}"
        raise TrainingError(f"{told} {place}: {_DIVERGED}")


def _now() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def _clock(progress: Progress, started: tuple[float, float], device: torch.device) -> tuple[float, float]:
    """Book the time since ``started`` and the memory; returns the present."""
    now = _now()
    progress.seconds += now[0] - started[0]
    progress.cpu_seconds += now[1] - started[1]
    progress.peak_memory = max(progress.peak_memory, peak_memory(device))
    return now


def _end_epoch(progress: Progress, values: dict[str, float], objective: Objective, keep: str) -> bool:
    """Book an epoch; True when its weights are to be kept: the best so far of those that count, or the last ones."""
    monitored = objective.monitored
    means = {name: total / progress.examples for name, total in progress.sums.items()}
    for name, value in values.items():
        if not math.isfinite(value):
            raise TrainingError(f"the validation part's {name} is {value:g} after epoch {progress.epoch}: {_DIVERGED}")
    progress.epochs.append({"epoch": progress.epoch, "train": means, "validation": values})
    progress.epoch_seconds.append(progress.seconds)
    progress.epoch_cpu_seconds.append(progress.cpu_seconds)
    counts = keep == "last" or progress.epoch >= objective.first_epoch
    better = counts and (keep == "last" or progress.best_value is None or values[monitored] < progress.best_value)
    if better:
        progress.best_value, progress.best_epoch = values[monitored], progress.epoch
    progress.epoch += 1
    progress.step, progress.sums, progress.examples = 0, {}, 0
    progress.seconds = progress.cpu_seconds = 0.0
    return better
