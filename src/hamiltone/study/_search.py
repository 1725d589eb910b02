"""A search over settings: the trials that each recogniser of a study is trained with.

Which trial counts is chosen by the report, on validation accuracy alone; what is more than a grid or a random draw is
work for Optuna or Ray Tune, with ``hamiltone train`` as what they try.
"""

import itertools
import json
import math
from typing import Any, Literal

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from hamiltone.settings import laid_over, nested
from hamiltone.settings_model import Settings

_SEARCHED = ("training", "anti_transfer", "augmentation", "frames")
_OF_THE_STUDY = ("anti_transfer.orthogonal", "anti_transfer.layers", "anti_transfer.stored_layers")

Trial = tuple[tuple[str, Any], ...]
"""Keys of settings (``training.learning_rate``) and their values."""


class Range(Settings):
    """Values that are drawn from between two."""

    low: float
    high: float
    log: bool = Field(default=False, description="draw the logarithm evenly; of numbers above 0")

    @model_validator(mode="after")
    def _ordered(self) -> "Range":
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"low {self.low:g} must be below high {self.high:g}, and above 0 with log")
        return self

    def draw(self, chance: np.random.Generator) -> float:
        """One of its values, to four digits."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        value = chance.uniform(low, high)
        return float(f"{math.exp(value) if self.log else value:.4g}")


class Search(Settings):
    """Which settings of recognisers are tried: all combinations of values (grid), or some that are drawn (random)."""

    method: Literal["grid", "random"] = "grid"
    trials: PositiveInt = Field(default=8, description="how many are drawn")
    seed: int = Field(default=0, ge=0, description="of what is drawn")
    space: dict[str, tuple[Any, ...] | Range] = Field(
        min_length=1, description="key of a recogniser's settings -> its values, or a range for random"
    )

    @model_validator(mode="after")
    def _searchable(self) -> "Search":
        for key, values in self.space.items():
            if key.partition(".")[0] not in _SEARCHED or "." not in key or key in _OF_THE_STUDY:
                raise ValueError(
                    f"space.{key}: only keys of {', '.join(_SEARCHED)} are searched; compare networks and fronts as "
                    "[networks.NAME] instead"
                )
            if isinstance(values, Range) and self.method == "grid":
                raise ValueError(f"space.{key}: a range is for method = random; give a grid its values")
            if not isinstance(values, Range) and not values:
                raise ValueError(f"space.{key}: has no value to try")
        return self

    def all_trials(self) -> tuple[Trial, ...]:
        """Every combination of the grid, or those drawn, each once."""
        if self.method == "grid":
            values = [choice for choice in self.space.values() if not isinstance(choice, Range)]
            return tuple(tuple(zip(self.space, chosen, strict=True)) for chosen in itertools.product(*values))
        chance = np.random.default_rng(self.seed)
        drawn = [
            tuple(
                (key, choice.draw(chance) if isinstance(choice, Range) else choice[int(chance.integers(len(choice)))])
                for key, choice in self.space.items()
            )
            for _ in range(self.trials)
        ]
        return tuple({json.dumps(trial): trial for trial in drawn}.values())


def laid_out(trial: Trial) -> dict[str, Any]:
    """A trial as nested settings."""
    content: dict[str, Any] = {}
    for key, value in trial:
        content = laid_over(content, nested(key.split("."), value))
    return content
