"""Probes of trained networks: what they read, what they write, and what they refuse."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from hamiltone import cli
from hamiltone.corpora import Split, load_corpus, read_split
from hamiltone.errors import HamiltoneError
from hamiltone.networks import VGG, Recognizer, load_recognizer
from hamiltone.records import Probe
from hamiltone.speech import cut_frames, load_audio
from hamiltone.training import RunSettings, load_dataset, probe, read_record, train

from .conftest import Make


@pytest.fixture(scope="module")
def third(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A split file that trains on every third synthetic clip."""
    corpus = load_corpus("synthetic")
    ids = corpus.table["utterance"].to_numpy()
    every, others = (tuple(ids[chosen]) for chosen in (np.arange(len(ids)) % 3 == 0, np.arange(len(ids)) % 3 > 0))
    path = tmp_path_factory.mktemp("third") / "split.json"
    Split("synthetic", "random", 0, {"train": every, "validation": others, "test": ()}).write(path)
    return path


@pytest.fixture(scope="module")
def run(settings_for: Make, third: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recogniser tested on three unseen voices, some 60 clips, and its probe; not to be written to."""
    settings = settings_for(
        tmp_path_factory.mktemp("probed") / "run",
        corpus={"name": "synthetic", "within": str(third)},
        split={"kind": "actor", "fractions": [0.5, 0.13, 0.37]},
        training__epochs=1,
    )
    train(settings, quiet=True)
    probe(settings.out, quiet=True, command="a test")
    return Path(settings.out)


@pytest.fixture
def own(run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(run, tmp_path / "run")


def written(folder: Path) -> Probe:
    return Probe.read(folder / "probe.json")


def features(model: Recognizer, waveform: torch.Tensor) -> list[np.ndarray]:
    """Of one frame: mean and deviation of each map, and the classifier's last hidden layer."""
    x, layers = model.front(waveform[None]), []
    assert isinstance(model.network, VGG)
    for module in model.network.features:
        x = module(x)
        if isinstance(module, nn.ReLU):
            channels = x[0].double().numpy()
            layers.append(np.concatenate([channels.mean((1, 2)), channels.std((1, 2))]))
    return [*layers, model.network.classifier[:-1](x.flatten(1))[0].double().numpy()]


@torch.no_grad()
def test_it_is_scikit_learn_on_features_of_an_explicit_forward(run: Path) -> None:
    content, tested = written(run), read_split(run / "split.json").parts["test"]
    clips = load_corpus("synthetic").table.set_index("utterance", drop=False).loc[list(tested)]
    assert content.clips == len(clips) > 50
    assert content.speakers == 3
    model = load_recognizer(run / "model")
    frames = [torch.from_numpy(cut_frames(load_audio(path))[0]) for path in clips["path"]]
    layers = zip(*(features(model, frame) for frame in frames), strict=True)
    probed = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=5000))
    apart = {"speaker": "word", "word": "speaker", "emotion": "speaker"}
    for entry, rows in zip(content.layers, layers, strict=True):
        assert entry.size == len(rows[0])
        assert set(entry.targets) == set(apart)
        for name, groups in apart.items():
            truth, result = clips[name].to_numpy(dtype=object), entry.targets[name]
            folds = GroupKFold(min(5, len(set(clips[groups]))))
            predicted = cross_val_predict(probed, np.array(rows), truth, cv=folds, groups=clips[groups])
            assert result.accuracy == pytest.approx(accuracy_score(truth, predicted))
            assert result.uar == pytest.approx(balanced_accuracy_score(truth, predicted))
            assert result.chance == clips[name].value_counts(normalize=True).max()
            assert (result.apart, result.folds) == (groups, folds.get_n_splits())
            assert result.note == "interval not estimable (3 speakers)"


def test_the_file_says_what_was_probed(run: Path) -> None:
    content, record = written(run), read_record(run)
    assert (content.format, content.run, content.part) == (2, record.run, "test")
    assert content.split == {"kind": "actor", "hash": record.split.hash}
    assert content.command == "a test"
    names = [(entry.layer, entry.name) for entry in content.layers]
    convolutions = [f"features.{number}" for number in (0, 3, 6, 8, 11, 13, 16, 18)]
    assert names == list(enumerate([*convolutions, "classifier.6"], start=1))
    assert [entry.size for entry in content.layers] == [4, 8, 16, 16, 32, 32, 32, 32, 16]
    assert all(entry.missing == {} for entry in content.layers)


def test_what_is_done_is_not_done_again(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(own / "model")  # nothing but the file is read
    assert probe(own, command="another") == written(own)
    assert "probed before" in capsys.readouterr().err


def test_done_again_it_is_the_same_on_the_split_that_the_run_left(own: Path, third: Path) -> None:
    settings = own / "settings.toml"
    text = settings.read_text().replace('kind = "actor"', 'kind = "random"')
    assert str(third) in text
    settings.write_text(text.replace(str(third), "moved/away.json"))
    before = written(own)
    assert probe(own / "model", again=True, quiet=True, command="another") == before.model_copy(
        update={"command": "another"}
    )
    assert written(own).command == "another"


@pytest.mark.parametrize("change", ["another run's", "damaged"])
def test_a_probe_that_is_not_of_this_run_is_made_anew(own: Path, change: str) -> None:
    content = written(own)
    texts = {"another run's": content.model_copy(update={"run": "0" * 64}).model_dump_json(), "damaged": '{"format": 1'}
    (own / "probe.json").write_text(texts[change])
    assert probe(own, quiet=True, command="a test") == content == written(own)


def test_it_probes_on_the_clips_of_other_settings(own: Path, settings_for: Make, third: Path) -> None:
    before = written(own)
    choice = {"corpus": {"name": "synthetic", "within": str(third)}, "split": {"kind": "random"}}
    other = settings_for(own.parent / "unused", **choice, leaks="report")
    content = probe(own, other, quiet=True)
    assert content.run == before.run
    assert content.split["hash"] != before.split["hash"]
    assert content.clips != before.clips
    assert any("was trained on" in note for note in content.notes)
    assert probe(own, other, quiet=True, command="not used") == content
    assert content.utterances == load_dataset(other).utterances.key() and before.utterances is None
    with pytest.raises(HamiltoneError, match="was trained on"):
        probe(own, settings_for(own.parent / "unused", **choice), again=True, quiet=True)


def test_orthogonal_networks_and_trained_fronts_are_probed_too(chain: dict[str, Path], tmp_path: Path) -> None:
    for name in ("word", "joint"):
        folder = shutil.copytree(chain[name], tmp_path / name)
        content = probe(folder, quiet=True)
        assert content.clips == read_record(folder).split.test.clips
        assert "emotion" in content.layers[0].targets


def test_what_cannot_be_probed_is_refused_in_one_line(
    run: Path, chain: dict[str, Path], settings_for: Make, third: Path, tmp_path: Path
) -> None:
    def refusal(folder: Path, settings: RunSettings | None = None) -> str:
        with pytest.raises(HamiltoneError) as caught:
            probe(folder, settings, quiet=True)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "trained an RH-Emo" in refusal(chain["rh-emo"])
    assert "no finished run" in refusal(tmp_path)
    assert "no finished run" in refusal(tmp_path / "nowhere" / "model")
    untested = settings_for(tmp_path / "unused", corpus={"name": "synthetic"}, split={"file": str(third)})
    assert "the test part has no clips" in refusal(run, untested)
    bare = shutil.copytree(run, tmp_path / "bare")
    for name in ("split.json", "probe.json"):
        (bare / name).unlink()
    assert "cannot read the split" in refusal(bare)
    assert not (bare / "probe.json").exists()


def command_line(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["hamiltone", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def test_the_verb_prints_a_table_and_where_the_file_is(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line(monkeypatch, "probe", own) == 0
    printed = capsys.readouterr()
    content = written(own)
    assert str(own / "probe.json") in printed.err
    for entry in content.layers:
        (line,) = [line for line in printed.out.splitlines() if f" {entry.name} " in line]
        for result in entry.targets.values():
            assert f" {100 * result.accuracy:.1f} %" in line
    assert "chance" in printed.out
    assert "keep each word on one side; interval not estimable (3 speakers)" in printed.out
    assert command_line(monkeypatch, "probe", own, "--json", "--again", "--quiet") == 0
    printed = capsys.readouterr()
    assert Probe.model_validate_json(printed.out) == written(own)
    assert written(own).command == f"hamiltone probe {own} --json --again --quiet"
    assert printed.err == ""


def test_a_mistake_at_the_command_line_is_one_line(
    chain: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line(monkeypatch, "probe", chain["rh-emo"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("hamiltone: ")
    assert printed.err.count("\n") == 1


def test_a_residual_network_whose_convolutions_have_no_bias_is_probed(settings_for: Make, tmp_path: Path) -> None:
    settings = settings_for(
        tmp_path / "run",
        front={"kind": "log-mel", "bands": 16},
        network={"kind": "residual", "channels": [4, 8], "stem": 4, "attention": 4},
        training__epochs=1,
    )
    train(settings, quiet=True)
    probed = probe(tmp_path / "run", quiet=True)
    names = settings.network.layer_names()
    assert [layer.name for layer in probed.layers] == [*names, "classifier"]
    one = next(clip for clip in probed.layers if clip.name == names[0])
    assert one.size == 2 * 4  # mean and deviation of the stem's channels
