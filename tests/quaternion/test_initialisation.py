"""Initial weights: distributions of modulus, phase and axis, their scales, and where they are drawn."""

import math

import pytest
import torch
from scipy import stats

from hamiltone.quaternion import QuaternionBatchNorm2d, QuaternionConv2d, QuaternionConvTranspose2d, QuaternionLinear
from hamiltone.quaternion._initialisation import glorot_scale, he_scale

# Layer and the scale of its modulus: n_in and n_out in quaternions times receptive field, within a group.
SCALED = {
    "conv (Glorot)": (lambda: QuaternionConv2d(64, 128, (3, 5)), 1 / math.sqrt(2 * (16 * 15 + 32 * 15))),
    "conv, groups": (lambda: QuaternionConv2d(64, 256, 3, groups=2), 1 / math.sqrt(2 * (8 * 9 + 32 * 9))),
    "transposed (He)": (lambda: QuaternionConvTranspose2d(64, 128, (3, 5)), 1 / math.sqrt(2 * 16 * 15)),
    "transposed, groups": (lambda: QuaternionConvTranspose2d(64, 256, 3, groups=2), 1 / math.sqrt(2 * 8 * 9)),
    "linear (He)": (lambda: QuaternionLinear(320, 400), 1 / math.sqrt(2 * 80)),
}


def components(layer):
    return layer.components.detach().double().flatten(1)


@pytest.mark.parametrize("name", SCALED)
def test_distributions(name):
    make, scale = SCALED[name]
    torch.manual_seed(20)
    r, *imaginary = components(make())
    vector = torch.stack(imaginary)
    length = vector.norm(dim=0)
    modulus = torch.sqrt(r**2 + length**2)
    angle = torch.atan2(length, r)

    assert stats.kstest(modulus.numpy(), stats.chi(df=4, scale=scale).cdf).pvalue > 1e-3
    # The sign of the phase goes over to the axis: what shows is |phase|, uniform in 0..pi.
    assert stats.kstest(angle.numpy(), stats.uniform(0, math.pi).cdf).pvalue > 1e-3
    # Archimedes: each coordinate of a uniform point of the sphere is uniform in -1..1.
    for coordinate in vector / length:
        assert stats.kstest(coordinate.numpy(), stats.uniform(-1, 2).cdf).pvalue > 1e-3
    for first, second in ((modulus, angle), (modulus, vector[0] / length), (angle, vector[1] / length)):
        correlation = torch.corrcoef(torch.stack((first, second)))[0, 1]
        assert abs(correlation) < 4 / math.sqrt(len(first))


def test_scales():
    assert glorot_scale(3, 5) == 1 / 4
    assert he_scale(8) == 1 / 4


@pytest.mark.parametrize(("start", "gain"), [("glorot", 2 * 16 / (16 + 32)), ("he", 2.0)])
def test_power_through_a_layer(start, gain):
    """E y^2 / E x^2 = n_in E|w|^2, with E|w|^2 = 4 scale^2; a ReLU leaves half of it."""
    torch.manual_seed(20)
    layer = QuaternionConv2d(64, 128, 3, bias=False)
    layer.reset_parameters(start)
    x = torch.randn(4, 64, 18, 18)
    with torch.no_grad():
        y = layer(x)
    assert (y.square().mean() / x.square().mean()).item() == pytest.approx(gain, rel=0.05)
    assert (y.relu().square().mean() / x.square().mean()).item() == pytest.approx(gain / 2, rel=0.05)


def test_tests_of_distributions_tell_scales_apart():
    """The sample is large enough for the test above to reject a scale that is wrong by a twentieth."""
    make, scale = SCALED["linear (He)"]
    torch.manual_seed(20)
    modulus = components(make()).norm(dim=0)
    assert stats.kstest(modulus.numpy(), stats.chi(df=4, scale=1.05 * scale).cdf).pvalue < 1e-6


@pytest.mark.parametrize("name", SCALED)
def test_seed_decides(name):
    make, _ = SCALED[name]
    torch.manual_seed(3)
    first, second = components(make()), components(make())
    torch.manual_seed(3)
    assert torch.equal(components(make()), first)
    assert not torch.equal(first, second)


def test_reset_draws_anew():
    layer = QuaternionConv2d(4, 4, 3)
    before = layer.weight.detach().clone()
    assert layer.bias is not None
    torch.nn.init.ones_(layer.bias)
    layer.reset_parameters()
    assert not torch.equal(layer.weight, before)
    assert torch.equal(layer.bias, torch.zeros(4))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(dtype):
    torch.manual_seed(1)
    layer = QuaternionLinear(64, 64, dtype=dtype)
    assert layer.weight.dtype == dtype
    values = components(layer)
    assert torch.isfinite(values).all()
    assert stats.kstest(values.norm(dim=0).numpy(), stats.chi(df=4, scale=1 / math.sqrt(32)).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    "make",
    [
        lambda **where: QuaternionConv2d(4, 8, 3, **where),
        lambda **where: QuaternionConvTranspose2d(4, 8, 3, **where),
        lambda **where: QuaternionLinear(4, 8, **where),
        lambda **where: QuaternionBatchNorm2d(8, **where),
    ],
)
def test_meta_device(make):
    layer = make(device="meta")
    layer.reset_parameters()
    assert all(tensor.is_meta for tensor in layer.state_dict().values())
    materialised = layer.to_empty(device="cpu")
    materialised.reset_parameters()
    assert all(torch.isfinite(tensor).all() for tensor in materialised.state_dict().values())
