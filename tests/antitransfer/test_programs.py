# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportIndexIssue=false, reportCallIssue=false
"""What programs do with a network that a loss listens to: calls by name, copies, averages, checkpoints, compilation."""

import copy
import gc
import io
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn
from torch.utils.checkpoint import checkpoint

from hamiltone.antitransfer import AntiTransferLoss, FeatureTaps, frozen_maps


def batch(seed: int = 0) -> Tensor:
    return torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


class Masked(nn.Module):
    """A network with a second argument."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.inner(x if mask is None else x * mask)


class System(nn.Module):
    """A network and the loss that listens to it, in either order of definition."""

    def __init__(self, networks: Any, *, loss_first: bool) -> None:
        super().__init__()
        network, loss = networks.vgg_like(inplace=False).eval(), AntiTransferLoss(networks.vgg_like(), layers=[1, 3])
        for name, part in sorted({"network": network, "loss": loss}.items(), reverse=not loss_first):
            setattr(self, name, part)
        loss.attach(network)

    def forward(self, x: Tensor) -> Tensor:
        self.network(x)
        return self.loss()


@pytest.fixture(params=[False, True], ids=["network first", "loss first"])
def system(networks, request) -> System:
    torch.manual_seed(0)
    return System(networks, loss_first=request.param)


def test_calls_by_name_reach_the_frozen_network(networks):
    torch.manual_seed(0)
    network, frozen = Masked(networks.vgg_like()).eval(), Masked(networks.vgg_like())
    x, mask = batch(), (batch(1) > 0).float()
    values = []
    with AntiTransferLoss(frozen, layers=[2]).attach(network) as loss:
        for inputs, keywords in (((x, mask), {}), ((x,), {"mask": mask}), ((), {"x": x, "mask": mask}), ((x,), {})):
            network(*inputs, **keywords)
            values.append(loss().item())
            network(*inputs, **keywords)
            assert loss(*inputs, **keywords).item() == values[-1]
        assert values[0] == values[1] == values[2] != values[3]
        assert loss._taps is not None and loss._taps.arguments == ((), {}), "nothing of a batch outlives its use"
    named = frozen_maps(frozen, layers=[1], keywords={"x": x.requires_grad_(), "mask": mask})[1]
    assert torch.equal(named, frozen_maps(frozen, x, mask, layers=[1])[1]) and not named.requires_grad


def test_stored_maps_refuse_arguments_by_name(networks):
    network = networks.vgg_like()
    with AntiTransferLoss({1: torch.ones(4, 4, 8, 8)}, layers=[1]).attach(network) as loss:
        network(batch())
        with pytest.raises(ValueError, match="call the loss without the input"):
            loss(x=batch())


def saved(system: System) -> System:
    buffer = io.BytesIO()
    torch.save(system, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s)), saved])
def test_a_copy_of_both_goes_on_like_the_original_and_apart_from_it(system: System, copied: Callable[[System], System]):
    system.network(batch(1))  # whose maps nobody has taken yet
    twin = copied(system)
    expected = system(batch())
    assert twin(batch()).item() == expected.item()
    twin(batch()).backward()
    assert all(parameter.grad is None for parameter in system.parameters())
    assert any(parameter.grad is not None for parameter in twin.network.parameters())
    twin.loss.detach()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in twin.network.modules())
    assert system(batch()).item() == expected.item()
    gc.collect()
    assert copy.deepcopy(system)(batch()).item() == expected.item(), "a copy of what was copied before"


def test_a_copy_has_no_maps_of_the_last_forward(system: System):
    system.network(batch())
    with pytest.raises(RuntimeError, match="no feature maps: call the network itself"):
        copy.deepcopy(system).loss()
    assert system.loss() > 0


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_nothing_listens_to_a_copy_of_the_network_alone(system: System, networks, copied):
    system.network(batch())
    alone = copied(system.network)
    gc.collect()
    hooks = [hook for m in alone.modules() for hook in m._forward_hooks.values()]
    assert hooks and all(hook._taps is None or hook._taps() is None for hook in hooks), "they hold no maps"
    torch.testing.assert_close(alone(batch(1)), system.network(batch(1)))
    assert torch.equal(system(batch()), system(batch()))
    with AntiTransferLoss(networks.vgg_like(), layers=[2]).attach(alone) as loss:
        alone(batch())
        assert loss() > 0


def test_averages_of_weights_of_the_network_and_of_both(system: System):
    of_both, alone = (AveragedModel(m, multi_avg_fn=get_ema_multi_avg_fn(0.5)) for m in (system, system.network))
    first = system(batch()).item()
    with torch.no_grad():
        for parameter in system.network.parameters():
            parameter.add_(0.1)
    for averaged in (of_both, alone):
        averaged.update_parameters(system if averaged is of_both else system.network)
        averaged.update_parameters(system if averaged is of_both else system.network)
    update_bn([batch(1), batch(2)], alone)
    assert of_both(batch()).item() != first and alone(batch()).shape == (4, 3)


def test_stored_maps_are_shared_by_copies(networks):
    maps = torch.ones(4, 4, 8, 8)
    network = networks.vgg_like()
    loss = AntiTransferLoss({1: maps}, layers=[1]).attach(network)
    twin, twin_loss = copy.deepcopy((network, loss))
    assert twin_loss._source._maps[1] is maps
    twin(batch())
    assert twin_loss().requires_grad


def test_taps_that_nobody_refers_to_do_nothing(networks):
    network = networks.vgg_like(inplace=False)
    FeatureTaps(network, [1])
    gc.collect()
    network(batch())


class Checkpointed(nn.Module):
    """A convolution, then convolutions that are computed again in the backward pass, then a classifier."""

    def __init__(self, inplace: bool) -> None:
        super().__init__()
        self.reentrant: bool | None = None
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.inner = nn.Sequential(nn.ReLU(inplace), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(inplace))
        self.last = nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = self.inner(x) if self.reentrant is None else checkpoint(self.inner, x, use_reentrant=self.reentrant)
        return self.last(x)


def gradients(network: nn.Module, loss: AntiTransferLoss, *, whole: bool = False) -> list[Tensor]:
    network.zero_grad()
    x = batch().requires_grad_()
    scores = checkpoint(network, x, use_reentrant=True) if whole else network(x)
    (scores.square().sum() + 100 * loss()).backward()
    return [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_gradients_with_checkpoints_are_exact_or_refused(layer, inplace, before):
    torch.manual_seed(0)
    network, frozen = Checkpointed(inplace), Checkpointed(inplace)
    with AntiTransferLoss(frozen, layers=[layer], before_activation=before).attach(network) as loss:
        exact = gradients(network, loss)
        if not inplace:
            network.reentrant = False
            torch.testing.assert_close(gradients(network, loss), exact)
        network.reentrant = True
        if layer == 3:  # beyond what is computed again
            if not inplace:  # what torch itself refuses to compute again
                torch.testing.assert_close(gradients(network, loss), exact)
            return
        with pytest.raises(RuntimeError, match=rf"layer {layer}: the map has no gradient, .*use_reentrant=False"):
            gradients(network, loss)


def test_a_network_that_is_a_reentrant_checkpoint_as_a_whole_is_refused(networks):
    network = networks.vgg_like(inplace=False).eval()
    loss = AntiTransferLoss(networks.vgg_like(), layers=[1]).attach(network)
    with pytest.raises(RuntimeError, match="layer 1: the map has no gradient"):
        gradients(network, loss, whole=True)


def test_what_trains_nothing_on_purpose_is_no_error(networks):
    network = networks.vgg_like().eval()
    with AntiTransferLoss(networks.vgg_like(), layers=[1]).attach(network) as loss:
        with torch.no_grad():
            network(batch())
            value = loss()
        network.requires_grad_(False)
        network(batch())
        assert torch.equal(loss(), value)
        network[0][2].requires_grad_()  # behind the layer that is read
        network(batch())
        with pytest.raises(RuntimeError, match="tap a layer behind one that is trained"):
            loss()


# Apart from the tests' process, whose checks of shapes torch cannot compile.
COMPILED = """
import copy, torch
from torch import nn
from hamiltone.antitransfer import AntiTransferLoss
from hamiltone.quaternion import quaternionize

def cnn(inplace):
    layers = [nn.Conv2d(4, 16, 3), nn.BatchNorm2d(16), nn.ReLU(inplace), nn.Conv2d(16, 8, 3), nn.ReLU(inplace)]
    return quaternionize(nn.Sequential(*layers))

x = torch.rand(6, 4, 8, 8, generator=torch.Generator().manual_seed(0))
cases = [
    (False, "gram", "squared_cosine", False),
    (True, "gram", "squared_cosine", False),
    (True, "pooled", "debiased_linear_cka", True),
]
for inplace, aggregation, distance, before in cases:
    torch.manual_seed(0)
    network, frozen = cnn(inplace), cnn(inplace)
    loss = AntiTransferLoss(frozen, [1, 2], 1.0, aggregation, distance, before_activation=before).attach(network)
    results = []
    for compiled in (False, True):
        torch._dynamo.reset()
        network.zero_grad()
        run = torch.compile(network, backend="aot_eager", fullgraph=True) if compiled else network
        scores = run(x)
        value = loss()
        (scores.mean() + value).backward()
        results.append([value.detach(), *(p.grad.clone() for p in network.parameters())])
    torch.testing.assert_close(*results)
    with torch.inference_mode():
        torch.compile(network, backend="aot_eager")(x)
        assert loss().isfinite()
program = torch.export.export(network.eval(), (x,))
torch.testing.assert_close(program.module()(x), network(x))
assert torch.func.vmap(network)(x[:, None]).shape == (6, 1, 8, 4, 4)
half = copy.deepcopy(network).half()
assert half(x.half()).dtype == torch.float16
print("done")
"""


def test_compiled_exported_mapped_and_half_networks_go_on_as_they_were():
    made = subprocess.run([sys.executable, "-W", "ignore", "-c", COMPILED], capture_output=True, text=True, check=False)
    assert made.stdout.strip() == "done", made.stderr[-2000:]
