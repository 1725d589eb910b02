import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hamiltone.networks import build_network, vgg
from hamiltone.quaternion import QuaternionBatchNorm2d, QuaternionConv2d, QuaternionLinear

EMBEDDING = (4, 64, 64)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("algebra", "options", "count"),
    [
        ("real", {"pool": "adaptive"}, 134_275_780),
        ("real", {"pool": "flatten"}, 165_733_060),
        ("quaternion", {"input_shape": EMBEDDING}, 9_998_020),
        ("real", {"input_shape": EMBEDDING}, 39_905_668),
    ],
)
def test_parameter_counts_of_the_full_size(algebra: str, options: dict, count: int) -> None:
    with torch.device("meta"):
        assert parameters(vgg(16, algebra, 4, **options)) == count


@pytest.mark.parametrize(
    ("depth", "count"), [(11, 132_863_336), (13, 133_047_848), (16, 138_357_544), (19, 143_667_240)]
)
def test_parameter_counts_are_those_that_are_published_for_images(depth: int, count: int) -> None:
    """Three colours, 1,000 classes: Simonyan & Zisserman (2015), table 2, to the last digit as torchvision has them."""
    with torch.device("meta"):
        assert parameters(vgg(depth, "real", 1000, pool="adaptive", input_shape=(3, 224, 224))) == count


@pytest.mark.parametrize("algebra", ["real", "quaternion"])
@pytest.mark.parametrize("depth", [11, 13, 16, 19])
@pytest.mark.parametrize(("pool", "norm"), [("adaptive", "none"), ("flatten", "none"), ("mean", "batch")])
def test_every_network_gives_scores_and_gradients(algebra: str, depth: int, pool: str, norm: str) -> None:
    network = vgg(depth, algebra, 5, width=1 / 16, pool=pool, norm=norm, input_shape=(4, 64, 32))
    convolutions = [m for m in network.features if isinstance(m, nn.Conv2d | QuaternionConv2d)]
    assert len(convolutions) == depth - 3
    scores = network(torch.rand(2, 4, 64, 32))
    assert scores.shape == (2, 5)
    scores.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_parameters_are_named_as_torchvision_names_them() -> None:
    names = list(vgg(16, "real", 4, width=1 / 16).state_dict())
    convolutions = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    expected = [f"features.{i}.{kind}" for i in convolutions for kind in ("weight", "bias")]
    expected += [f"classifier.{i}.{kind}" for i in (0, 3, 6) for kind in ("weight", "bias")]
    assert names == expected


def test_batch_norms_stand_between_convolution_and_relu_as_in_torchvision() -> None:
    kinds = {"real": (nn.Conv2d, nn.BatchNorm2d), "quaternion": (QuaternionConv2d, QuaternionBatchNorm2d)}
    for algebra, (convolution, norm) in kinds.items():
        network = vgg(11, algebra, 3, width=1 / 16, norm="batch", input_shape=EMBEDDING)
        start = [type(module) for module in list(network.features)[:4]]
        assert start == [convolution, norm, nn.ReLU, nn.MaxPool2d]
        assert sum(isinstance(module, norm) for module in network.features) == 8


def test_the_mean_pool_forgets_places() -> None:
    torch.manual_seed(0)
    network = vgg(11, "real", 3, width=1 / 16, pool="mean", input_shape=(1, 64, 64)).eval()
    maps = network.features(torch.rand(2, 1, 64, 64))
    assert network.classifier[0].in_features == maps.shape[1]
    torch.testing.assert_close(network.pool(maps).flatten(1), maps.mean(dim=(2, 3)))


def test_the_last_layer_is_real_in_either_algebra() -> None:
    network = vgg(11, "quaternion", 3, width=1 / 16, input_shape=EMBEDDING)
    assert [type(network.classifier[i]) for i in (0, 3, 6)] == [QuaternionLinear, QuaternionLinear, nn.Linear]


def test_real_layers_start_as_torchvisions_do() -> None:
    torch.manual_seed(0)
    network = vgg(16, "real", 10, width=0.5, hidden=512, input_shape=(1, 64, 64))
    layer = network.features[7]
    assert isinstance(layer, nn.Conv2d)
    # Kaiming normal, fan out: variance 2 / (9 x channels out)
    assert layer.weight.std().item() == pytest.approx((2 / (9 * layer.out_channels)) ** 0.5, rel=0.02)
    hidden = network.classifier[3]
    assert isinstance(hidden, nn.Linear)
    assert hidden.weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert all(not value.any() for name, value in network.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize("start", ["glorot", "he"])
def test_quaternion_convolutions_start_as_asked(start: str) -> None:
    """Of four components with one modulus of 4 x scale^2: scale^2 each, 1 / (2 (n_in + n_out)) or 1 / (2 n_in)."""
    torch.manual_seed(0)
    network = vgg(16, "quaternion", width=1 / 4, start=start, input_shape=EMBEDDING)
    assert network.settings()["start"] == start
    for layer in list(network.features)[2:]:  # the first has 36 quaternions, too few to tell
        if isinstance(layer, QuaternionConv2d):
            fan = 9 / 4 * (layer.in_channels + (layer.out_channels if start == "glorot" else 0))
            assert layer.weight.square().mean().item() == pytest.approx(
                1 / (2 * fan), rel=0.2
            )  # glorot: at least 1.5 times less than he
    linear = network.classifier[3]
    assert isinstance(linear, QuaternionLinear)
    assert linear.weight.square().mean().item() == pytest.approx(2 / linear.in_features, rel=0.02)  # He in both


@given(st.sampled_from([1 / 16, 1 / 8, 1 / 4, 1 / 2]), st.sampled_from(["real", "quaternion"]))
@settings(max_examples=8, deadline=None)
def test_settings_make_the_same_shape_again(width: float, algebra: str) -> None:
    with torch.device("meta"):
        network = vgg(11, algebra, 4, width=width, input_shape=EMBEDDING)
        again = network.settings()
        twin = build_network(network.config, network.input_shape, network.classes)
    assert again["hidden"] == 4096 * width
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    assert shapes == {name: value.shape for name, value in twin.state_dict().items()}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 12}, "depth 12 is none of 11, 13, 16 or 19"),
        ({"algebra": "octonion"}, "'octonion' is none of 'real' or 'quaternion'"),
        ({"pool": "max"}, "'max' is none of"),
        ({"start": "xavier"}, "'xavier' is none of 'glorot' or 'he'"),
        ({"classes": 0}, "0 classes"),
        ({"width": 0.3}, "choose one that gives whole ones"),
        ({"algebra": "quaternion"}, "1 input channels of a quaternion network"),
        ({"algebra": "quaternion", "input_shape": EMBEDDING, "width": 1 / 32}, "multiple of 4"),
        ({"input_shape": (1, 16, 64)}, "at least 32 x 32"),
    ],
)
def test_impossible_networks_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vgg(**{"width": 1 / 16, **options})
