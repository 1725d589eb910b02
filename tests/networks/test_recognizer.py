import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.overrides import TorchFunctionMode

from hamiltone.networks import (
    BundleError,
    Ensemble,
    Recognizer,
    RHEmo,
    RHEmoEncoder,
    RHEmoFront,
    SpectrogramFront,
    TrainedRHEmo,
    build_front,
    build_network,
    load_bundle,
    load_recognizer,
    save_bundle,
    vgg,
    weights_key,
)
from hamiltone.networks._bundle import _Budget
from hamiltone.settings import LogMelSettings, ResidualSettings, VGGSettings
from hamiltone.speech import FRAME_SAMPLES, Spectrogram


def fitted() -> Spectrogram:
    return Spectrogram(scale="decibel", normalisation="unit").fit([torch.randn(2, FRAME_SAMPLES)])


def recognizer(algebra: str = "quaternion", *, encoder: bool = True, trainable: bool = False) -> Recognizer:
    front = RHEmoFront(fitted(), RHEmoEncoder(), trainable=trainable) if encoder else SpectrogramFront(fitted())
    return Recognizer(front, vgg(11, algebra, 3, width=1 / 16, input_shape=front.shape), ["a", "b", "c"])


@pytest.mark.parametrize(("algebra", "encoder"), [("quaternion", True), ("real", True), ("real", False)])
def test_waveform_to_scores(algebra: str, encoder: bool) -> None:
    model = recognizer(algebra, encoder=encoder).eval()
    waveform = torch.randn(2, FRAME_SAMPLES)
    scores = model(waveform)
    assert scores.shape == (2, 3)
    spectrogram = model.front.up_to("spectrogram")(waveform)
    assert torch.equal(scores, model(spectrogram, "spectrogram"))
    assert torch.equal(scores, model(model.front(spectrogram, "spectrogram"), "features"))


def test_a_frozen_front_does_not_drift() -> None:
    model = recognizer().train()
    before = weights_key(model.front)
    adam = torch.optim.Adam([p for p in model.parameters() if p.requires_grad])
    for _ in range(2):
        model(torch.randn(2, FRAME_SAMPLES)).square().sum().backward()
        adam.step()
    assert weights_key(model.front) == before
    assert not any(module.training for module in model.front.modules())


def test_a_trainable_front_learns() -> None:
    model = recognizer(trainable=True).train()
    weights = dict(model.front.named_parameters())
    assert weights
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    model(torch.randn(2, FRAME_SAMPLES)).square().sum().backward()
    torch.optim.Adam(p for p in model.parameters() if p.requires_grad).step()
    assert [name for name, weight in weights.items() if weight.grad is None or not weight.grad.any()] == []
    assert [name for name, weight in weights.items() if torch.equal(weight, before[name])] == []
    assert model.front.frozen_stage == "spectrogram"


def test_an_utterance_is_the_mean_of_its_frames() -> None:
    model = recognizer().train()
    frames = torch.randn(5, FRAME_SAMPLES)
    result = model.recognize([frames[:2], frames[2:]])
    model.eval()
    expected = model(frames).softmax(dim=1)
    torch.testing.assert_close(result.frames, expected)
    torch.testing.assert_close(result.overall, expected.mean(dim=0))
    assert result.label == ("a", "b", "c")[int(expected.mean(dim=0).argmax())]
    with pytest.raises(ValueError, match="no frame"):
        model.recognize([])


def test_parts_must_fit() -> None:
    front = RHEmoFront(fitted(), RHEmoEncoder())
    with pytest.raises(ValueError, match="the front gives"):
        Recognizer(front, vgg(11, "real", 3, width=1 / 16), ["a", "b", "c"])
    with pytest.raises(ValueError, match="3 scores for 2 labels"):
        Recognizer(front, vgg(11, "real", 3, width=1 / 16, input_shape=front.shape), ["a", "b"])


@pytest.mark.parametrize(("algebra", "encoder"), [("quaternion", True), ("real", False)])
def test_a_bundle_loads_back_the_same(tmp_path: Path, algebra: str, encoder: bool) -> None:
    model = recognizer(algebra, encoder=encoder).eval()
    save_bundle(model, tmp_path / "m", {"title": "a test", "task": "emotion", "corpus": "none"})
    random_state = torch.get_rng_state()
    twin = load_recognizer(tmp_path / "m")
    assert torch.equal(torch.get_rng_state(), random_state)
    assert twin.labels == model.labels
    assert weights_key(twin) == weights_key(model)
    waveform = torch.randn(2, FRAME_SAMPLES)
    assert torch.equal(twin(waveform), model(waveform))
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["README.md", "config.json", "model.safetensors"]


def test_a_recognizers_bundle_carries_the_encoder_alone(tmp_path: Path) -> None:
    trained = TrainedRHEmo(fitted(), RHEmo(3, hidden=8), ("a", "b", "c"))
    save_bundle(trained, tmp_path / "rh-emo")
    loaded = load_bundle(tmp_path / "rh-emo")
    assert isinstance(loaded, TrainedRHEmo)
    assert weights_key(loaded) == weights_key(trained)
    front = loaded.front()
    save_bundle(Recognizer(front, vgg(11, "real", 3, width=1 / 16, input_shape=front.shape), "abc"), tmp_path / "m")
    names = load_file(tmp_path / "m" / "model.safetensors")
    assert not any("decoder" in name or "heads" in name for name in names)
    assert load_recognizer(tmp_path / "m").front.encoder_key() == weights_key(trained.rh_emo.encoder)
    with pytest.raises(BundleError, match="not a recogniser"):
        load_recognizer(tmp_path / "rh-emo")


def test_a_temperature_is_saved_and_softens(tmp_path: Path) -> None:
    model = recognizer().eval()
    model.temperature = 2.5
    frames = torch.randn(2, FRAME_SAMPLES)
    torch.testing.assert_close(model.recognize([frames]).frames, (model(frames) / 2.5).softmax(dim=1))
    save_bundle(model, tmp_path / "m")
    assert load_recognizer(tmp_path / "m").temperature == 2.5
    with pytest.raises(ValueError, match="temperature must be positive"):
        Recognizer(model.front, model.network, model.labels, temperature=0.0)


def test_a_low_score_is_unsure_and_the_bundle_carries_where_it_begins(tmp_path: Path) -> None:
    model = recognizer().eval()
    assert model.label([0.3, 0.36, 0.34]) == "b"
    model.unsure_below = 0.5
    assert [model.label(row) for row in ([0.3, 0.49, 0.21], [0.5, 0.3, 0.2])] == ["unsure", "a"]
    assert model.label([0.0, 0.0, 1.0], speech=False) == "unsure"
    save_bundle(model, tmp_path / "m")
    assert load_recognizer(tmp_path / "m").unsure_below == 0.5
    with pytest.raises(ValueError, match="unsure_below must be a score of 0 to 1"):
        Recognizer(model.front, model.network, model.labels, unsure_below=1.5)
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    del config["unsure_below"]  # as in models that are calibrated without it
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))
    assert load_recognizer(tmp_path / "m").unsure_below == 0


def _break_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])


def _other_weights(folder: Path) -> None:
    save_file({"x": torch.zeros(1)}, folder / "model.safetensors")


def _edit(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_break_weights, "damaged"),
        (_other_weights, "damaged"),
        (lambda folder: (folder / "model.safetensors").unlink(), "is missing"),
        (lambda folder: (folder / "config.json").unlink(), "no model here"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read"),
        (lambda folder: _edit(folder, kind="cat"), "not written by hamiltone"),
        (lambda folder: _edit(folder, format=99), "has format 99"),
        (lambda folder: _edit(folder, network={}), "describes no model"),
        (lambda folder: _edit(folder, labels=["a"]), "describes no model"),
    ],
)
def test_a_damaged_bundle_is_one_clear_line(tmp_path: Path, damage, message: str) -> None:
    save_bundle(recognizer(), tmp_path / "m")
    damage(tmp_path / "m")
    with pytest.raises(BundleError, match=message) as caught:
        load_bundle(tmp_path / "m")
    assert "\n" not in str(caught.value)


def test_weights_that_do_not_fit_their_settings_are_named(tmp_path: Path) -> None:
    save_bundle(recognizer(), tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    _edit(tmp_path / "m", network={**config["network"], "hidden": 64})
    with pytest.raises(BundleError, match=r"classifier\.0"):
        load_bundle(tmp_path / "m")


@pytest.mark.parametrize("time_reversed", [False, True])
def test_masks_hide_what_they_cover_and_nothing_else(time_reversed: bool) -> None:
    torch.manual_seed(0)  # of a spectrogram without a cell that is 0 by chance
    spectrogram = Spectrogram(scale="linear", normalisation="standard", time_reversed=time_reversed)
    front = SpectrogramFront(spectrogram.fit([torch.randn(2, FRAME_SAMPLES)]))
    waveform = torch.randn(2, FRAME_SAMPLES)
    masked = torch.zeros(2, 512, 128, dtype=torch.bool)
    masked[0, 100:130] = masked[0, :, 7:9] = masked[1, 3:5] = True
    plain, hidden = front(waveform), front(waveform, "waveform", masked)
    there = masked.numpy()[:, None]
    if time_reversed:
        there = there[:, :, ::-1]
    assert (plain != 0).all()
    assert torch.equal(hidden, torch.from_numpy(plain.numpy() * ~there))
    assert torch.equal(hidden, front(spectrogram(waveform), "spectrogram", masked))


def test_masks_come_before_rh_emo() -> None:
    model = recognizer().eval()
    spectrogram = torch.rand(2, 1, 512, 128)
    masked = torch.rand(2, 512, 128) < 0.5
    hidden = spectrogram * ~masked[:, None]
    assert torch.equal(model(spectrogram, "spectrogram", masked), model(hidden, "spectrogram"))
    with pytest.raises(ValueError, match="cannot be laid over features"):
        model(torch.rand(2, 4, 64, 64), "features", masked)


class Called(TorchFunctionMode):
    """The names of all of torch's functions that are called within."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.names.add(func.__name__)
        return func(*args, **(kwargs or {}))


def test_no_weights_are_drawn_that_those_of_the_file_replace(tmp_path: Path) -> None:
    with Called() as making:
        network = Ensemble.of([build_network(ResidualSettings(), (4, 400, 64), 3) for _ in range(2)])
    model = Recognizer(build_front(LogMelSettings()), network, "abc").eval()
    save_bundle(model, tmp_path)
    before = torch.get_rng_state()
    with Called() as loading:
        loaded = load_recognizer(tmp_path)
    draws = {"polar_", "kaiming_uniform_"}
    assert draws <= making.names
    assert not draws & loading.names
    assert torch.equal(torch.get_rng_state(), before)
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


@pytest.mark.parametrize("kind", ["real residual", "he", "rh-emo"])
def test_nor_are_they_drawn_where_torch_starts_them_by_kaimings_or_xaviers_rule(tmp_path: Path, kind: str) -> None:
    with Called() as making:
        if kind == "rh-emo":
            model = TrainedRHEmo(fitted(), RHEmo(3, hidden=8), ("a", "b", "c"))
        else:
            front = build_front(LogMelSettings())
            residual = ResidualSettings(algebra="real", channels=(8,), stem=8, attention=8)
            he = VGGSettings(depth=11, algebra="real", width=1 / 32, hidden=8, start="he")
            model = Recognizer(front, build_network(he if kind == "he" else residual, front.shape, 3), "abc")
    save_bundle(model, tmp_path)
    with Called() as loading:
        loaded = load_bundle(tmp_path)
    assert "normal_" in making.names
    assert not {"normal_", "uniform_"} & loading.names
    assert weights_key(loaded) == weights_key(model)


def test_what_has_a_generator_of_its_own_is_drawn() -> None:
    with _Budget(10):
        drawn = torch.empty(3).normal_(generator=torch.Generator().manual_seed(0))
    assert torch.equal(drawn, torch.empty(3).normal_(generator=torch.Generator().manual_seed(0)))


def test_a_card_says_how_its_kind_of_model_is_used(tmp_path: Path) -> None:
    save_bundle(TrainedRHEmo(fitted(), RHEmo()), tmp_path / "rh-emo")
    save_bundle(recognizer(), tmp_path / "recogniser")
    cards = {folder.name: (folder / "README.md").read_text() for folder in tmp_path.iterdir()}
    assert "hamiltone predict recording.wav --model FOLDER" in cards["recogniser"]
    assert "-> class scores" in cards["recogniser"]
    assert "hamiltone predict" not in cards["rh-emo"]
    assert "front.kind=rh-emo front.source=RUN" in cards["rh-emo"]
    assert "-> embedding, reconstruction" in cards["rh-emo"]
