"""Convolution, transposed convolution and linear layer against the sixteen real products written out."""

import copy
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hamiltone.quaternion import (
    QuaternionConv2d,
    QuaternionConvTranspose2d,
    QuaternionLinear,
    conjugate,
    hamilton_product,
)

SAME_WARNING = "ignore:Using padding='same' with even kernel lengths"


def assert_close(actual, expected, tolerance=1e-11):
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


def sixteen_products(operation, weight, x, channel):
    """Hamilton product of ``weight`` with ``x``: ``operation(w, x)`` is the real operation on one component of each."""
    wr, wi, wj, wk = weight
    xr, xi, xj, xk = x.chunk(4, channel)
    r = operation(wr, xr) - operation(wi, xi) - operation(wj, xj) - operation(wk, xk)
    i = operation(wr, xi) + operation(wi, xr) + operation(wj, xk) - operation(wk, xj)
    j = operation(wr, xj) - operation(wi, xk) + operation(wj, xr) + operation(wk, xi)
    k = operation(wr, xk) + operation(wi, xj) - operation(wj, xi) + operation(wk, xr)
    return torch.cat((r, i, j, k), channel)


def through_twin(twin):
    """The real layer ``twin`` as a function of weight and input."""

    def operation(weight, x):
        with torch.no_grad():
            twin.weight.copy_(weight)
            return twin(x)

    return operation


@st.composite
def convolutions(draw):
    """Settings of a convolution, counted in quaternions, and a size of input that they allow."""
    kernel, dilation = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(2))
    mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    padding = draw(st.sampled_from(["same", "valid", 0, 1, (2, 1), (0, 2)]))
    stride = 1 if padding == "same" else draw(st.sampled_from([1, 2, (2, 1), (1, 3)]))
    # At least 3 more than a side of padding can be, which reflection needs.
    height, width = (draw(st.integers(d * (k - 1) + 3, d * (k - 1) + 5)) for d, k in zip(dilation, kernel, strict=True))
    groups = draw(st.integers(1, 3))
    per_group = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    common = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return common | {"padding_mode": mode}, groups * per_group[0], groups * per_group[1], (height, width)


@st.composite
def transposed_convolutions(draw):
    kernel, dilation = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(2))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = tuple(draw(st.integers(0, d * (k - 1) // 2)) for d, k in zip(dilation, kernel, strict=True))
    output_padding = tuple(draw(st.integers(0, s - 1)) for s in stride)
    groups = draw(st.integers(1, 3))
    per_group = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    common = {"kernel_size": kernel, "stride": stride, "padding": padding, "output_padding": output_padding}
    return common | {"dilation": dilation, "groups": groups}, groups * per_group[0], groups * per_group[1], size


def filled(layer, seed):
    """The layer in double precision with random weights and bias."""
    generator = torch.Generator().manual_seed(seed)
    layer = layer.double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return layer


def image(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)


@pytest.mark.filterwarnings(SAME_WARNING)
@given(case=convolutions(), seed=st.integers(0, 2**31), batch=st.integers(1, 2))
@settings(max_examples=35, deadline=None)
def test_convolution_is_sixteen_real_convolutions(case, seed, batch):
    config, n_in, n_out, size = case
    layer = filled(QuaternionConv2d(4 * n_in, 4 * n_out, **config), seed)
    x = image(seed, batch, 4 * n_in, *size)
    component = nn.Conv2d(n_in, n_out, **config, bias=False, dtype=torch.float64)
    assert layer.bias is not None
    expected = sixteen_products(through_twin(component), layer.components, x, 1) + layer.bias[:, None, None]
    assert_close(layer(x), expected)
    assert_close(layer(x[0]), expected[0])
    assert layer(x).shape == nn.Conv2d(4 * n_in, 4 * n_out, **config).double()(x).shape


@given(case=transposed_convolutions(), seed=st.integers(0, 2**31), batch=st.integers(1, 2))
@settings(max_examples=35, deadline=None)
def test_transposed_convolution_is_sixteen_real_ones_with_conjugate_weights(case, seed, batch):
    config, n_in, n_out, size = case
    layer = filled(QuaternionConvTranspose2d(4 * n_in, 4 * n_out, **config), seed)
    x = image(seed, batch, 4 * n_in, *size)
    component = nn.ConvTranspose2d(n_in, n_out, **config, bias=False, dtype=torch.float64)
    conjugates = conjugate(layer.components, dim=0)
    assert layer.bias is not None
    expected = sixteen_products(through_twin(component), conjugates, x, 1) + layer.bias[:, None, None]
    assert_close(layer(x), expected)
    assert_close(layer(x[0]), expected[0])
    assert layer(x).shape == nn.ConvTranspose2d(4 * n_in, 4 * n_out, **config).double()(x).shape


@given(
    n_in=st.integers(1, 4),
    n_out=st.integers(1, 4),
    lead=st.lists(st.integers(1, 3), max_size=3),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=20, deadline=None)
def test_linear_layer_is_sixteen_real_matrix_products(n_in, n_out, lead, seed):
    layer = filled(QuaternionLinear(4 * n_in, 4 * n_out), seed)
    x = image(seed, *lead, 4 * n_in)
    assert layer.bias is not None
    component = nn.Linear(n_in, n_out, bias=False, dtype=torch.float64)
    expected = sixteen_products(through_twin(component), layer.components, x, -1) + layer.bias
    assert_close(layer(x), expected)


def test_groups_partition_quaternions():
    """From the definition: output quaternion m sums the products with the input quaternions of its group."""
    layer = filled(QuaternionConv2d(16, 24, (2, 1), groups=2, bias=False), 0)
    x = image(0, 16, 3, 2)
    quaternions, out = x.unflatten(0, (4, 4)), layer(x).unflatten(0, (4, 6))
    for m, row, column in itertools.product(range(6), range(2), range(2)):
        group = m // 3
        expected = torch.zeros(4, dtype=torch.float64)
        for n, offset in itertools.product(range(2), range(2)):
            patch = quaternions[:, 2 * group + n, row + offset, column]
            expected += hamilton_product(layer.components[:, m, n, offset, 0], patch, dim=0)
        assert_close(out[:, m, row, column], expected)


@given(case=convolutions(), seed=st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_transposed_convolution_is_the_adjoint(case, seed):
    config, n_in, n_out, size = case
    config = {name: value for name, value in config.items() if name != "padding_mode"}
    config["padding"] = {"same": 1, "valid": 0}.get(config["padding"], config["padding"])
    forward = filled(QuaternionConv2d(4 * n_in, 4 * n_out, **config, bias=False), seed)
    adjoint = QuaternionConvTranspose2d(4 * n_out, 4 * n_in, **config, bias=False, dtype=torch.float64)
    adjoint.load_state_dict(forward.state_dict())
    x = image(seed, 2, 4 * n_in, *size)
    result = forward(x)
    y = image(seed + 1, *result.shape)
    assert_close((result * y).sum(), (x * adjoint(y, output_size=size)).sum(), 1e-9)


def rotated(x, q, channel):
    """All quaternions of ``x`` multiplied by ``q`` from the right."""
    shape = [1] * x.dim()
    shape[channel] = 4
    return hamilton_product(x, q.view(shape), dim=channel)


@given(case=transposed_convolutions(), seed=st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_multiplication_from_the_right_commutes_with_layers(case, seed):
    """(W x) q = W (x q): what makes the layers respect rotations of all four channels together."""
    config, n_in, n_out, size = case
    q = image(seed, 4)
    x = image(seed + 1, 2, 4 * n_in, *size)
    transposed = filled(QuaternionConvTranspose2d(4 * n_in, 4 * n_out, **config, bias=False), seed)
    plain = filled(QuaternionConv2d(4 * n_in, 4 * n_out, 3, padding=1, groups=config["groups"], bias=False), seed)
    for layer in (transposed, plain):
        assert_close(layer(rotated(x, q, 1)), rotated(layer(x), q, 1), 1e-9)
    linear = filled(QuaternionLinear(4 * n_in, 4 * n_out, bias=False), seed)
    features = image(seed, 3, 4 * n_in)
    assert_close(linear(rotated(features, q, 1)), rotated(linear(features), q, 1), 1e-9)


LAYERS = {
    "conv": lambda: QuaternionConv2d(8, 16, (2, 3), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2),
    "conv same reflect": lambda: QuaternionConv2d(8, 16, 3, padding="same", padding_mode="reflect"),
    "transposed": lambda: QuaternionConvTranspose2d(
        8, 16, (2, 3), stride=2, padding=1, output_padding=(1, 0), groups=2, dilation=(1, 2)
    ),
    "linear": lambda: QuaternionLinear(8, 16),
}
INPUTS = {name: (2, 8) if name == "linear" else (2, 8, 5, 6) for name in LAYERS}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients(name):
    layer = filled(LAYERS[name](), 0)
    names = [parameter for parameter, _ in layer.named_parameters()]

    def function(x, *parameters):
        return torch.func.functional_call(layer, dict(zip(names, parameters, strict=True)), (x,))

    x = image(0, *INPUTS[name]).requires_grad_()
    parameters = [parameter.detach().clone().requires_grad_() for parameter in layer.parameters()]
    assert torch.autograd.gradcheck(function, (x, *parameters), fast_mode=True)


@pytest.mark.parametrize("name", LAYERS)
def test_saved_and_copied_layers_are_the_same(name):
    layer = filled(LAYERS[name](), 0)
    x = image(0, *INPUTS[name])
    other = LAYERS[name]().double()
    assert not torch.equal(other(x), layer(x))
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), layer(x))
    assert torch.equal(copy.deepcopy(layer)(x), layer(x))
    assert set(layer.state_dict()) == {"weight", "bias"}


@pytest.mark.parametrize(
    ("ours", "twin"),
    [
        (QuaternionConv2d(8, 12, 3), nn.Conv2d(8, 12, 3)),
        (QuaternionConv2d(8, 16, (3, 2), groups=2), nn.Conv2d(8, 16, (3, 2), groups=2)),
        (QuaternionConvTranspose2d(8, 16, (3, 2), groups=2), nn.ConvTranspose2d(8, 16, (3, 2), groups=2)),
        (QuaternionLinear(8, 12), nn.Linear(8, 12)),
    ],
)
def test_a_quarter_of_the_weights(ours, twin):
    assert 4 * ours.weight.numel() == twin.weight.numel()
    assert tuple(ours.weight.shape) == (twin.weight.shape[0], twin.weight.shape[1] // 4, *twin.weight.shape[2:])
    assert ours.bias.shape == twin.bias.shape
    assert torch.equal(ours.bias, torch.zeros_like(ours.bias))


@pytest.mark.parametrize("name", ["conv", "conv same reflect", "transposed"])
def test_channels_last_gives_the_same(name):
    layer = filled(LAYERS[name](), 0)
    x = image(0, *INPUTS[name])
    expected = layer(x)
    assert_close(layer(x.to(memory_format=torch.channels_last)), expected)
    assert_close(layer.to(memory_format=torch.channels_last)(x), expected)


@pytest.mark.parametrize("name", LAYERS)
def test_empty_batch_gives_an_empty_batch(name):
    layer = LAYERS[name]()
    full = layer(torch.zeros(INPUTS[name]))
    assert layer(torch.zeros(0, *INPUTS[name][1:])).shape == (0, *full.shape[1:])


@pytest.mark.parametrize("size", [(9, 11), (10, 12), (2, 16, 9, 12)])
def test_output_size_of_the_transposed_convolution(size):
    layer = QuaternionConvTranspose2d(8, 16, 3, stride=2, padding=1)
    twin = nn.ConvTranspose2d(8, 16, 3, stride=2, padding=1)
    x = torch.zeros(2, 8, 5, 6)
    assert layer(x, output_size=size).shape == twin(x, output_size=list(size)).shape == (2, 16, *size[-2:])


def test_unreachable_output_size_is_told():
    layer = QuaternionConvTranspose2d(8, 16, 3, stride=2)
    x = torch.zeros(1, 8, 4, 4)
    with pytest.raises(ValueError, match=r"\(9, 11\) is out of reach: sizes range from \[9, 9\] to \[10, 10\]"):
        layer(x, output_size=(9, 11))
    with pytest.raises(ValueError, match=r"2 or 4 numbers, not \(9,\)"):
        layer(x, output_size=(9,))


ATTRIBUTES = [
    "in_channels",
    "out_channels",
    "kernel_size",
    "stride",
    "padding",
    "dilation",
    "transposed",
    "output_padding",
    "groups",
    "padding_mode",
]
REPRESENTED = [
    (QuaternionConv2d, nn.Conv2d, (4, 8, 3), {}),
    (QuaternionConv2d, nn.Conv2d, (8, 16, (3, 2)), {"stride": 2, "padding": (1, 0), "dilation": 2, "groups": 2}),
    (QuaternionConv2d, nn.Conv2d, (8, 16, 3, 1, "same", 2, 2, False, "circular"), {}),
    (QuaternionConvTranspose2d, nn.ConvTranspose2d, (8, 16, 3, 2, 1, 1, 2, False, (3, 2)), {}),
]


@pytest.mark.parametrize(("ours", "twin", "arguments", "named"), REPRESENTED)
def test_signature_attributes_and_repr_are_those_of_the_twin(ours, twin, arguments, named):
    layer, real = ours(*arguments, **named), twin(*arguments, **named)
    assert repr(layer) == "Quaternion" + repr(real)
    for attribute in ATTRIBUTES:
        assert getattr(layer, attribute) == getattr(real, attribute), attribute


def test_repr_of_the_linear_layer():
    assert repr(QuaternionLinear(4, 8, False)) == "Quaternion" + repr(nn.Linear(4, 8, False))


@pytest.mark.parametrize("kind", [QuaternionConv2d, QuaternionConvTranspose2d])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"in_channels": 6}, r"in_channels must be a positive multiple of 4 x groups = 4, not 6"),
        ({"out_channels": 2}, r"out_channels must be a positive multiple of 4 x groups = 4, not 2"),
        ({"in_channels": 12, "groups": 2}, r"in_channels must be a positive multiple of 4 x groups = 8, not 12"),
        ({"in_channels": 0}, r"in_channels must be a positive"),
        ({"groups": 0}, r"groups must be a positive integer, not 0"),
        ({"kernel_size": 0}, r"kernel_size must be one or two integers of at least 1, not 0"),
        ({"stride": (1, 0)}, r"stride must be one or two integers of at least 1, not \(1, 0\)"),
        ({"dilation": 0}, r"dilation must be"),
        ({"padding": -1}, r"padding must be one or two integers of at least 0, not -1"),
        ({"padding_mode": "mirror"}, r"padding_mode .* 'mirror'"),
    ],
)
def test_wrong_settings_are_named(kind, arguments, message):
    good = {"in_channels": 8, "out_channels": 8, "kernel_size": 3}
    with pytest.raises(ValueError, match=message):
        kind(**(good | arguments))


def test_wrong_padding_and_features_are_named():
    with pytest.raises(ValueError, match="padding must be 'same', 'valid' or integers, not 'full'"):
        QuaternionConv2d(4, 4, 3, padding="full")
    with pytest.raises(ValueError, match=r"padding='same' needs stride 1, not \(2, 2\)"):
        QuaternionConv2d(4, 4, 3, stride=2, padding="same")
    with pytest.raises(ValueError, match="can only be 'zeros', not 'reflect'"):
        QuaternionConvTranspose2d(4, 4, 3, padding_mode="reflect")
    with pytest.raises(ValueError, match="output_padding must be"):
        QuaternionConvTranspose2d(4, 4, 3, output_padding=-1)
    with pytest.raises(ValueError, match="out_features must be a positive multiple of 4, not 10"):
        QuaternionLinear(8, 10)


@pytest.mark.parametrize("name", LAYERS)
def test_wrong_inputs_are_named(name):
    shape = list(INPUTS[name])
    shape[1] = 12
    with pytest.raises(
        ValueError, match=r"takes 8 (channels|features on the last axis), not 12 \(input of shape \(2, 12"
    ):
        LAYERS[name]()(torch.zeros(shape))
