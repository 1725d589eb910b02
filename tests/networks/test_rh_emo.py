import math

import pytest
import torch
from torch.nn import functional

from hamiltone.networks import RHEmo, rh_emo_losses


def test_shapes_and_parameters() -> None:
    rh_emo = RHEmo(5, hidden=16)
    output = rh_emo(torch.rand(3, 1, 512, 128))
    assert output.embedding.shape == (3, 4, 64, 64)
    assert output.reconstruction.shape == (3, 1, 512, 128)
    assert output.discrete is not None
    assert output.discrete.shape == (3, 5)
    assert output.affect is not None
    assert output.affect.shape == (3, 3)
    assert ((output.reconstruction > 0) & (output.reconstruction < 1)).all()


def test_the_heads_have_the_published_size() -> None:
    with torch.device("meta"):
        rh_emo = RHEmo(5)
    assert rh_emo.heads is not None
    assert sum(p.numel() for p in rh_emo.heads.parameters()) == 134_283_272


def test_each_head_sees_its_own_axis_alone() -> None:
    rh_emo = RHEmo(5, hidden=8, dropout=0.0)
    output = rh_emo(torch.rand(2, 1, 512, 128))
    assert output.discrete is not None
    assert output.affect is not None
    for index, scores in enumerate((output.discrete, *output.affect.unbind(1))):
        (gradient,) = torch.autograd.grad(scores.sum(), output.embedding, retain_graph=True)
        touched = gradient.abs().sum(dim=(0, 2, 3)) > 0
        assert touched.tolist() == [place == index for place in range(4)]


def test_without_classes_there_are_no_heads() -> None:
    rh_emo = RHEmo()
    assert rh_emo.heads is None
    assert rh_emo(torch.rand(2, 1, 512, 128)).discrete is None


def test_real_layers_start_as_those_of_the_released_code() -> None:
    """Xavier normal, whose variance is 2 / (fan in + fan out), and zero biases."""
    torch.manual_seed(0)
    rh_emo = RHEmo(4, hidden=256)
    assert rh_emo.heads is not None
    for name, fans in (("encoder.conv3", 4 * 9 + 4 * 9), ("heads.valence.0", 4096 + 256)):
        weight = rh_emo.get_submodule(name).get_parameter("weight")
        assert weight.var().item() == pytest.approx(2 / fans, rel=0.2)
    real = [module for module in rh_emo.modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(real) == 3 + 4 * 3
    assert not any(module.get_parameter("bias").any() for module in real)


def _slow_losses(output, spectrogram, classes, affect, beta, beta_vad) -> dict[str, float]:
    """The loss written out element by element, in float64."""
    target = spectrogram.double().clamp(0, 1)
    guess = output.reconstruction.double()
    terms = {"reconstruction": -(target * guess.log() + (1 - target) * (1 - guess).log()).mean().item()}
    total = 0.0
    for scores, label in zip(output.discrete.double(), classes, strict=True):
        total += -(scores[label] - scores.exp().sum().log()).item()
    terms["discrete"] = total / len(classes)
    for index, axis in enumerate(("valence", "arousal", "dominance")):
        values = []
        for logit, wanted in zip(output.affect[:, index].double(), affect[:, index], strict=True):
            if not math.isnan(wanted):
                probability = 1 / (1 + math.exp(-logit.item()))
                values.append(-math.log(probability if wanted == 1 else 1 - probability))
        terms[axis] = sum(values) / len(values) if values else 0.0
    heads = terms["discrete"] + beta_vad * (terms["valence"] + terms["arousal"] + terms["dominance"])
    return {"loss": terms["reconstruction"] + beta * heads, **terms}


def test_the_loss_is_the_formula_with_masks_and_clamped_targets() -> None:
    torch.manual_seed(0)
    rh_emo = RHEmo(4, hidden=8).eval()
    spectrogram = 1.5 * torch.rand(3, 1, 512, 128)
    classes = torch.tensor([0, 3, 1])
    nan = float("nan")
    affect = torch.tensor([[1.0, nan, nan], [0.0, 1.0, nan], [nan, 1.0, nan]])
    output = rh_emo(spectrogram)
    losses = rh_emo_losses(output, spectrogram, classes, affect, beta=0.01, beta_vad=100.0)
    slow = _slow_losses(output, spectrogram, classes, affect, 0.01, 100.0)
    assert {name: value.item() for name, value in losses.items()} == pytest.approx(slow, rel=1e-5)
    losses["loss"].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in rh_emo.encoder.parameters())


def test_beta_zero_is_the_reconstruction_alone() -> None:
    rh_emo = RHEmo()
    spectrogram = torch.rand(2, 1, 512, 128)
    output = rh_emo(spectrogram)
    losses = rh_emo_losses(output, spectrogram)
    assert set(losses) == {"loss", "reconstruction"}
    assert losses["loss"] == functional.binary_cross_entropy(output.reconstruction, spectrogram)


def test_a_diverged_network_has_no_finite_loss() -> None:
    rh_emo = RHEmo()
    torch.nn.init.constant_(rh_emo.encoder.conv1.weight, float("nan"))
    spectrogram = torch.rand(2, 1, 512, 128)
    assert rh_emo_losses(rh_emo(spectrogram), spectrogram)["loss"].isnan()


def test_beta_without_heads_or_classes_is_an_error() -> None:
    spectrogram = torch.rand(2, 1, 512, 128)
    with pytest.raises(ValueError, match="with heads"):
        rh_emo_losses(RHEmo()(spectrogram), spectrogram, torch.tensor([0, 1]), beta=0.1)
    with pytest.raises(ValueError, match="class of every example"):
        rh_emo_losses(RHEmo(2, hidden=4)(spectrogram), spectrogram, beta=0.1)
