"""Every form of an operation beside the plain one, which test_layers.py holds against sixteen products."""

import copy
import pickle
import threading
from unittest.mock import patch

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from hamiltone.quaternion import QuaternionConv2d, QuaternionConvTranspose2d, QuaternionLinear, forms
from hamiltone.quaternion.kernels import _dispatch, _grouped_products
from hamiltone.quaternion.kernels._dispatch_table import RULES, Case, tabled_form

DOUBLE, SINGLE = 1e-12, 1e-5


def far(actual, expected):
    """Norm of the difference over the norm of what is expected."""
    assert actual.shape == expected.shape
    return ((actual.double() - expected.double()).norm() / expected.double().norm().clamp(min=1e-300)).item()


def taken(form, call):
    """The form that a call took, and its result, when ``form`` is asked for."""
    seen = []
    original = _dispatch._form_of

    def spy(*arguments):
        seen.append(original(*arguments))
        return seen[-1]

    with patch.object(_dispatch, "_form_of", spy), forms(form):
        result = call()
    return seen, result


def randomised(layer, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return layer


def values_and_gradients(layer, x, form):
    """Output, and gradients of input and parameters; and what an evaluation gives, twice."""
    layer.zero_grad(set_to_none=True)
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    names, y = taken(form, lambda: layer(x))
    assert names == [form]
    direction = torch.randn(y.shape, generator=torch.Generator().manual_seed(9), dtype=y.dtype)
    y.backward(direction)
    with torch.no_grad(), forms(form):
        evaluations = [layer(x), layer(x)]
    return [y.detach(), x.grad, *(parameter.grad for parameter in layer.parameters()), *evaluations]


def assert_like_plain(layer, x, form, tolerance):
    expected = values_and_gradients(layer, x, "plain")
    for actual, wanted in zip(values_and_gradients(layer, x, form), expected, strict=True):
        assert far(actual, wanted) <= tolerance


@st.composite
def cases(draw):
    """A layer in double precision and a size of its input."""
    transposed = draw(st.booleans())
    kernel, dilation, stride = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(3))
    config = {"kernel_size": kernel, "dilation": dilation, "stride": stride, "bias": draw(st.booleans())}
    if transposed:
        config["padding"] = tuple(draw(st.integers(0, d * (k - 1) // 2)) for d, k in zip(dilation, kernel, strict=True))
        config["output_padding"] = tuple(draw(st.integers(0, s - 1)) for s in stride)
    else:
        config["padding"] = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
        config["padding_mode"] = draw(st.sampled_from(["zeros", "circular"]))
    size = [draw(st.integers(d * (k - 1) + 3, d * (k - 1) + 5)) for d, k in zip(dilation, kernel, strict=True)]
    channels = [4 * draw(st.integers(1, 3)) for _ in range(2)]
    kind = QuaternionConvTranspose2d if transposed else QuaternionConv2d
    return kind(*channels, **config), (draw(st.integers(1, 3)), channels[0], *size)


@pytest.mark.parametrize("form", ["eight", "grouped"])
@example(case=(QuaternionConv2d(8, 4, (1, 2), bias=False), (2, 8, 3, 4)), seed=0, inner=True, outer=True)
@given(case=cases(), seed=st.integers(0, 2**31), inner=st.booleans(), outer=st.booleans())
@settings(max_examples=60, deadline=None)
def test_eight_products_are_the_plain_convolution(form, case, seed, inner, outer):
    layer, shape = case
    layer = randomised(layer.double(), seed)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    if inner:
        layer = layer.to(memory_format=torch.channels_last)
    if outer:
        x = x.to(memory_format=torch.channels_last)
    assert_like_plain(layer, x, form, DOUBLE)


@given(
    features=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    lead=st.lists(st.integers(1, 4), max_size=3),
    bias=st.booleans(),
    form=st.sampled_from(["eight", "stacked"]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=40, deadline=None)
def test_forms_of_the_linear_layer_are_the_plain_one(features, lead, bias, form, seed):
    layer = randomised(QuaternionLinear(4 * features[0], 4 * features[1], bias).double(), seed)
    x = torch.randn(*lead, 4 * features[0], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert_like_plain(layer, x, form, DOUBLE)


@pytest.mark.parametrize("form", ["eight", "stacked"])
def test_single_precision_of_a_linear_layer(form):
    torch.manual_seed(0)
    assert_like_plain(QuaternionLinear(1024, 512), torch.rand(20, 1024), form, SINGLE)


@pytest.mark.parametrize("kind", [QuaternionConv2d, QuaternionConvTranspose2d])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("form", ["eight", "grouped"])
def test_single_precision_of_convolutions(kind, layout, form):
    torch.manual_seed(0)
    layer = kind(128, 256, 3, padding=1).to(memory_format=layout)
    assert_like_plain(layer, torch.rand(2, 128, 8, 8).to(memory_format=layout), form, SINGLE)


LAYERS = {
    "convolution": (
        lambda: QuaternionConv2d(8, 12, (2, 3), stride=(2, 1), padding=(1, 0), dilation=(1, 2)),
        (2, 8, 5, 6),
    ),
    "same": (lambda: QuaternionConv2d(8, 12, 3, padding="same"), (2, 8, 4, 3)),
    "transposed": (lambda: QuaternionConvTranspose2d(8, 12, 3, stride=2, padding=1, output_padding=1), (2, 8, 3, 4)),
    "linear": (lambda: QuaternionLinear(8, 12), (3, 8)),
}
FORMS = {True: ("eight", "stacked"), False: ("eight", "grouped")}  # of the linear layer, of convolutions
FAST = [(name, form) for name in LAYERS for form in FORMS[name == "linear"]]


def built(name, dtype=torch.float64):
    make, shape = LAYERS[name]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
    return randomised(make().to(dtype)), x


def as_function(layer):
    names = [name for name, _ in layer.named_parameters()]

    def function(x, *parameters):
        return torch.func.functional_call(layer, dict(zip(names, parameters, strict=True)), (x,))

    return function


def leaves(layer, x):
    return [tensor.detach().clone().requires_grad_() for tensor in (x, *layer.parameters())]


@pytest.mark.parametrize(("name", "form"), FAST)
def test_gradients_of_first_and_second_order(name, form):
    layer, x = built(name)
    arguments = leaves(layer, x)
    with forms(form):
        assert torch.autograd.gradcheck(as_function(layer), arguments, fast_mode=True)
        assert torch.autograd.gradgradcheck(as_function(layer), arguments, fast_mode=True)


@pytest.mark.parametrize(("name", "form"), FAST)
@pytest.mark.parametrize("constant", ["input", "weight", "all but the bias"])
def test_only_what_is_asked_is_differentiated(name, form, constant):
    layer, x = built(name)
    x.requires_grad_(constant == "weight")
    layer.weight.requires_grad_(constant == "input")
    gradients = []
    for chosen in ("plain", form):
        layer.zero_grad()
        x.grad = None
        with forms(chosen):
            layer(x).square().sum().backward()
        gradients.append([layer.bias.grad, layer.weight.grad, x.grad])
    for wanted, actual in zip(*gradients, strict=True):
        assert (wanted is None) == (actual is None)
        assert wanted is None or far(actual, wanted) <= DOUBLE


@pytest.mark.parametrize("form", ["eight", "grouped"])
def test_one_example_without_a_batch(form):
    for name in ("convolution", "transposed"):
        layer, x = built(name)
        names, y = taken(form, lambda layer=layer, x=x: layer(x[0]))
        assert names == [form]
        with forms("plain"):
            assert far(y, layer(x)[0]) <= DOUBLE


def test_the_layout_of_the_output_is_that_of_the_plain_form():
    for name in ("convolution", "transposed"):
        for layout in (torch.contiguous_format, torch.channels_last):
            layer, x = built(name)
            layer, x = layer.to(memory_format=layout), x.to(memory_format=layout)
            for form in ("plain", "eight", "grouped"):
                with forms(form):
                    assert layer(x).is_contiguous(memory_format=layout)


@pytest.mark.parametrize("form", ["eight", "grouped"])
def test_backward_keeps_the_input_and_no_other_map(form):
    layer, x = QuaternionConv2d(8, 8, 3, padding=1), torch.randn(2, 8, 6, 6).requires_grad_()
    kept = []
    with forms(form), torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        layer(x)
    assert {t.data_ptr() for t in kept} == {x.data_ptr(), layer.weight.data_ptr()}


# What the plain form supports is supported, whatever form is asked for.


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize(("name", "form"), FAST)
def test_transformations_of_functions(name, form):
    layer, x = built(name)
    function, (_, *parameters) = as_function(layer), leaves(layer, x)
    jobs = {
        "vmap": lambda: torch.func.vmap(function, in_dims=(0, None, None))(x.unsqueeze(1), *parameters),
        "grad": lambda: torch.func.grad(lambda x: function(x, *parameters).square().sum())(x),
        "jvp": lambda: torch.func.jvp(lambda x: function(x, *parameters), (x,), (x.cos(),))[1],
        "vjp": lambda: torch.func.vjp(lambda x: function(x, *parameters), x)[0],
    }
    for job in jobs.values():
        with forms("plain"):
            expected = job()
        names, actual = taken(form, job)
        assert set(names) == {"plain"}
        assert torch.equal(actual, expected)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize(("name", "form"), FAST)
def test_forward_mode_derivatives(name, form):
    layer, x = built(name)
    with torch.autograd.forward_ad.dual_level(), forms(form):
        dual = torch.autograd.forward_ad.make_dual(x, x.cos())
        tangent = torch.autograd.forward_ad.unpack_dual(layer(dual)).tangent
    with forms("plain"):
        expected = torch.func.jvp(layer, (x,), (x.cos(),))[1]
    assert far(tangent, expected) <= DOUBLE


@pytest.mark.parametrize("evaluation", [True, False])
@pytest.mark.parametrize(("name", "form"), [*FAST, ("convolution", "cached")])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_export(name, form, evaluation):
    layer, x = built(name)
    with torch.set_grad_enabled(not evaluation), forms(form):
        layer(x)
        program = torch.export.export(layer, (x,))
    with forms("plain"):
        assert far(program.module()(x), layer(x)) <= DOUBLE


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("form", ["eight", "grouped", "stacked", "cached"])
def test_the_plain_form_takes_what_others_cannot(form):
    half = torch.randn(2, 8, 4, 4, dtype=torch.bfloat16)
    grouped = QuaternionConv2d(16, 16, 3, groups=2)
    uneven = QuaternionConv2d(8, 8, (1, 2), padding="same")
    ordinary, linear = QuaternionConv2d(8, 8, 3), QuaternionLinear(8, 8)

    def under_autocast():
        with torch.autocast("cpu", torch.bfloat16):
            return ordinary(half.float()), linear(torch.randn(2, 8))

    calls = [
        lambda: copy.deepcopy(ordinary).bfloat16()(half),
        lambda: copy.deepcopy(linear).bfloat16()(half[:, :, 0, 0]),
        lambda: linear(torch.zeros(0, 8)),
        lambda: grouped(torch.randn(2, 16, 4, 4)),
        lambda: uneven(torch.randn(2, 8, 4, 4)),
        under_autocast,
    ]
    for call in calls:
        names, _ = taken(form, call)
        assert set(names) == {"plain"}


# The cache: whatever happened to the weights, an evaluation sees them as they are.


def momentum_step(layer, **options):
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1, **options)
    for parameter in layer.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    layer.zero_grad()


def in_place(layer):
    with torch.no_grad():
        layer.weight.mul_(2)


def by_numpy(layer):
    layer.weight.detach().numpy()[...] *= 2


def new_parameter(layer):
    layer.weight = nn.Parameter(layer.weight.detach() * 2)


def assigned_data(layer):
    layer.weight.data = layer.weight.data * 2


def under_inference_mode(layer):
    with torch.inference_mode():
        layer.weight.data.mul_(2)


CHANGES = {
    "in place": in_place,
    "data in place": lambda layer: layer.weight.data.mul_(2),
    "one bit of data": lambda layer: layer.weight.data.view(-1)[3:4].mul_(1 + 1e-15),
    "sign of a zero": lambda layer: layer.weight.data.view(-1)[0:1].neg_(),
    "data assigned": assigned_data,
    "numpy": by_numpy,
    "inference mode": under_inference_mode,
    "parameter replaced": new_parameter,
    "load_state_dict": lambda layer: layer.load_state_dict({k: v * 2 for k, v in layer.state_dict().items()}),
    "load_state_dict assign": lambda layer: layer.load_state_dict(
        {k: v * 2 for k, v in layer.state_dict().items()}, assign=True
    ),
    "adam foreach": lambda layer: momentum_step(layer, foreach=True),
    "adam fused": lambda layer: momentum_step(layer, fused=True),
    "adam loop": lambda layer: momentum_step(layer, foreach=False),
    "new draw": lambda layer: layer.reset_parameters(),
    "half and back": lambda layer: layer.float().double(),
    "channels last": lambda layer: layer.to(memory_format=torch.channels_last),
}
CACHES = [
    ("convolution", "cached"),
    ("convolution", "eight"),
    ("convolution", "grouped"),
    ("transposed", "eight"),
    ("transposed", "grouped"),
    ("linear", "eight"),
]


@pytest.mark.parametrize(
    ("name", "form", "change"),
    # A linear layer has no layout to change.
    [(*cache, change) for cache in CACHES for change in CHANGES if (cache[0], change) != ("linear", "channels last")],
)
def test_evaluation_notices_every_change_of_the_weights(name, form, change):
    layer, x = built(name)
    with torch.no_grad():
        layer.weight.view(-1)[0] = 0.0
    with torch.no_grad(), forms(form):
        layer(x)
        before = layer(x)
    CHANGES[change](layer)
    with torch.no_grad():
        with forms(form):
            actual = layer(x)
        fresh = copy.deepcopy(layer)
        with forms(form):
            assert torch.equal(actual, fresh(x))
        with forms("plain"):
            assert far(actual, layer(x)) <= DOUBLE
    if change not in ("one bit of data", "sign of a zero", "channels last"):
        assert not torch.equal(actual, before)


@pytest.mark.parametrize(("name", "form"), CACHES)
def test_weights_are_prepared_once_while_they_stay_and_let_go_by_training(name, form):
    layer, x = built(name)
    with torch.no_grad(), forms(form):
        layer(x)
        held = layer._prepared._held
        layer(x)
        assert layer._prepared._held is held is not None
    assert copy.deepcopy(layer)._prepared._held is None
    assert pickle.loads(pickle.dumps(layer))._prepared._held is None
    layer(x.requires_grad_())
    assert layer._prepared._held is None


@pytest.mark.parametrize(("name", "form"), CACHES)
def test_what_inference_mode_prepared_serves_other_modes(name, form):
    layer, x = built(name)
    layer.requires_grad_(False)
    with forms(form):
        with torch.inference_mode():
            first = layer(x)
        assert torch.equal(layer(x), first.clone())
        with torch.no_grad():
            assert torch.equal(layer(x), first.clone())


# The choice.


def test_the_override_is_of_one_thread_and_ends_with_its_block():
    layer, x = built("linear")
    seen = {}

    def other():
        seen["other thread"] = _dispatch._override.get()

    with forms("eight"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        with forms("table"):
            seen["table"] = _dispatch._override.get()
        seen["inner"] = _dispatch._override.get()
        with pytest.raises(RuntimeError), forms("plain"):
            raise RuntimeError
        seen["after an error"] = _dispatch._override.get()
    assert seen == {"other thread": None, "table": None, "inner": "eight", "after an error": "eight"}
    assert _dispatch._override.get() is None
    with (
        pytest.raises(ValueError, match="form 'fast' is none of table, plain, cached, eight, grouped, stacked"),
        forms("fast"),
    ):
        layer(x)


def case(**changes):
    usual = Case("conv2d", False, 256, 256, 20, 20 * 256, "cpu", torch.float32, taps=9.0)
    return usual._replace(**changes)


@pytest.mark.parametrize(
    ("changes", "form"),
    [
        ({}, "grouped"),
        ({"channels_in": 4}, "plain"),
        ({"channels_in": 128, "positions": 320}, "plain"),
        ({"positions": 16}, "grouped"),
        ({"evaluation": True, "channels_in": 4}, "cached"),
        ({"evaluation": True}, "grouped"),
        ({"evaluation": True, "groups": 2}, "cached"),
        ({"groups": 2}, "plain"),
        ({"channels_last": True}, "grouped"),
        ({"channels_last": True, "positions": 20_480}, "eight"),
        ({"channels_in": 128, "channels_out": 128, "positions": 5120}, "grouped"),
        ({"channels_in": 64, "channels_out": 128, "positions": 20_480}, "grouped"),
        ({"channels_in": 64, "channels_out": 128, "positions": 20_480, "channels_last": True}, "plain"),
        ({"channels_in": 64, "channels_out": 64, "positions": 81_920}, "plain"),
        ({"taps": 1.0}, "plain"),
        ({"taps": 2.25}, "plain"),
        ({"taps": 25.0}, "grouped"),
        ({"device": "cuda"}, "plain"),
        ({"device": "cuda", "evaluation": True}, "plain"),
        ({"dtype": torch.bfloat16}, "plain"),
        ({"operation": "linear", "batch": 20, "positions": 20}, "stacked"),
        ({"operation": "linear", "channels_in": 2048, "channels_out": 512, "batch": 512, "positions": 512}, "eight"),
    ],
)
def test_the_table(changes, form):
    assert tabled_form(case(**changes)) == form


@pytest.mark.parametrize(
    ("settings", "form"),
    [({"kernel_size": 3}, "grouped"), ({"kernel_size": 1}, "plain"), ({"kernel_size": 3, "stride": 2}, "plain")],
)
@pytest.mark.parametrize("kind", [QuaternionConv2d, QuaternionConvTranspose2d])
def test_kernels_of_few_taps_take_the_plain_form(kind, settings, form):
    layer = kind(256, 256, **settings)
    names, _ = taken("table", lambda: layer(torch.rand(1, 256, 4, 4)))
    assert names == [form]


def test_a_map_in_portions_is_the_map_at_once(monkeypatch):
    layer, x = built("convolution")
    whole = values_and_gradients(layer, x, "grouped")
    monkeypatch.setattr(_grouped_products, "_PORTION", 1)
    for actual, expected in zip(values_and_gradients(layer, x, "grouped"), whole, strict=True):
        assert far(actual, expected) <= DOUBLE


def test_every_rule_of_the_table_names_a_form_and_is_reached():
    def corner(rule, operation):
        least = int(max(4, rule.channels[0]))
        return Case(
            operation,
            bool(rule.evaluation),
            least,
            least,
            int(max(1, rule.batch[0])),
            int(max(1, rule.positions[0])),
            rule.device,
            rule.dtype,
            bool(rule.channels_last),
            taps=max(1.0, rule.taps[0]),
        )

    for rule in RULES:
        for operation in rule.operations:
            assert rule.form in _dispatch.FORMS[operation]
            first = next(other for other in RULES if other.holds(corner(rule, operation)))
            assert first is rule


def test_layers_ask_the_table_for_what_they_do():
    asked = []

    def spy(case):
        asked.append(case)
        return "plain"

    with patch.object(_dispatch, "tabled_form", spy):
        QuaternionConv2d(8, 16, 3, stride=(1, 2))(torch.zeros(2, 8, 5, 6))
        QuaternionConvTranspose2d(16, 8, 3, groups=2)(torch.zeros(2, 16, 5, 6).to(memory_format=torch.channels_last))
        with torch.no_grad():
            QuaternionLinear(8, 12)(torch.zeros(2, 3, 8))
    assert asked == [
        Case("conv2d", False, 8, 16, 2, 60, "cpu", torch.float32, False, 1, 4.5),
        Case("conv_transpose2d", False, 16, 8, 2, 60, "cpu", torch.float32, True, 2, 9.0),
        Case("linear", True, 8, 12, 6, 6, "cpu", torch.float32, False, 1, 1.0),
    ]
