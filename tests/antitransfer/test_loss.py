"""The loss beside a trained network: values, gradients, life cycle and misuse."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu
from torch.utils.checkpoint import checkpoint

from hamiltone.antitransfer import AntiTransferLoss, frozen_maps, map_distance


def batch(seed: int = 0, size: int = 3, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(size, 1, 8, 8, generator=torch.Generator().manual_seed(seed)).to(dtype)


def equation_1(a: Tensor, b: Tensor) -> float:
    """One example's maps (channel, time, frequency)."""
    g, h = (torch.einsum("itf,jtf->ij", x, x) for x in (a.detach().double(), b.detach().double()))
    return float(((g * h).sum() / (g.norm() * h.norm())) ** 2)


@pytest.fixture
def two(networks):
    """A trained and a frozen network of one structure."""
    torch.manual_seed(0)
    return networks.vgg_like(), networks.vgg_like()


def test_equals_a_loop_over_examples_and_layers(two):
    network, frozen = two
    network.eval()
    x = batch()
    loss = AntiTransferLoss(frozen, layers=[1, "0.6"], weight=0.7).attach(network)
    network(x)
    value = loss(x)
    ours, theirs = (frozen_maps(n, x, layers=[1, "0.6"]) for n in two)
    per_layer = {
        layer: sum(equation_1(ours[layer][i], theirs[layer][i]) for i in range(len(x))) / len(x) for layer in ours
    }
    assert value.shape == ()
    assert value.item() == pytest.approx(0.7 * sum(per_layer.values()), rel=1e-5)
    assert list(loss.last) == [1, "0.6"]
    for layer, similarity in loss.last.items():
        assert similarity.item() == pytest.approx(per_layer[layer], rel=1e-5) and not similarity.requires_grad


def test_examples_do_not_mix(two):
    network, frozen = two
    network.eval()
    with AntiTransferLoss(frozen, layers=[3]).attach(network) as loss:
        values = []
        for x in [batch(), *batch().split(1)]:
            network(x)
            values.append(loss(x).item())
    assert values[0] == pytest.approx(sum(values[1:]) / 3, rel=1e-5)


@pytest.mark.parametrize(("aggregation", "distance"), [("max", "squared_cosine"), ("gram", "negative_sigmoid_mse")])
def test_other_aggregations_and_distances(two, aggregation, distance):
    network, frozen = two
    network.eval()
    x = batch()
    ours, theirs = (frozen_maps(n, x, layers=[2])[2] for n in two)
    loss = AntiTransferLoss(frozen, [2], aggregation=aggregation, distance=distance).attach(network)
    network(x)
    torch.testing.assert_close(loss(x).detach(), map_distance(ours, theirs, aggregation, distance).mean())


def test_the_gradient_is_that_of_equation_1_by_hand(two):
    network, frozen = (n.double() for n in two)
    network.eval()
    x = batch(dtype=torch.float64)
    with AntiTransferLoss(frozen, layers=[1], weight=2.0).attach(network) as loss:
        network(x)
        loss(x).backward()
    conv = network[0][0]
    ours, conv.weight.grad = conv.weight.grad, None
    f, h = relu(conv(x)).flatten(2), relu(frozen[0][0](x)).flatten(2)
    g, k = f @ f.mT, h @ h.mT
    (2 * (((g * k).sum((1, 2)) / (g.norm(dim=(1, 2)) * k.norm(dim=(1, 2)))) ** 2).mean()).backward()
    torch.testing.assert_close(ours, conv.weight.grad, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("kind", ["vgg_like", "ResNetLike", "Functional"])
def test_training_lowers_the_term_and_never_touches_the_frozen_network(networks, kind):
    torch.manual_seed(1)
    network, frozen = getattr(networks, kind)(), getattr(networks, kind)()
    frozen.train()
    before = {key: value.clone() for key, value in frozen.state_dict().items()}
    loss = AntiTransferLoss(frozen, layers=[2], weight=1.0).attach(network)
    adam = torch.optim.Adam(network.parameters(), 1e-2)
    x, y, terms = batch(size=6), torch.arange(6) % 3, []
    for _ in range(15):
        loss.train()
        frozen.train()
        scores = network(x)
        term = loss(x)
        (0.1 * cross_entropy(scores, y) + term).backward()
        adam.step()
        adam.zero_grad()
        terms.append(term.item())
    assert terms[-1] < terms[0] - 0.02
    assert all(torch.equal(value, before[key]) for key, value in frozen.state_dict().items())
    assert all(p.grad is None and not p.requires_grad for p in frozen.parameters())


def test_the_frozen_network_sees_a_detached_input_in_evaluation_mode(two):
    network, frozen = two
    loss = AntiTransferLoss(frozen, layers=[4]).attach(network)
    frozen.train()
    x, seen = batch().requires_grad_(), []
    frozen[0].register_forward_pre_hook(
        lambda module, inputs: seen.append((module.training, inputs[0].requires_grad, torch.is_grad_enabled()))
    )
    network(x)
    loss(x)
    assert seen == [(False, False, False)]


def test_the_trained_network_runs_once_and_its_scores_stay(two):
    network, frozen = two
    network.eval()
    x, calls = batch(), []
    expected = network(x)
    network[0][0].register_forward_hook(lambda *_: calls.append(1))
    with AntiTransferLoss(frozen, layers=[1, 4]).attach(network) as loss:
        scores = network(x)
        (scores.sum() + loss(x)).backward()
    assert torch.equal(scores, expected) and calls == [1]


def test_gradient_accumulation_adds_up(two):
    network, frozen = two
    network.eval()
    parameters = list(network[0][0].parameters())
    grads = []
    with AntiTransferLoss(frozen, layers=[1]).attach(network) as loss:
        for parts in ([batch(size=4)], list(batch(size=4).split(2))):
            network.zero_grad()
            for x in parts:
                network(x)
                (loss(x) / len(parts)).backward()
            grads.append([p.grad.clone() for p in parameters])
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", ["vgg_like", "Functional"])
def test_a_checkpointed_network_has_the_same_gradients(networks, kind):
    class Checkpointed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.checkpointing = getattr(networks, kind)().eval(), False

        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(self.inner, x, use_reentrant=False) if self.checkpointing else self.inner(x)

    network, grads = Checkpointed(), []
    with AntiTransferLoss(getattr(networks, kind)(), layers=[1, 2]).attach(network) as loss:
        for network.checkpointing in (False, True):
            network.zero_grad()
            scores = network(batch())
            (scores.sum() + loss(batch())).backward()
            grads.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    torch.testing.assert_close(grads[0], grads[1])


def test_the_last_of_several_forwards_counts(two):
    network, frozen = two
    network.eval()
    with AntiTransferLoss(frozen, layers=[1]).attach(network) as loss:
        network(batch(1))
        network(batch(2))
        value = loss(batch(2))
        network(batch(2))
        assert torch.equal(loss(batch(2)), value)


def test_stored_maps_equal_the_live_network(two, tmp_path: Path):
    network, frozen = two
    network.eval()
    data, rows = batch(size=7), torch.tensor([5, 0, 3])
    maps = frozen_maps(frozen, data, layers=[1, 3])
    mapped = {}
    for layer, values in maps.items():
        size = values.numel()
        mapped[layer] = torch.from_file(str(tmp_path / str(layer)), shared=True, size=size).view_as(values)
        mapped[layer].copy_(values)
    values = []
    for loss, arguments in [
        (AntiTransferLoss(frozen, layers=[1, 3]), {"inputs": [data[rows]]}),
        (AntiTransferLoss(mapped, layers=[1, 3]), {"index": rows}),
        (AntiTransferLoss({k: v.half() for k, v in maps.items()}, layers=[1, 3]), {"index": rows.int()}),
        (AntiTransferLoss({k: v[rows].double() for k, v in maps.items()}, layers=[1, 3]), {}),
    ]:
        with loss.attach(network):
            network.zero_grad()
            network(data[rows])
            value = loss(*arguments.pop("inputs", []), **arguments)
            value.backward()
            values.append((value.item(), network[0][0].weight.grad.clone()))
    assert values[1][0] == values[0][0] and torch.equal(values[1][1], values[0][1])
    for value, grad in values[2:]:
        assert value == pytest.approx(values[0][0], rel=1e-3)
        torch.testing.assert_close(grad, values[0][1], rtol=1e-2, atol=1e-4)


def test_nothing_of_the_frozen_network_is_offered_or_saved(two):
    network, frozen = two
    keys, count = list(network.state_dict()), len(list(network.parameters()))
    network.anti_transfer = AntiTransferLoss(frozen, layers=[1]).attach(network)
    assert list(network.state_dict()) == keys
    assert len(list(network.parameters())) == count
    assert list(network.anti_transfer.parameters()) == []


def test_the_frozen_network_follows_to(two):
    network, frozen = two
    loss = AntiTransferLoss(frozen, layers=[1]).to(torch.float64).attach(network.double())
    x = batch(dtype=torch.float64)
    network(x)
    assert loss(x).dtype == torch.float64
    stored = AntiTransferLoss({1: torch.ones(3, 4, 8, 8, dtype=torch.float16)}, layers=[1]).to(torch.float64)
    with stored.attach(network):
        network(x)
        assert stored().dtype == torch.float64


def test_autocast(two):
    network, frozen = two
    network.eval()
    x = batch()
    with AntiTransferLoss(frozen, layers=[1, 3]).attach(network) as loss:
        network(x)
        expected = loss(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            network(x)
            value = loss(x)
        value.backward()
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(expected.item(), rel=5e-2)
    assert network[0][0].weight.grad.isfinite().all()


def test_quaternion_maps_are_compared_with_all_their_channels(networks):
    torch.manual_seed(0)
    network, frozen = networks.quaternion_like(), networks.quaternion_like()
    x = torch.randn(2, 4, 5, 5)
    with AntiTransferLoss(frozen, layers=[2]).attach(network) as loss:
        output = network(x)
        value = loss(x)
    expected = sum(equation_1(a, b) for a, b in zip(output, frozen(x), strict=True)) / 2
    assert output.shape[1] == 8 and value.item() == pytest.approx(expected, rel=1e-5)


def test_no_map_outlives_its_use(two):
    network, frozen = two
    with AntiTransferLoss(frozen, layers=[1]).attach(network) as loss:
        network(batch())
        loss(batch())
        assert loss._taps is not None and not loss._taps._maps and loss._taps._pending is None
        copied = copy.deepcopy(network)
    assert torch.equal(copied[0][0].weight, network[0][0].weight)


def test_misuse_of_the_life_cycle(two):
    network, frozen = two
    loss = AntiTransferLoss(frozen, layers=[1])
    with pytest.raises(RuntimeError, match="no network is attached"):
        loss(batch())
    with loss.attach(network):
        with pytest.raises(RuntimeError, match="a network is attached already"):
            loss.attach(copy.deepcopy(network))
        with pytest.raises(RuntimeError, match="no feature maps"):
            loss(batch())
        network(batch())
        loss(batch())
        with pytest.raises(RuntimeError, match="no feature maps"):
            loss(batch())
    with pytest.raises(RuntimeError, match="no network is attached"):
        loss(batch())
    assert not any(m._forward_hooks or m._forward_pre_hooks for n in two for m in n.modules())
    loss.attach(network).detach()
    loss.detach()


def test_a_network_is_never_compared_with_itself(two):
    _, frozen = two
    loss = AntiTransferLoss(frozen, layers=[1])
    for same in (frozen, nn.Sequential(frozen), nn.Sequential(frozen[0][0])):
        with pytest.raises(ValueError, match="is the frozen one or shares weights"):
            loss.attach(same)
    loss.attach(copy.deepcopy(frozen))


def test_networks_of_another_structure_are_told_by_layer_and_shapes(two, networks):
    network, _ = two
    with AntiTransferLoss(networks.vgg_like(channels=5), layers=[2]).attach(network) as loss:
        network(batch())
        with pytest.raises(ValueError, match=r"layer 2: .* \(3, 4, 8, 8\), the frozen network's \(3, 5, 8, 8\)"):
            loss(batch())
        network(batch())
        with pytest.raises(ValueError, match=r"layer 2: .* \(3, 4, 8, 8\), the frozen network's \(2, 5, 8, 8\)"):
            loss(batch(size=2))
    with pytest.raises(ValueError, match="no layer 5: the network has 4 convolutions"):
        AntiTransferLoss(networks.ResNetLike(), layers=[5]).attach(network)
    assert not any(m._forward_hooks for m in network.modules())


def test_arguments_that_do_not_suit_the_targets(two):
    network, frozen = two
    x, rows = batch(), torch.tensor([0, 1, 2])
    with AntiTransferLoss(frozen, layers=[1]).attach(network) as live:
        network(x)
        with pytest.raises(ValueError, match="without an index"):
            live(index=rows)
        value = live()  # the refused call did not use the maps up; the frozen network gets what the trained one got
        network(x)
        assert torch.equal(value, live(x))
    with AntiTransferLoss({1: torch.ones(5, 4, 8, 8)}, layers=[1]).attach(network) as stored:
        network(x)
        with pytest.raises(ValueError, match="without the input"):
            stored(x)
        for bad in ([0, 1, 5], [-1, 0, 1]):
            with pytest.raises(ValueError, match=rf"index must be in 0\.\.4, got {min(bad)}\.\.{max(bad)}"):
                stored(index=torch.tensor(bad))
        with pytest.raises(ValueError, match=r"\(3, 4, 8, 8\), the frozen network's \(5, 4, 8, 8\)"):
            stored()
        network(x)
        stored(index=rows)


def test_an_empty_batch_is_refused(two):
    network, frozen = two
    network.eval()
    with AntiTransferLoss(frozen, layers=[1]).attach(network) as loss:
        network(batch()[:0])
        with pytest.raises(ValueError, match="layer 1: the batch is empty"):
            loss(batch()[:0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": []}, "layers must be"),
        ({"layers": [1, 1]}, "twice|unique"),
        ({"layers": "1"}, "layers must be"),
        (
            {"layers": [9]},
            "no layer 9: the network has 4 conv|no stored maps for layers \\[9\\]: there are maps for \\[",
        ),
        ({"layers": [1], "weight": float("nan")}, "weight of the anti-transfer loss must be finite, got nan"),
        ({"layers": [1], "aggregation": "median"}, "unknown aggregation 'median'"),
        ({"layers": [1], "distance": "l1"}, "unknown distance 'l1'"),
    ],
)
@pytest.mark.parametrize("stored", [False, True])
def test_settings_that_cannot_be_are_refused(two, settings, message, stored):
    targets = {1: torch.ones(2, 4, 8, 8)} if stored else two[1]
    with pytest.raises(ValueError, match=message):
        AntiTransferLoss(targets, **settings)


def test_stored_maps_of_different_data_are_refused():
    with pytest.raises(ValueError, match=r"same number of rows in each layer, got \{1: 2, 2: 3\}"):
        AntiTransferLoss({1: torch.ones(2, 4, 8), 2: torch.ones(3, 4, 8)}, layers=[1, 2])
