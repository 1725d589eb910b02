import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from hamiltone.antitransfer import AntiTransferLoss, convolutions, freeze
from hamiltone.networks import Recognizer, Residual, build_front, build_network
from hamiltone.settings import LogMelSettings, ResidualSettings

SMALL = {"channels": (8, 12), "stem": 8, "attention": 8}


def residual(algebra: str = "quaternion", shape: tuple[int, int, int] = (4, 400, 64), **others) -> Residual:
    torch.manual_seed(0)
    network = build_network(ResidualSettings.model_validate({**SMALL, "algebra": algebra, **others}), shape, 5)
    assert isinstance(network, Residual)
    for name, statistics in network.named_buffers():  # as after a training
        if name.endswith("running_mean"):
            statistics.uniform_(-0.3, 0.3)
        elif name.endswith("running_var"):
            statistics.uniform_(0.5, 2)
    return network.eval()


def speech(columns: int, batch: int = 1) -> torch.Tensor:
    torch.manual_seed(columns)
    return torch.cat([torch.randn(batch, 4, columns, 64), torch.zeros(batch, 4, 400 - columns, 64)], dim=2)


@settings(deadline=None, max_examples=10)
@given(columns=st.integers(1, 400), padding=st.integers(0, 100), norm=st.sampled_from(["component", "quaternion"]))
def test_scores_do_not_depend_on_padding(columns, padding, norm):
    network = residual(norm=norm)
    x = speech(columns)
    longer = torch.nn.functional.pad(x, (0, 0, 0, padding))
    torch.testing.assert_close(network(longer), network(x))
    torch.testing.assert_close(network(x[:, :, :columns]), network(x))


def test_scores_do_not_depend_on_the_rest_of_the_batch():
    network = residual()
    x = torch.cat([speech(37), speech(400), speech(200)])
    torch.testing.assert_close(network(x), torch.cat([network(one.unsqueeze(0)) for one in x]))


def test_a_frame_without_speech_gets_finite_scores_and_gradients():
    network = residual().train()
    scores = network(torch.cat([speech(90), torch.zeros(2, 4, 400, 64)]))
    scores.square().sum().backward()
    assert scores.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters() if parameter.grad is not None)


def test_a_last_batch_of_one_can_be_trained_on():
    network = residual().train()
    network(speech(50)).sum().backward()
    assert network.classifier.weight.grad is not None


@pytest.mark.parametrize("algebra", ["real", "quaternion"])
def test_its_convolutions_are_those_that_its_settings_name_and_anti_transfer_hears_all(algebra):
    network = residual(algebra)
    names = list(convolutions(network))
    assert names == ["stem.0", *(f"stages.{stage}.{name}" for stage in (0, 1) for name in _names(stage))]
    frozen = freeze(residual(algebra))
    for layer in range(1, len(names) + 1):
        with AntiTransferLoss(frozen, layers=[layer]).attach(network) as term:
            network(speech(80, 2))
            assert term().item() == pytest.approx(1, abs=1e-5)  # its own likeness


@pytest.mark.parametrize("stem_pool", [False, True])
def test_scores_are_those_of_the_slow_form(stem_pool):
    """One recording at a time, without padding but to whole columns, in float64, the pooling written out."""
    network = residual(stem_pool=stem_pool).double()
    for columns in (37, 200, 400):
        x = speech(columns).double()
        torch.testing.assert_close(network(x), _slow_scores(network, x[:, :, :columns]), atol=1e-9, rtol=1e-7)


def _slow_scores(network: Residual, x: torch.Tensor) -> torch.Tensor:
    halvings = 1 + network.config.stem_pool + len(network.config.channels)
    length = x.shape[2]  # of sound; columns that pad it to a whole number of pooled ones are 0 behind each layer
    x = torch.nn.functional.pad(x, (0, 0, 0, -length % 2**halvings))

    def sounding(x: torch.Tensor, length: int) -> torch.Tensor:
        return torch.cat([x[:, :, :length], torch.zeros_like(x[:, :, length:])], dim=2)

    length = math.ceil(length / 2)
    x = sounding(network.stem(x), length)
    if network.config.stem_pool:
        x, length = torch.nn.functional.max_pool2d(x, 2), math.ceil(length / 2)
    for block in network.stages:
        assert isinstance(block, torch.nn.Module)
        part = block.get_submodule
        inner = sounding(torch.relu(part("first_norm")(part("first")(x))), length)
        x = sounding(torch.relu(part("second_norm")(part("second")(inner)) + part("shortcut")(x)), length)
        x, length = torch.nn.functional.max_pool2d(x, 2), math.ceil(length / 2)
    times = [x[0, :, time].flatten() for time in range(length)]  # channel by channel, each with its frequencies
    scores = torch.stack([network.attention(time) for time in times])
    features = torch.stack(times)
    weights = scores.exp() / scores.exp().sum(0)
    mean = (weights * features).sum(0)
    deviation = ((weights * features**2).sum(0) - mean**2).clamp_min(1e-5).sqrt()
    return network.classifier(network.norm(torch.cat([mean, deviation])[None]))


@pytest.mark.parametrize("stem_pool", [False, True])
def test_it_multiplies_as_often_as_torch_counts_in_its_convolutions(stem_pool):
    config = ResidualSettings.model_validate({**SMALL, "algebra": "real", "stem_pool": stem_pool})
    network = build_network(config, (4, 400, 64), 5).eval()
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        network(speech(400))
    flops = {str(name): flops for name, flops in counted.get_flop_counts()["Global"].items()}
    assert config.multiply_adds((4, 400, 64)) == flops["aten.convolution"] // 2


def _names(stage: int) -> tuple[str, ...]:
    return ("first", "second") if stage == 0 else ("first", "second", "shortcut.0")


def test_quaternion_convolutions_have_a_quarter_of_the_weights():
    def count(algebra: str) -> int:
        return sum(
            parameter.numel()
            for name, module in convolutions(residual(algebra)).items()
            for parameter in module.parameters()
        )

    assert count("real") == 4 * count("quaternion")


@pytest.mark.parametrize("algebra", ["real", "quaternion"])
def test_the_first_weights_keep_the_signal_through_the_depth(algebra):
    torch.manual_seed(1)
    network = build_network(ResidualSettings(algebra=algebra, channels=(32,) * 5, stem=32), (4, 400, 64), 5)
    # Behind a ReLU, He's start keeps the mean of squares of what came before it; Glorot's would halve it.
    squares = [convolution(torch.relu(torch.randn(2, 32, 40, 40))).square().mean() for convolution in _inner(network)]
    stem = network.get_submodule("stem.0")(torch.relu(torch.randn(4, 4, 400, 64)))
    assert torch.stack(squares).mean().item() == pytest.approx(1, abs=0.15)
    assert stem.square().mean().item() == pytest.approx(1, abs=0.3)


def _inner(network: torch.nn.Module) -> list[torch.nn.Module]:
    return [module for name, module in convolutions(network).items() if name.endswith(("first", "second"))]


def test_with_the_front_of_log_mel_bands_no_gain_changes_the_scores():
    front = build_front(LogMelSettings())
    recognizer = Recognizer(front, residual(), ["a", "b", "c", "d", "e"]).eval()
    waveform = torch.randn(1, 64000, generator=torch.Generator().manual_seed(0)) * 0.05
    quiet, loud = recognizer(waveform * 0.01), recognizer(waveform * 10)
    torch.testing.assert_close(quiet, loud, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("settings", "shape", "message"),
    [
        ({"stem": 6}, (4, 400, 64), "6 channels of a quaternion network: a positive multiple of 4"),
        ({"algebra": "quaternion"}, (1, 512, 128), "1 channels of a quaternion network"),
        ({"channels": [8] * 6}, (4, 400, 64), "64 frequencies are too few for 6 stages"),
    ],
)
def test_sizes_that_do_not_go_are_refused(settings, shape, message):
    with pytest.raises(ValueError, match=message):
        build_network(ResidualSettings.model_validate({**SMALL, **settings}), shape, 5)


def test_adapted_to_a_speaker_its_last_norm_has_the_mean_of_the_speaker():
    network = residual()
    features = [speech(60, 2), speech(120, 3)]
    inputs: list[torch.Tensor] = []
    hook = network.norm.register_forward_pre_hook(lambda _, given: inputs.append(given[0].detach()))
    for x in features:
        network(x)
    hook.remove()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    adapted = network.adapted(features)
    expected = before["norm.running_mean"] + (torch.cat(inputs).mean(0) - before["norm.running_mean"]) * 5 / 15
    torch.testing.assert_close(adapted.state_dict()["norm.running_mean"], expected)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
        assert name == "norm.running_mean" or torch.equal(adapted.state_dict()[name], value)


def test_what_is_constant_in_a_speaker_is_taken_out():
    # A network whose last norm has only ever seen this speaker is the same after it was adapted to them.
    network = residual()
    features = [speech(80, 4)]
    for _ in range(60):
        network = network.adapted(features)
    again = network.adapted(features)
    torch.testing.assert_close(again(features[0]), network(features[0]), atol=1e-4, rtol=1e-4)


def test_copies_of_frames_tell_no_more_of_a_speaker_than_the_frames():
    network, features = residual(), speech(60, 2)
    once, thrice = network.adapted([features]), network.adapted([features.repeat(3, 1, 1, 1)], copies=3)
    torch.testing.assert_close(thrice.norm.running_mean, once.norm.running_mean)
