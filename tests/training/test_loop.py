"""The training loop beside one written by hand: what each option does to weights, when it ends, and what is kept."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from hamiltone.corpora import Utterances
from hamiltone.settings import OptimisationSettings
from hamiltone.training import train
from hamiltone.training._batches import Batch, Fetched, Inputs, Part
from hamiltone.training._checkpoint import Checkpoint
from hamiltone.training._display import TrainingDisplay
from hamiltone.training._loop import fit, learning_rate
from hamiltone.training._objectives import Classification, Losses, Objective
from hamiltone.training._processes import Processes

from .conftest import Make

SEED, EXAMPLES, BATCH, EPOCHS = 3, 10, 4, 3  # three steps an epoch, the last one of two examples
PLAIN = OptimisationSettings(learning_rate=0.05, batch=BATCH, epochs=EPOCHS, keep="last")


class Guess(Objective):
    """Two layers, in double precision, with a norm between them; nothing is validated."""

    monitored = "loss"

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.module = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2)).double()

    def losses(self, module: nn.Module, batch: Batch) -> Losses:
        return {"loss": functional.cross_entropy(module(batch.x), batch.classes)}

    def validate(self, part: Part, device: torch.device, size: int) -> dict[str, float]:
        return {"loss": 0.0}


def examples() -> Part:
    """Random numbers in two classes, whose gradients differ in length."""
    chance, numbers = torch.Generator().manual_seed(0), np.arange(EXAMPLES)
    x = torch.randn(EXAMPLES, 3, generator=chance, dtype=torch.float64)
    rows = [{"utterance": f"{number}", "path": f"{number}.wav"} for number in numbers]
    utterances = Utterances.from_rows(rows, corpus="own", root=Path())
    classes = torch.randint(0, 2, (EXAMPLES,), generator=chance)
    inputs = Inputs("features", lambda wanted, _epoch: Fetched(x[wanted]))
    return Part("train", utterances, numbers, numbers, classes, None, inputs)


def fitted(chosen: OptimisationSettings, folder: Path) -> dict[str, Tensor]:
    objective, part = Guess(), examples()
    fit(
        objective,
        part,
        part,
        chosen,
        seed=SEED,
        device=torch.device("cpu"),
        checkpoint=Checkpoint(folder / "checkpoint", "run"),
        display=TrainingDisplay("run", quiet=True),
        processes=Processes(),
    )
    return objective.module.state_dict()


def gradients_of(objective: Objective, batch: Batch, longest: float | None) -> dict[str, Tensor]:
    """Those of a batch, of which all together are at most so long."""
    objective.module.zero_grad()
    objective.losses(objective.module, batch)["loss"].backward()
    found = {name: weight.grad for name, weight in objective.module.named_parameters() if weight.grad is not None}
    length = torch.cat([gradient.flatten() for gradient in found.values()]).norm().item()
    shrunk = 1.0 if longest is None else min(1.0, longest / length)
    return {name: gradient * shrunk for name, gradient in found.items()}


@torch.no_grad()
def moved(weight: Tensor, gradient: Tensor, moments: Tensor, rate: float, step: int) -> None:
    """A step of Adam, counted from 1, by the formulas of its paper; ``moments`` are the two running means."""
    moments[0] = 0.9 * moments[0] + 0.1 * gradient
    moments[1] = 0.999 * moments[1] + 0.001 * gradient**2
    weight -= rate * (moments[0] / (1 - 0.9**step)) / ((moments[1] / (1 - 0.999**step)).sqrt() + 1e-8)


def by_hand(chosen: OptimisationSettings) -> dict[str, Tensor]:
    objective, part = Guess(), examples()
    weights = dict(objective.module.named_parameters())
    moments = {name: torch.stack([torch.zeros_like(weight)] * 2).detach() for name, weight in weights.items()}
    average = {name: weight.detach().clone() for name, weight in weights.items()}
    per_epoch = -(-EXAMPLES // BATCH)
    batches = [one.batch for epoch in range(1, EPOCHS + 1) for one in part.shuffled(BATCH, SEED, epoch)]
    for step, batch in enumerate(batches, 1):
        rate = learning_rate(chosen, step - 1, per_epoch)
        for name, gradient in gradients_of(objective, batch, chosen.clip_gradient).items():
            weight = weights[name]
            if chosen.optimizer == "adam":
                gradient = gradient + chosen.weight_decay * weight.detach()  # noqa: PLW2901
            elif name in {"0.weight", "2.weight"}:
                weight.data *= 1 - rate * chosen.weight_decay
            moved(weight, gradient, moments[name], rate, step)
            decay = min(chosen.weight_average, (1 + step) / (10 + step))
            average[name] = decay * average[name] + (1 - decay) * weight.detach()
    return average


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"schedule": "cosine"},
        {"clip_gradient": 0.2},
        {"weight_average": 0.3},
        {"weight_decay": 0.5},
        {"optimizer": "adamw", "weight_decay": 0.5},
        {
            "optimizer": "adamw",
            "weight_decay": 0.5,
            "schedule": "cosine",
            "clip_gradient": 0.2,
            "weight_average": 0.3,
        },
    ],
    ids="+".join,
)
def test_each_option_does_to_the_weights_what_it_says(options: dict[str, Any], tmp_path: Path) -> None:
    chosen = PLAIN.model_copy(update=options)
    expected, plain = by_hand(chosen), by_hand(PLAIN)
    torch.testing.assert_close(fitted(chosen, tmp_path), expected, atol=1e-5, rtol=0)
    moved_on = max((expected[name] - plain[name]).abs().max().item() for name in plain)
    assert (moved_on > 1e-3) == bool(options)  # else an option that does nothing would pass


@pytest.mark.parametrize(
    ("keep", "ends", "stopped", "kept"), [("best", 4, "patience", 2), ("last", 5, "epochs", 5)], ids=["best", "last"]
)
def test_it_ends_out_of_patience_with_the_weights_of_the_best_epoch(
    settings_for: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keep: str,
    ends: int,
    stopped: str,
    kept: int,
) -> None:
    losses, seen = [1.0, 0.5, 0.6, 0.7, 0.1], []

    def validate(self: Classification, *_: Any) -> dict[str, float]:
        seen.append({name: tensor.clone() for name, tensor in self.module.state_dict().items()})
        loss = losses[len(seen) - 1]
        return {"loss": loss, "cross_entropy": loss, "accuracy": 0.5, "uar": 0.5}

    monkeypatch.setattr(Classification, "validate", validate)
    choice = {"training__epochs": 5, "training__patience": 2, "training__keep": keep}
    record = train(settings_for(tmp_path / "run", **choice), quiet=True)
    assert [epoch.validation["loss"] for epoch in record.epochs] == losses[:ends]
    assert (record.stopped, record.best_epoch) == (stopped, kept)
    saved = load_file(tmp_path / "run" / "model" / "model.safetensors")
    alike = [all(torch.equal(tensor, weights[name]) for name, tensor in saved.items()) for weights in seen]
    assert alike == [epoch == kept for epoch in range(1, ends + 1)]
