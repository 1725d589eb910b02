"""Assumed times of runs: more where more is multiplied, and unknown where a network does not tell."""

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from hamiltone.networks import vgg
from hamiltone.settings import VGGSettings, settings_from
from hamiltone.study._throughput import assumed_seconds


@pytest.mark.parametrize("pool", ["flatten", "adaptive", "mean"])
@pytest.mark.parametrize(("shape", "depth"), [((1, 512, 128), 11), ((4, 64, 64), 19)])
def test_a_vgg_multiplies_as_often_as_torch_counts(shape: tuple[int, int, int], depth: int, pool: Any) -> None:
    network = vgg(depth, "real", 4, width=1 / 16, pool=pool, input_shape=shape).eval()
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        network(torch.zeros(1, *shape))
    config = VGGSettings.model_validate({"depth": depth, "algebra": "real", "width": 1 / 16, "pool": pool})
    last = 4 * (network.config.hidden or 0)  # the last layer is left out: how many classes there are is not known yet
    assert config.multiply_adds(shape) == counted.get_total_flops() // 2 - last


def test_larger_runs_take_longer_and_unknown_networks_none() -> None:
    def seconds(clips: int, **changes: Any) -> float | None:
        content = {"name": "a", "out": "b", "corpus": {"name": "ravdess"}, "front": {"kind": "derivatives"}}
        return assumed_seconds(settings_from(content | changes, "test"), clips)

    small, wide, long = seconds(10), seconds(10, network={"width": 2.0}), seconds(20)
    assert small is not None
    assert wide is not None
    assert long is not None
    assert small < wide
    assert small < long
    alone = seconds(10, threads=1)
    assert alone is not None
    assert small < alone  # a core alone takes twice as long as two
    heads = {"task": "rh-emo", "front": {"kind": "rh-emo"}}
    without, with_heads = seconds(10, **heads), seconds(10, **heads, rh_emo={"beta": 0.01})
    assert without is not None
    assert with_heads is not None
    assert without < with_heads
