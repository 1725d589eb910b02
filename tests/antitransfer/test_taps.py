"""Which maps are read from which networks, once, and when a network stops."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from hamiltone.antitransfer import FeatureTaps, ForwardStop, convolutions, freeze, frozen_maps


def batch(seed: int = 0, size: int = 3) -> Tensor:
    return torch.randn(size, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def read(network: nn.Module, x: Tensor, layers: list[int | str]) -> dict[int | str, Tensor]:
    with FeatureTaps(network, layers) as taps:
        network(x)
        return taps.take()


def test_convolutions_in_order_of_definition(networks):
    assert list(convolutions(networks.vgg_like())) == ["0.0", "0.2", "0.6", "0.9"]
    blocks = [f"blocks.{i}.conv{j}" for i in (0, 1) for j in (1, 2)]
    assert list(convolutions(networks.ResNetLike())) == ["stem", *blocks]


def test_quaternion_layers_count_and_transposed_ones_do_not(networks):
    assert list(convolutions(networks.quaternion_like())) == ["0", "4"]
    assert list(convolutions(nn.Sequential(nn.ConvTranspose2d(1, 1, 3), nn.Conv1d(1, 1, 3), nn.Linear(1, 1)))) == ["1"]


def test_a_container_that_looks_like_a_convolution_is_looked_into(networks):
    container = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3))
    container.in_channels, container.out_channels, container.kernel_size = 1, 2, 3  # pyright: ignore
    assert list(convolutions(nn.Sequential(container))) == ["0.0", "0.1"]
    layer = networks.QuaternionLike(4, 4)
    layer.part = nn.Conv2d(4, 4, 1)
    assert list(convolutions(nn.Sequential(layer))) == ["0"]


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_maps_of_a_vgg_are_those_after_the_relus(networks, inplace, training):
    network = networks.vgg_like(inplace=inplace).train(training)
    features, x = network[0], batch()
    torch.manual_seed(0)
    maps = read(network, x, [1, 2, "0.6", 4])
    torch.manual_seed(0)
    # The same by hand, cutting the network after its ReLUs.
    y = x
    for layer, start, end in [(1, 0, 2), (2, 2, 5), ("0.6", 5, 8), (4, 8, 11)]:
        y = features[start:end](y)
        torch.testing.assert_close(maps[layer], y)
        assert (maps[layer] >= 0).all() and maps[layer].requires_grad
    assert list(maps) == [1, 2, "0.6", 4]


def test_maps_of_a_resnet_with_one_relu_in_many_places(networks):
    network, x = networks.ResNetLike().eval(), batch()
    maps = read(network, x, [1, 2, 3, 4, 5])
    y = functional.relu(network.bn(network.stem(x)))
    torch.testing.assert_close(maps[1], y)
    for i, block in enumerate(network.blocks):
        inner = functional.relu(block.bn1(block.conv1(y)))
        torch.testing.assert_close(maps[2 + 2 * i], inner)
        y = functional.relu(block.bn2(block.conv2(inner)) + y)
        torch.testing.assert_close(maps[3 + 2 * i], y)


def test_without_an_activation_module_the_relu_of_the_convolution_itself_is_taken(networks):
    network, x = networks.Functional(), batch()
    maps = read(network, x, [1, 2, 3])
    one = functional.relu(network.first(x))
    two = network.second(one)
    three = network.last(two + one)
    for layer, expected in {1: one, 2: two, 3: three}.items():
        torch.testing.assert_close(maps[layer], functional.relu(expected))
        assert (expected < 0).any() == (layer > 1), "layers 2 and 3 must have something to rectify"


def test_a_convolution_that_is_the_network_itself():
    conv, x = nn.Conv2d(1, 2, 3), batch()
    torch.testing.assert_close(read(conv, x, [1])[1], functional.relu(conv(x)))
    torch.testing.assert_close(frozen_maps(conv, x, layers=[1])[1], functional.relu(conv(x)))


def test_other_activations_count_too():
    network, x = nn.Sequential(nn.Conv2d(1, 2, 3), nn.LeakyReLU(), nn.Conv2d(2, 2, 3), nn.Softmax(1)), batch()
    maps = read(network, x, [1, 2])
    torch.testing.assert_close(maps[1], network[:2](x))
    torch.testing.assert_close(maps[2], functional.relu(network[:3](x)))


@pytest.mark.parametrize("inplace", [False, True])
def test_before_the_activation_is_what_the_activation_gets(networks, inplace):
    network, x = networks.vgg_like(inplace=inplace).eval(), batch()
    features = network[0]
    with FeatureTaps(network, [1, 2, "0.6"], before_activation=True) as taps:
        network(x)
        maps = taps.take()
    first = features[0](x)
    second = features[2:4](functional.relu(first))  # the batch norm counts
    third = features[6](features[4:6](second.clone()))
    for layer, expected in {1: first, 2: second, "0.6": third}.items():
        torch.testing.assert_close(maps[layer], expected)
        assert (maps[layer] < 0).any() and maps[layer].requires_grad
    stopped = frozen_maps(network, x, layers=[1, 2], before_activation=True)
    torch.testing.assert_close(stopped[2], second.detach())


def test_before_the_activation_is_the_convolution_itself_where_there_is_no_module(networks):
    network, x = networks.Functional(), batch()
    with FeatureTaps(network, [1, 3], before_activation=True) as taps:
        network(x)
        maps = taps.take()
    first = network.first(x)
    second = network.second(functional.relu(first)) + functional.relu(first)
    torch.testing.assert_close(maps[1], first)
    torch.testing.assert_close(maps[3], network.last(second))


def test_an_activation_that_is_called_by_name_is_read_too():
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.activation = nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.activation(input=self.convolution(input=x))

    network = Named()
    for before in (False, True):
        with FeatureTaps(network, [1], before_activation=before) as taps:
            network(batch())
            expected = network.convolution(batch())
            torch.testing.assert_close(taps.take()[1], expected if before else functional.relu(expected))


def test_a_convolution_used_twice_gives_its_first_map_in_both_ways_of_reading():
    conv = nn.Conv2d(1, 1, 3, padding=1)
    network, x = nn.Sequential(conv, nn.ReLU(), conv, nn.ReLU()), batch()
    first = functional.relu(conv(x))
    torch.testing.assert_close(read(network, x, [1])[1], first)
    torch.testing.assert_close(frozen_maps(network, x, layers=[1])[1], first)


def test_gradients_reach_the_weights_through_the_map(networks):
    network, x = networks.vgg_like(), batch()
    read(network, x, [2])[2].sum().backward()
    weights = {name: p.grad for name, p in network.named_parameters()}
    assert weights["0.0.weight"] is not None and weights["0.2.weight"] is not None
    assert weights["0.6.weight"] is None and weights["2.weight"] is None


def test_the_last_forward_counts_and_is_taken_once(networks):
    network = networks.vgg_like().eval()
    with FeatureTaps(network, [1]) as taps:
        with pytest.raises(RuntimeError, match="no feature maps: call the network"):
            taps.take()
        network(batch(0))
        network(batch(1))
        torch.testing.assert_close(taps.take()[1], network[0][:2](batch(1)))
        with pytest.raises(RuntimeError, match="no feature maps"):
            taps.take()


def test_maps_of_an_interrupted_forward_are_never_given(networks):
    network = networks.vgg_like().eval()
    with FeatureTaps(network, [1]) as taps:
        network(batch(0))
        with pytest.raises(RuntimeError, match="mat1 and mat2"):
            network(torch.zeros(3, 1, 16, 16))
        with pytest.raises(RuntimeError, match="no feature maps"):
            taps.take()


def test_running_a_part_of_the_network_reads_nothing(networks):
    network = networks.vgg_like().eval()
    with FeatureTaps(network, [1]) as taps:
        network(batch(0))
        network[0](batch(1))
        torch.testing.assert_close(taps.take()[1], network[0][:2](batch(0)))
        network[0](batch(1))
        assert not taps._maps and taps._pending is None


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad])
def test_a_map_that_was_changed_in_place_is_refused(mode):
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.GELU(), nn.Dropout(0.5, inplace=True))
    with FeatureTaps(network, [1]) as taps:
        with mode():
            network(batch())
        with pytest.raises(RuntimeError, match="layer 1: a later module changed the map in place"):
            taps.take()


def test_inference_mode_keeps_the_map_from_later_changes():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.GELU(), nn.Dropout(0.5, inplace=True))
    with torch.inference_mode():
        torch.testing.assert_close(read(network, batch(), [1])[1], network[:2](batch()))


def test_a_layer_that_does_not_run_is_told():
    network = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Identity())
    network[1].unused = nn.Conv2d(1, 1, 3)
    with pytest.raises(RuntimeError, match=r"layer '1\.unused' did not run"):
        read(network, batch(), [1, "1.unused"])


def test_hooks_are_removed_and_the_output_is_untouched(networks):
    network = networks.ResNetLike().eval()
    expected = network(batch())
    with FeatureTaps(network, [1, 3]) as taps:
        assert torch.equal(network(batch()), expected)
        assert any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    with pytest.raises(RuntimeError, match="no feature maps"):
        taps.take()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([5], "no layer 5: the network has 4 convolutions, counted from 1"),
        ([0], "no layer 0: the network has 4 convolutions"),
        ([-1], "no layer -1: the network has 4 convolutions"),
        ([True], "no layer True"),
        (["0.3"], "no convolution '0.3': the network has 4 convolutions, near names: 0.[0269]"),
        (["quite.another"], "no convolution 'quite.another': the network has 4 convolutions$"),
        ([1, 1], "layer 1 is given twice"),
        ([2, "0.2"], "layer '0.2' is given twice \\(convolution '0.2'\\)"),
        ([], "layers must be a non-empty list"),
        ("0.0", "layers must be a non-empty list"),
    ],
)
def test_layers_that_do_not_exist_are_refused(networks, layers, message):
    network = networks.vgg_like()
    with pytest.raises(ValueError, match=message):
        FeatureTaps(network, layers)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


def test_frozen_maps_are_those_of_evaluation_mode_without_gradients(networks):
    network, x = networks.vgg_like(), batch()
    network.train()
    network[0].eval()
    reference = copy.deepcopy(network).eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    x.requires_grad_()
    random_state = torch.get_rng_state()
    maps = frozen_maps(network, x, layers=[2, 4])
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert network.training and not network[0].training and network[4].training, "it is left as it was found"
    for layer, expected in read(reference, x, [2, 4]).items():
        torch.testing.assert_close(maps[layer], expected.detach())
        assert not maps[layer].requires_grad


@pytest.mark.parametrize(("layers", "ran"), [([1], 1), ([2], 2), ([3, 1], 3), ([4], 4)])
def test_a_frozen_forward_stops_after_its_deepest_layer(networks, layers, ran):
    network, calls = networks.vgg_like(), []
    for name, module in network.named_modules():
        if not list(module.children()):
            module.register_forward_pre_hook(lambda _module, _inputs, name=name: calls.append(name))
    frozen_maps(network, batch(), layers=layers)
    last = {1: "0.1", 2: "0.4", 3: "0.7", 4: "0.10"}[ran]
    assert calls == [f"0.{i}" for i in range(int(last.split(".")[1]) + 1)]


def test_without_activation_modules_it_stops_before_the_next_layer_computes(networks):
    network, computed = networks.Functional(), []
    for name, module in convolutions(network).items():
        module.register_forward_hook(lambda _module, _inputs, _output, name=name: computed.append(name))
    frozen_maps(network, batch(), layers=[2])
    assert computed == ["first", "second"]


def test_the_stop_passes_through_a_network_that_catches_errors(networks):
    class Careful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = networks.vgg_like()

        def forward(self, x: Tensor) -> Tensor:
            try:
                return self.inner(x)
            except Exception:
                pytest.fail("the stop was taken for an error")

    network = Careful()
    assert frozen_maps(network, batch(), layers=[1])[1].shape == (3, 4, 8, 8)
    with FeatureTaps(network, [1], stop=True), pytest.raises(ForwardStop):
        network(batch())


def test_freeze_sets_evaluation_mode_and_stops_gradients(networks):
    network = networks.vgg_like()
    assert freeze(network) is network
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_freeze_loads_all_weights_and_buffers(networks):
    source, network = networks.vgg_like(), networks.vgg_like()
    source(batch())
    freeze(network, source.state_dict())
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in network.state_dict().items())


def test_freeze_names_the_keys_that_do_not_fit_and_loads_nothing(networks):
    network = networks.vgg_like()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    weights = {key: value + 1 for key, value in before.items()}
    weights["extra"] = weights.pop("5.bias")
    weights["5.weight"] = torch.zeros(7, 6)
    with pytest.raises(ValueError, match="do not fit") as error:
        freeze(network, weights)
    assert str(error.value) == (
        "the weights do not fit the network; missing: 5.bias; unexpected: extra; "
        "of another shape: 5.weight ((7, 6) for (3, 6))"
    )
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_freeze_shortens_many_keys_to_one_line(networks):
    network = networks.vgg_like()
    with pytest.raises(ValueError, match=r"missing: 0\.0\.weight, 0\.0\.bias, 0\.2\.weight and 14 more$") as error:
        freeze(network, {})
    assert "\n" not in str(error.value)
