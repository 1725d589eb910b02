"""The cases of ``make bench`` under pytest-benchmark, for its options: compare, histogram, autosave.

    python -m pytest benchmarks --benchmark-only -o addopts=""

Read the ratios within one group, not the seconds; they do not take turns here, as they do in ``make bench``.
"""

from dataclasses import replace

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.speed._layer_tables import layer_cases
from benchmarks.speed._steps import StepCase, Steps
from hamiltone.quaternion import forms

LAYERS = {case.name: case for case in layer_cases(1.0, 20, (4, 64, 64))}
STEP = StepCase("quaternion")
STEPS = {
    "plain": replace(STEP, form="plain", channels_last=False),
    "ours": STEP,
    "ours, AT naive": replace(STEP, anti_transfer="naive", layer=9),
    "ours, AT live": replace(STEP, anti_transfer="live", layer=9),
    "ours, AT stored": replace(STEP, anti_transfer="stored", layer=9),
}


@pytest.mark.parametrize("form", ["plain", "table"])
@pytest.mark.parametrize("evaluation", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_layer(benchmark: BenchmarkFixture, name: str, evaluation: bool, form: str) -> None:
    case = LAYERS[name]
    benchmark.group = f"{name}, {'evaluation' if evaluation else 'forward and backward'}"
    x = torch.rand(case.shape, requires_grad=not case.first)

    def run() -> None:
        with torch.set_grad_enabled(not evaluation), forms(form):
            y = case.layer(x)
            if not evaluation:
                y.backward(torch.ones_like(y))

    benchmark(run)


@pytest.mark.parametrize("name", STEPS)
def test_step(benchmark: BenchmarkFixture, name: str) -> None:
    benchmark.group = "quaternion VGG16, a training step"
    benchmark(Steps().step(STEPS[name]))
