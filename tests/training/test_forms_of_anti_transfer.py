"""Forms of anti-transfer that settings name, when it begins, and its rival, gradient reversal on speakers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy

from hamiltone.corpora import Utterances
from hamiltone.networks import Recognizer, load_recognizer
from hamiltone.records import RunRecord
from hamiltone.settings import OptimisationSettings, RunSettings, SettingsError
from hamiltone.training import TrainingError, read_record, read_settings, train
from hamiltone.training._batches import Part, stored_inputs
from hamiltone.training._objectives import Classification
from hamiltone.training._speaker_reversal import SpeakerReversal

from .conftest import Make

FORMS = [
    {"aggregation": "centred_gram"},
    {"aggregation": "pooled", "distance": "debiased_linear_cka"},
    {"aggregation": "pooled", "distance": "linear_cka", "before_activation": "true"},
    {"before_activation": "true"},
]


def again(run: Path, out: Path, **changes: str) -> RunRecord:
    overrides = [f"{name.replace('__', '.')}={value}" for name, value in changes.items()]
    return train(read_settings(run / "settings.toml", [f"out={out}", *overrides]), quiet=True)


def terms(record: RunRecord) -> list[float]:
    return [epoch.train["anti_transfer"] for epoch in record.epochs]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(form.values()))
def test_stored_and_live_targets_of_every_form_train_alike(
    chain: dict[str, Path], tmp_path: Path, form: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAMILTONE_CACHE", str(tmp_path / "cache"))
    choice = {f"anti_transfer__{name}": value for name, value in form.items()}
    stored = again(chain["at-speaker"], tmp_path / "stored", **choice)
    assert list((tmp_path / "cache").glob("targets/*/layer-02/rows.npy")), "they were stored"
    live = again(chain["at-speaker"], tmp_path / "live", **choice, anti_transfer__targets="live")
    published = read_record(chain["at-speaker"])
    assert terms(stored) == pytest.approx(terms(live), rel=5e-3, abs=1e-4)
    assert terms(stored) != pytest.approx(terms(published), rel=5e-3, abs=1e-4)
    assert all(term != 0 for term in terms(stored))
    assert len({stored.settings_hash, live.settings_hash, published.settings_hash}) == 3


def test_it_begins_in_the_epoch_that_is_named_and_no_earlier_one_is_kept(
    chain: dict[str, Path], tmp_path: Path
) -> None:
    def of(name: str, **changes: str) -> RunRecord:
        return again(chain[name], tmp_path / name, training__epochs="3", **changes)

    plain, late = of("baseline"), of("at-speaker", anti_transfer__from_epoch="3", training__patience="1")
    for one, other in zip(late.epochs[:2], plain.epochs, strict=False):
        assert one.train["anti_transfer"] == 0
        assert one.train["loss"] == one.train["cross_entropy"] == other.train["cross_entropy"]
        assert one.validation == other.validation
    assert late.epochs[2].train["anti_transfer"] > 0.01
    assert late.epochs[2].train["cross_entropy"] != plain.epochs[2].train["cross_entropy"]
    assert late.best_epoch == 3


def test_what_cannot_be_is_refused_before_anything_is_computed(chain: dict[str, Path]) -> None:
    for overrides, said in (
        (["anti_transfer.from_epoch=3"], "from_epoch is after the last of training.epochs"),
        (["processes=2", "anti_transfer.distance=debiased_linear_cka"], "distance takes the whole batch"),
        (["anti_transfer.before_activation=true", 'anti_transfer.aggregation="product"'], "maps after their ReLU"),
        (["anti_transfer.distance=cka"], "none of squared_cosine, negative_sigmoid_mse, linear_cka, debiased"),
    ):
        with pytest.raises(SettingsError, match=said):
            read_settings(chain["at-speaker"] / "settings.toml", overrides)
    with pytest.raises(SettingsError, match=r"training\.speaker_reversal is for task emotion"):
        read_settings(chain["word"] / "settings.toml", ["training.speaker_reversal=0.1"])


def test_what_is_not_asked_for_leaves_the_identity_as_it_was(chain: dict[str, Path]) -> None:
    identity = read_settings(chain["at-speaker"] / "settings.toml", []).identity()
    assert identity["anti_transfer"].keys() == {"layers", "beta", "aggregation", "distance", "targets"}
    assert "speaker_reversal" not in identity["training"]
    asked = ["anti_transfer.from_epoch=2", "anti_transfer.before_activation=true", "training.speaker_reversal=0.1"]
    changed = read_settings(chain["at-speaker"] / "settings.toml", asked).identity()
    assert changed["anti_transfer"].keys() == {*identity["anti_transfer"], "from_epoch", "before_activation"}
    assert changed["training"]["speaker_reversal"] == 0.1


def test_gradient_reversal_on_speakers_trains_and_leaves_no_head_behind(chain: dict[str, Path], tmp_path: Path) -> None:
    record = again(chain["baseline"], tmp_path / "reversed", training__speaker_reversal="0.5")
    plain = read_record(chain["baseline"])
    assert record.notes == (*plain.notes, "against speakers: gradient reversal of weight 0.5")
    assert record.parameters == plain.parameters
    for epoch in record.epochs:
        together = epoch.train["cross_entropy"] + epoch.train["speaker_cross_entropy"]
        assert epoch.train["loss"] == pytest.approx(together) and epoch.train["speaker_cross_entropy"] > 0
        assert epoch.validation.keys() == plain.epochs[0].validation.keys()
    ours, theirs = (
        load_file(run / "model" / "model.safetensors") for run in (tmp_path / "reversed", chain["baseline"])
    )
    assert ours.keys() == theirs.keys()
    assert any(not torch.equal(value, theirs[name]) for name, value in ours.items())


@pytest.fixture
def recognizer(chain: dict[str, Path]) -> Recognizer:
    return load_recognizer(chain["baseline"] / "model")


def test_the_reversed_gradient_is_minus_the_weight_times_that_of_the_speakers(recognizer: Recognizer) -> None:
    torch.manual_seed(0)
    for module in recognizer.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    parameters = {name: value for name, value in recognizer.network.named_parameters() if "classifier.6" not in name}
    reversal = SpeakerReversal(recognizer.requires_grad_(), 3, weight=0.25).train()
    x, speakers = torch.rand(4, *recognizer.network.input_shape), torch.tensor([0, 1, 2, 0])

    scores, speaker_scores = reversal(x, "features")
    cross_entropy(speaker_scores, speakers).backward()
    found = {name: value.grad for name, value in parameters.items()}
    head = reversal.head.weight.grad
    reversal.zero_grad()
    hidden: list[torch.Tensor] = []
    hook = recognizer.network.last_hidden().register_forward_pre_hook(lambda _layer, inputs: hidden.extend(inputs))
    expected_scores = recognizer(x, "features")
    hook.remove()
    cross_entropy(reversal.head(hidden[0]), speakers).backward()
    assert torch.equal(scores, expected_scores)
    torch.testing.assert_close(head, reversal.head.weight.grad)
    for name, value in parameters.items():
        assert value.grad is not None and value.grad.any()
        torch.testing.assert_close(found[name], -0.25 * value.grad)
    assert torch.equal(reversal.eval()(x, "features"), recognizer(x, "features"))


def test_speakers_are_mixed_as_classes_are(recognizer: Recognizer) -> None:
    speakers, count = ["b", "a", "c", "b"], len(recognizer.labels)
    x = torch.rand(4, *recognizer.network.input_shape)
    clips = [{"utterance": name, "path": name, "speaker": who} for name, who in zip("wxyz", speakers, strict=True)]
    utterances = Utterances.from_rows(clips, corpus="own", root=Path())
    classes, rows, inputs = torch.tensor([0, 1, count - 1, 0]), np.arange(4), stored_inputs(x.numpy(), "features")
    part = Part("train", utterances, rows, rows, classes, None, inputs)
    objective = Classification(recognizer, training=OptimisationSettings(mixup=0.3))
    objective.reverse_speakers(part, 0.5)

    heard: list[torch.Tensor] = []

    class Heard(torch.nn.Module):
        def forward(self, mixed: torch.Tensor, *_: object) -> tuple[torch.Tensor, torch.Tensor]:
            heard.append(mixed)
            return torch.arange(4.0 * count).sin().view(4, count), torch.arange(12.0).cos().view(4, 3)

    torch.manual_seed(3)
    losses = objective.losses(Heard(), part.batch(rows))
    torch.manual_seed(3)
    share = torch.distributions.Beta(0.3, 0.3).sample().item()
    share = max(share, 1 - share)
    partner = torch.randperm(4)
    assert 0.5 < share < 1 and not torch.equal(partner, torch.arange(4))
    torch.testing.assert_close(heard[0], share * x + (1 - share) * x[partner])
    scores, who = torch.arange(12.0).cos().view(4, 3), torch.tensor([1, 0, 2, 1])
    expected = share * cross_entropy(scores, who) + (1 - share) * cross_entropy(scores, who[partner])
    torch.testing.assert_close(losses["speaker_cross_entropy"], expected)
    scores = torch.arange(4.0 * count).sin().view(4, count)
    expected = share * cross_entropy(scores, classes) + (1 - share) * cross_entropy(scores, classes[partner])
    torch.testing.assert_close(losses["cross_entropy"], expected)


def test_networks_whose_maps_are_as_long_as_the_speech_are_compared_live(
    settings_for: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where maps were stored of batches with shorter speech, those of a longer one have nothing to be compared with."""
    monkeypatch.setenv("HAMILTONE_CACHE", str(tmp_path / "cache"))

    def settings(name: str, **changes: Any) -> RunSettings:
        return settings_for(
            tmp_path / name,
            split={"kind": "random"},
            front={"kind": "log-mel", "bands": 16},
            network={"kind": "residual", "channels": [4, 4], "stem": 4, "attention": 4},
            training__epochs=1,
            **changes,
        )

    train(settings("speaker", task="speaker"), quiet=True)
    choice = {"orthogonal": str(tmp_path / "speaker"), "layers": [1, 2], "targets": "stored"}
    record = train(settings("at", anti_transfer=choice, leaks="report"), quiet=True)
    assert terms(record)[0] > 0
    assert not list((tmp_path / "cache").glob("targets/*"))


def test_where_one_speaker_trains_there_is_nothing_to_reverse(recognizer: Recognizer) -> None:
    x = torch.rand(2, *recognizer.network.input_shape)
    utterances = Utterances.from_rows(
        [{"utterance": name, "path": name, "speaker": "ann"} for name in "wx"], corpus="own", root=Path()
    )
    rows, inputs = np.arange(2), stored_inputs(x.numpy(), "features")
    part = Part("train", utterances, rows, rows, torch.tensor([0, 1]), None, inputs)
    with pytest.raises(TrainingError, match=r"training\.speaker_reversal: one speaker trains"):
        Classification(recognizer).reverse_speakers(part, 0.5)
