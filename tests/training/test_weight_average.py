import torch
from torch import nn

from hamiltone.training._weight_average import WeightAverage


def test_it_is_the_moving_average_of_weights_and_statistics():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    expected = {name: value.double().numpy().copy() for name, value in module.state_dict().items()}
    average = WeightAverage(module, 0.7)
    for step in range(1, 13):
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(torch.randn_like(parameter))
        module(torch.randn(8, 3))
        average.update()
        decay = min(0.7, (1 + step) / (10 + step))
        for name, value in module.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * value.double().numpy()
    own = {name: value.clone() for name, value in module.state_dict().items()}
    with average.in_place():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                torch.testing.assert_close(value.double(), torch.from_numpy(expected[name]), atol=1e-5, rtol=1e-5)
    for name, value in module.state_dict().items():
        assert torch.equal(value, own[name])


def test_without_decay_nothing_is_kept():
    module = nn.Linear(2, 2)
    average = WeightAverage(module, 0.0)
    average.update()
    assert average.tensors == {}
    before = module.weight.clone()
    with average.in_place():
        assert torch.equal(module.weight, before)
