"""Batch normalisation against numpy, its running statistics, and its errors."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from hamiltone.quaternion import QuaternionBatchNorm2d, norm


def image(seed, *shape):
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return 3 * values + torch.arange(shape[1], dtype=torch.float64)[:, None, None]


def statistics(x):
    """Mean (4, n) per component and variance (n,) per quaternion, quaternion by quaternion."""
    components = x.numpy().reshape(len(x), 4, -1, *x.shape[2:])
    number = components.shape[2]
    mean, variance = np.zeros((4, number)), np.zeros(number)
    for n in range(number):
        quaternion = components[:, :, n]
        mean[:, n] = quaternion.mean(axis=(0, 2, 3))
        variance[n] = (np.abs(quaternion - mean[:, n][None, :, None, None]) ** 2).sum(axis=1).mean()
    return mean, variance


def normalised(x, mean, variance, affine, eps):
    gamma, beta = affine
    out = x.numpy().reshape(len(x), 4, -1, *x.shape[2:]).copy()
    for component in range(4):
        for n in range(out.shape[2]):
            q = out[:, component, n]
            out[:, component, n] = gamma[n] * (q - mean[component, n]) / np.sqrt(variance[n] + eps) + beta[component, n]
    return out.reshape(x.shape)


def with_random_affine(layer):
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return layer


@given(
    seed=st.integers(0, 2**31),
    batch=st.integers(1, 4),
    number=st.integers(1, 3),
    size=st.tuples(st.integers(1, 4), st.integers(2, 4)),
    eps=st.sampled_from([1e-5, 0.1]),
)
@settings(max_examples=40, deadline=None)
def test_training_and_evaluation_against_numpy(seed, batch, number, size, eps):
    layer = with_random_affine(QuaternionBatchNorm2d(4 * number, eps=eps, momentum=0.3, dtype=torch.float64))
    assert layer.weight is not None
    assert layer.bias is not None
    affine = layer.weight.detach().numpy(), layer.bias.detach().numpy().reshape(4, number)
    running_mean, running_variance = np.zeros((4, number)), np.ones(number)
    for step in range(2):
        x = image(seed + step, batch, 4 * number, *size)
        mean, variance = statistics(x)
        expected = normalised(x, mean, variance, affine, eps)
        np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-8, atol=1e-8)
        running_mean = 0.7 * running_mean + 0.3 * mean
        running_variance = 0.7 * running_variance + 0.3 * variance
    assert layer.running_mean is not None
    assert layer.running_var is not None
    np.testing.assert_allclose(layer.running_mean.numpy(), running_mean.reshape(-1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(layer.running_var.numpy(), running_variance, rtol=1e-12)
    assert layer.num_batches_tracked == 2
    layer.eval()
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    x = image(seed + 7, batch, 4 * number, *size)
    expected = normalised(x, running_mean, running_variance, affine, eps)
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-8, atol=1e-8)
    assert all(torch.equal(tensor, before[name]) for name, tensor in layer.state_dict().items())


def test_output_has_unit_mean_square():
    layer = QuaternionBatchNorm2d(12, eps=0.0, dtype=torch.float64)
    y = layer(image(0, 5, 12, 4, 6)).detach()
    torch.testing.assert_close((norm(y) ** 2).mean((0, 2, 3)), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(12, dtype=torch.float64))


def test_statistics_of_quaternions_are_apart():
    layer = QuaternionBatchNorm2d(8, dtype=torch.float64)
    x = image(0, 3, 8, 4, 4)
    louder = x.clone()
    louder[:, 1::2] *= 10
    torch.testing.assert_close(layer(louder)[:, ::2], layer(x)[:, ::2])


def test_cumulative_average_without_momentum():
    layer = QuaternionBatchNorm2d(8, momentum=None, dtype=torch.float64)
    batches = [image(seed, 2, 8, 3, 3) for seed in range(4)]
    for x in batches:
        layer(x)
    means, variances = zip(*(statistics(x) for x in batches), strict=True)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    np.testing.assert_allclose(layer.running_mean.numpy(), np.mean(means, axis=0).reshape(-1), rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.numpy(), np.mean(variances, axis=0), rtol=1e-12)


def test_without_running_statistics_evaluation_takes_the_batch():
    layer = QuaternionBatchNorm2d(8, track_running_stats=False, dtype=torch.float64)
    x = image(0, 2, 8, 3, 3)
    trained = layer(x)
    assert torch.equal(layer.eval()(x), trained)
    assert set(layer.state_dict()) == {"weight", "bias"}
    tracked = QuaternionBatchNorm2d(8, dtype=torch.float64)
    assert torch.equal(tracked(x), trained)
    assert not torch.allclose(tracked.eval()(x), trained)


@pytest.mark.parametrize("arguments", [{"affine": False}, {"bias": False}])
def test_without_gamma_or_beta(arguments):
    layer = QuaternionBatchNorm2d(8, **arguments, dtype=torch.float64)
    x = image(0, 2, 8, 3, 3)
    torch.testing.assert_close(layer(x), QuaternionBatchNorm2d(8, dtype=torch.float64)(x))
    assert [name for name, _ in layer.named_parameters()] == ([] if "affine" in arguments else ["weight"])


def test_parameters_and_buffers():
    layer = QuaternionBatchNorm2d(12)
    shapes = {name: tuple(tensor.shape) for name, tensor in layer.state_dict().items()}
    expected = {"weight": (3,), "bias": (12,), "running_mean": (12,), "running_var": (3,), "num_batches_tracked": ()}
    assert shapes == expected
    assert repr(QuaternionBatchNorm2d(12, momentum=None)).startswith(
        "QuaternionBatchNorm2d(12, eps=1e-05, momentum=None"
    )


@pytest.mark.parametrize("training", [True, False])
def test_gradients(training):
    layer = with_random_affine(QuaternionBatchNorm2d(8, dtype=torch.float64)).train(training)
    assert layer.weight is not None
    assert layer.bias is not None

    def function(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    x = image(0, 2, 8, 2, 3).requires_grad_()
    parameters = [parameter.detach().clone().requires_grad_() for parameter in (layer.weight, layer.bias)]
    assert torch.autograd.gradcheck(function, (x, *parameters))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("whole", [True, False], ids=["layer in half", "input in half"])
def test_half_precision_keeps_its_type_and_does_not_overflow(dtype, whole):
    layer = QuaternionBatchNorm2d(8)
    if whole:
        layer = layer.to(dtype)
    x = 100 * image(0, 4, 8, 5, 5)
    y = layer(x.to(dtype))
    assert y.dtype == dtype
    expected = QuaternionBatchNorm2d(8).double()(x)
    torch.testing.assert_close(y.double(), expected, rtol=0.02, atol=0.02)
    assert layer.eval()(x.to(dtype)).dtype == dtype


def test_a_large_mean_costs_no_accuracy():
    x = image(0, 8, 8, 16, 16) + 300
    exact = QuaternionBatchNorm2d(8).double()(x)
    torch.testing.assert_close(QuaternionBatchNorm2d(8)(x.float()).double(), exact, rtol=1e-3, atol=1e-4)


def test_saved_copied_and_reset():
    layer = with_random_affine(QuaternionBatchNorm2d(8, dtype=torch.float64))
    x = image(0, 2, 8, 3, 3)
    layer(x)
    other = QuaternionBatchNorm2d(8, dtype=torch.float64)
    other.load_state_dict(layer.state_dict())
    results = [each.eval()(x) for each in (layer, other, copy.deepcopy(layer))]
    assert all(torch.equal(first, second) for first, second in pairwise(results))
    layer.reset_parameters()
    fresh = QuaternionBatchNorm2d(8, dtype=torch.float64).state_dict()
    assert all(torch.equal(tensor, fresh[name]) for name, tensor in layer.state_dict().items())


def test_update_bn_and_averages_of_weights_see_it():
    batches = [image(seed, 3, 8, 4, 4) for seed in range(3)]
    network = nn.Sequential(QuaternionBatchNorm2d(8, momentum=0.3, dtype=torch.float64))
    network(100 * batches[0])
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    averaged.update_parameters(network)
    update_bn(batches, averaged)
    layer = averaged.module[0]  # pyright: ignore
    means, variances = zip(*(statistics(x) for x in batches), strict=True)
    assert (layer.num_batches_tracked, layer.momentum) == (3, 0.3)
    np.testing.assert_allclose(layer.running_mean.numpy(), np.mean(means, axis=0).reshape(-1), rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.numpy(), np.mean(variances, axis=0), rtol=1e-12)


@pytest.mark.parametrize("affine", [True, False])
def test_it_is_never_made_a_synchronised_one_of_channels(affine):
    network = nn.Sequential(nn.BatchNorm2d(8), nn.Sequential(QuaternionBatchNorm2d(8, affine=affine)))
    with pytest.raises(ValueError, match="QuaternionBatchNorm2d cannot become a SyncBatchNorm, whose variances are of"):
        nn.SyncBatchNorm.convert_sync_batchnorm(network)
    assert type(nn.SyncBatchNorm.convert_sync_batchnorm(network[0])) is nn.SyncBatchNorm


def test_what_refuses_that_shows_nowhere_else(tmp_path):
    layer = QuaternionBatchNorm2d(8)
    assert "\n" not in repr(layer)
    for module in layer.modules():
        assert all(getattr(module, name, None) is not NotImplemented for name in dir(module))
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert set(copied.state_dict()) == {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
    assert not hasattr(layer, "unknown")
    with pytest.raises(AttributeError, match="unknown"):
        _ = layer.unsynchronised.unknown


def test_programs_that_torch_makes_of_it_give_the_same():
    layer, x = QuaternionBatchNorm2d(8).eval(), image(0, 4, 8, 3, 3).float()
    expected = layer(x)
    torch.testing.assert_close(torch.export.export(layer, (x,)).module()(x), expected)
    torch.testing.assert_close(torch.func.vmap(layer)(x[:, None])[:, 0], expected)
    unbatched = torch.func.replace_all_batch_norm_modules_(copy.deepcopy(layer).train())
    torch.testing.assert_close(torch.func.vmap(unbatched)(x[None])[0], QuaternionBatchNorm2d(8)(x))


def test_channels_last_gives_the_same():
    x = image(0, 2, 8, 3, 4)
    y = QuaternionBatchNorm2d(8).double()(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(y, QuaternionBatchNorm2d(8).double()(x))
    assert y.is_contiguous(memory_format=torch.channels_last)


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match="num_features must be a positive multiple of 4, not 6"):
        QuaternionBatchNorm2d(6)
    layer = QuaternionBatchNorm2d(8)
    with pytest.raises(ValueError, match=r"takes \(batch, 8, height, width\), not an input of shape \(8, 3, 3\)"):
        layer(torch.zeros(8, 3, 3))
    with pytest.raises(ValueError, match=r"not an input of shape \(2, 4, 3, 3\)"):
        layer(torch.zeros(2, 4, 3, 3))


@pytest.mark.parametrize("batch", [0, 1])
def test_one_value_per_channel_is_an_error_in_training_only(batch):
    x = torch.zeros(batch, 8, 1, 1)
    if batch == 1:
        with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
            nn.BatchNorm2d(8)(x)
    layer = QuaternionBatchNorm2d(8)
    with pytest.raises(ValueError, match="more than 1 value per channel when training"):
        layer(x)
    assert layer.num_batches_tracked == 0
    assert layer.eval()(x).shape == x.shape
