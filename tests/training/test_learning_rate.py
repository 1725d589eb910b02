import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.settings import OptimisationSettings
from hamiltone.training._loop import learning_rate


def test_a_constant_rate_is_the_same_at_each_step() -> None:
    chosen = OptimisationSettings(learning_rate=3e-4, epochs=4)
    assert {learning_rate(chosen, step, 7) for step in range(28)} == {3e-4}


@settings(deadline=None)
@given(epochs=st.integers(1, 30), steps=st.integers(1, 20))
def test_a_cosine_is_that_of_torchs_schedulers(epochs: int, steps: int) -> None:
    chosen = OptimisationSettings(learning_rate=0.5, schedule="cosine", epochs=epochs)
    every = epochs * steps
    rising = -(-every // 10)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(every - rising, 1))
    for step in range(every):
        rate = learning_rate(chosen, step, steps)
        if step < rising:
            assert rate == pytest.approx(0.5 * (step + 1) / rising)
        else:
            assert rate == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
            optimizer.step()
            falling.step()
