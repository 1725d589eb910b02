"""Released RH-Emo weights: an independent slow form is the oracle, foreign files are refused, a run rests on them."""

import pickle
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from hamiltone.networks import RHEmo, TrainedRHEmo, load_bundle, load_recognizer
from hamiltone.training import TrainingError, import_rh_emo, train
from hamiltone.training._released_rh_emo import read_released, released_rh_emo, turned_over
from hamiltone.training._released_worker import AXES, SHAPES, head_shapes

from .conftest import Make


def released(hidden: int | None = 6, seed: int = 0) -> dict[str, torch.Tensor]:
    """A random state dict of the released layout."""
    generator = torch.Generator().manual_seed(seed)
    shapes = SHAPES | (head_shapes(hidden, 5) if hidden else {})
    state = {name: torch.randn(shape, generator=generator) * 0.5 for name, shape in shapes.items()}
    for name, tensor in state.items():
        if name.endswith("_var"):
            tensor.abs_().add_(0.5)
        if name.startswith("classifier") and name.endswith("weight"):
            tensor.mul_(0.05)
    return state


def slow_form(state: dict[str, torch.Tensor], x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor]:
    """Embedding, scores of the heads and reconstruction, in double precision, by what the parts say themselves."""
    s = {name: tensor.double() for name, tensor in state.items()}

    def norm(x, scale, shift, mean, variance):
        form = (1, -1, 1, 1)
        return (x - mean.view(form)) / torch.sqrt(variance.view(form) + 1e-5) * scale.view(form) + shift.view(form)

    def transposed(x, n, stride, padding):
        r, i, j, k = (s[f"t_conv{n}.{part}_weight"] for part in "rijk")
        rows = [[r, -i, -j, -k], [i, r, -k, j], [j, k, r, -i], [k, -j, i, r]]
        kernel = torch.cat([torch.cat(row, dim=1) for row in rows], dim=0)
        # A sum over places, written out: each input value adds the kernel, times itself, at its place.
        batch, _, height, width = x.shape
        big = torch.zeros(batch, 4, height * stride[0] + 4, width * stride[1] + 4, dtype=x.dtype)
        for row in range(3):
            for column in range(3):
                part = torch.einsum("bchw,cd->bdhw", x, kernel[:, :, row, column])
                rows_at = slice(row, row + stride[0] * height, stride[0])
                big[:, :, rows_at, column : column + stride[1] * width : stride[1]] += part
        full = big[:, :, 1 : 1 + stride[0] * height, 1 : 1 + stride[1] * width]
        assert padding in {(1, 0), (1, 1)}
        return full + s[f"t_conv{n}.bias"].view(1, 4, 1, 1)

    def normed(x, n):
        gamma, beta = s[f"tconv{n}_bn.gamma"], s[f"tconv{n}_bn.beta"]
        return norm(x, gamma, beta, s[f"tconv{n}_bn.moving_mean"], s[f"tconv{n}_bn.moving_var"])

    x = x.double()
    for n, window in ((1, (2, 2)), (2, (2, 1))):
        x = functional.conv2d(x, s[f"conv{n}.weight"], s[f"conv{n}.bias"], padding=1).relu()
        parts = (s[f"conv{n}_bn.{part}"] for part in ("weight", "bias", "running_mean", "running_var"))
        x = norm(functional.max_pool2d(x, window), *parts)
    x = functional.conv2d(x, s["conv3.weight"], s["conv3.bias"], padding=1).relu()
    embedding = functional.max_pool2d(x, (2, 1))
    scores = []
    for place, axis in enumerate(AXES if "classifier_discrete.0.weight" in s else ()):
        y = embedding[:, place].reshape(len(embedding), -1)
        for layer in (0, 3, 6):
            y = y @ s[f"classifier_{axis}.{layer}.weight"].T + s[f"classifier_{axis}.{layer}.bias"]
            y = y.relu() if layer < 6 else y
        scores.append(y)
    y = normed(transposed(embedding, 1, (2, 1), (1, 0)).relu(), 1)
    y = normed(transposed(y, 2, (2, 1), (1, 0)).relu(), 2)
    return embedding, scores, torch.sigmoid(transposed(y, 3, (2, 2), (1, 1))).mean(1, keepdim=True)


def test_embedding_heads_and_reconstruction_are_those_of_the_slow_form(tmp_path):
    torch.save(released(), tmp_path / "rh-emo.pt")
    rh_emo = released_rh_emo(read_released(tmp_path / "rh-emo.pt"))
    x = torch.rand(2, 1, 512, 128, generator=torch.Generator().manual_seed(1))
    embedding, scores, reconstruction = slow_form(released(), x)
    with torch.no_grad():
        output = rh_emo.double()(x.double())
        single = released_rh_emo(released())(x)
    torch.testing.assert_close(output.embedding, embedding)
    assert output.discrete is not None and output.affect is not None
    torch.testing.assert_close(output.discrete, scores[0])
    torch.testing.assert_close(output.affect, torch.cat(scores[1:], dim=1))
    # RH-Emo is float32 where it counts; weights whose imaginary parts are negated would be off by a tenth and more.
    torch.testing.assert_close(output.reconstruction, reconstruction, atol=1e-6, rtol=0)
    torch.testing.assert_close(single.reconstruction.double(), reconstruction, atol=2e-5, rtol=0)
    imaginary = ("i_weight", "j_weight", "k_weight")
    negated = {name: -tensor if name.endswith(imaginary) else tensor for name, tensor in released().items()}
    with torch.no_grad():
        assert (released_rh_emo(negated)(x).reconstruction - reconstruction).abs().max() > 0.1


class _Code:
    """Makes a file in the working folder where it is unpickled as pickle does."""

    def __reduce__(self):
        return (Path.touch, (Path("was-run").absolute(),))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda state: {**state, "t_conv1.r_weight": torch.zeros(1, 1, 5, 5)},
            r"shape \[1, 1, 5, 5\], not \[1, 1, 3, 3\]",
        ),
        (lambda state: {**state, "conv9.weight": torch.zeros(1)}, "'conv9.weight', which is no part of RH-Emo"),
        (lambda state: {name: state[name] for name in state if name != "conv3.bias"}, r"lacks 'conv3\.bias'"),
        (lambda state: {**state, "conv3.bias": torch.full((4,), torch.nan)}, "something else than finite numbers"),
        (lambda state: [*state.values()], "holds no state dict"),
        (lambda state: {**state, "classifier_discrete.6.weight": torch.zeros(5, 9000)}, "heads without"),
        (lambda _: _Code(), "without running code"),
    ],
)
def test_a_file_of_something_else_is_refused_in_a_line(tmp_path, monkeypatch, change, told):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pt"
    torch.save(change(released()), path)
    with pytest.raises(TrainingError, match=told):
        read_released(path)
    assert not (tmp_path / "was-run").exists()


def test_what_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(pickle.dumps({"conv1.weight": 1}))
    with pytest.raises(TrainingError, match="name a file of released RH-Emo weights"):
        read_released(path)
    with pytest.raises(TrainingError, match="no such file"):
        read_released(tmp_path / "nowhere.pt")


def test_weights_that_know_time_the_other_way_round_are_told(monkeypatch):
    rh_emo = RHEmo().eval()
    x = torch.zeros(4, 1, 512, 128)
    x[:, :, :200] = 1.0
    # One that gives back what runs backwards in time, and nothing else.
    monkeypatch.setattr(rh_emo.decoder, "forward", lambda _: x.flip(2).clamp(0.01, 0.99))
    (note,) = turned_over(rh_emo, x)
    assert "better with time turned over" in note
    monkeypatch.setattr(rh_emo.decoder, "forward", lambda _: x.clamp(0.01, 0.99))
    assert turned_over(rh_emo, x) == []


def test_a_recogniser_rests_on_them_with_its_own_maximum_and_time_reversed(settings_for: Make, tmp_path: Path):
    file, out = tmp_path / "rh-emo.pt", tmp_path / "released"
    torch.save(released(hidden=None), file)
    front = {"kind": "rh-emo", "source": str(out)}
    network = {"depth": 11, "algebra": "quaternion", "width": 1 / 16, "hidden": 16}
    asked = settings_for(tmp_path / "run", front=front, network=network, training__epochs=1)
    record = import_rh_emo(file, asked, out, quiet=True)
    assert record.task == "rh-emo" and record.best_epoch == 0 and record.reconstruction is not None
    assert record.notes[0].startswith("released weights of RH-Emo")
    model = load_bundle(out / "model")
    assert isinstance(model, TrainedRHEmo) and model.spectrogram.time_reversed
    train(asked, quiet=True)
    recognizer = load_recognizer(tmp_path / "run" / "model")
    assert recognizer.front.encoder is not None and recognizer.front.time_reversed
    torch.testing.assert_close(
        recognizer.front.encoder.get_parameter("conv1.weight"), released(hidden=None)["conv1.weight"]
    )
    with pytest.raises(TrainingError, match="holds a run"):
        import_rh_emo(file, asked, out, quiet=True)
