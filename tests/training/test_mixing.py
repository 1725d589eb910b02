import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from hamiltone.networks import LogMelFront, Recognizer, build_network
from hamiltone.settings import LogMelSettings, OptimisationSettings, ResidualSettings
from hamiltone.training._batches import Batch
from hamiltone.training._mixing import mixup, soft_targets
from hamiltone.training._objectives import Classification


@settings(deadline=None)
@given(smoothing=st.floats(0, 0.9), seed=st.integers(0, 99))
def test_soft_targets_give_the_cross_entropy_that_torch_smooths(smoothing, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(6, 4, generator=generator)
    classes = torch.randint(0, 4, (6,), generator=generator)
    got = functional.cross_entropy(scores, soft_targets(classes, 4, smoothing))
    torch.testing.assert_close(got, functional.cross_entropy(scores, classes, label_smoothing=smoothing))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_a_recogniser_is_trained_on_the_loss_that_torch_smooths(smoothing):
    torch.manual_seed(0)
    front = LogMelFront.from_settings(LogMelSettings(bands=16))
    network = build_network(ResidualSettings(channels=(4,), stem=4, attention=4), front.shape, 3)
    recognizer = Recognizer(front, network, ("happy", "sad", "angry")).eval()
    x, classes = torch.randn(6, *front.shape), torch.randint(0, 3, (6,))
    objective = Classification(recognizer, training=OptimisationSettings(label_smoothing=smoothing))
    losses = objective.losses(recognizer, Batch(x, "features", classes, None, torch.arange(6)))
    expected = functional.cross_entropy(recognizer(x, "features"), classes, label_smoothing=smoothing)
    torch.testing.assert_close(losses["loss"], expected)
    torch.testing.assert_close(losses["cross_entropy"], expected)


@settings(deadline=None)
@given(alpha=st.floats(0.05, 2), seed=st.integers(0, 99))
def test_mixup_mixes_inputs_and_targets_by_one_share_and_the_larger_part_stays(alpha, seed):
    torch.manual_seed(seed)
    examples = torch.eye(5)
    mixed, targets = mixup(examples, examples, alpha)
    torch.testing.assert_close(mixed, targets)
    torch.testing.assert_close(mixed.sum(1), torch.ones(5))
    assert (mixed.diagonal() >= 0.5).all()
    torch.testing.assert_close(mixed.sum(0), torch.ones(5))  # each is another's partner once


def test_shares_are_drawn_from_the_beta_distribution():
    torch.manual_seed(0)
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    shares = []
    while len(shares) < 2000:
        mixed, _ = mixup(x, x, 0.3)
        if mixed[0, 0] < 1:  # a partner of its own tells nothing
            shares.append(mixed[0, 0].item())
    expected = np.random.default_rng(0).beta(0.3, 0.3, 200_000)
    expected = np.maximum(expected, 1 - expected)
    assert np.mean(shares) == pytest.approx(expected[expected < 1].mean(), abs=0.015)
