"""Probes of trained networks: what they read, what they write, and what they refuse."""

import json
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
from hamiltone.corpora import Split, Utterances, load_corpus, read_split
from hamiltone.errors import HamiltoneError
from hamiltone.networks import Recognizer, load_recognizer
from hamiltone.speech import cut_frames, load_audio
from hamiltone.training import RunSettings, probe, read_record, settings_from, train

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
def run(settings_for: Make, chain: dict[str, Path], third: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recogniser tested on three unseen voices, some 60 clips; not to be written to."""
    settings = settings_for(
        tmp_path_factory.mktemp("probed") / "run",
        corpus={"name": "synthetic", "within": str(third)},
        split={"kind": "actor", "fractions": [0.5, 0.13, 0.37]},
        front={"kind": "rh-emo", "source": str(chain["rh-emo"]), "scale": "decibel"},
        network={"depth": 11, "algebra": "quaternion", "width": 1 / 16, "hidden": 16},
        leaks="report",
    )
    train(settings, quiet=True)
    return Path(settings.out)


@pytest.fixture
def own(run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(run, tmp_path / "run")


def tested(folder: Path) -> Utterances:
    corpus = load_corpus("synthetic")
    return corpus.select(corpus.table["utterance"].isin(read_split(folder / "split.json").parts["test"]))


def slow_features(model: Recognizer, path: str) -> list[np.ndarray]:
    """Frame by frame and module by module: the statistics of each map, and the classifier's last hidden layer."""
    frames = []
    for frame in torch.from_numpy(cut_frames(load_audio(path))):
        x, layers = model.front(frame[None]), []
        for module in model.network.features:
            x = module(x)
            if isinstance(module, nn.ReLU):
                channels = x[0].double().numpy()
                layers.append(np.concatenate([channels.mean((1, 2)), channels.std((1, 2))]))
        x = x.flatten(1)
        for module in list(model.network.classifier)[:-1]:
            x = module(x)
        frames.append([*layers, x[0].double().numpy()])
    return [np.mean(values, axis=0) for values in zip(*frames, strict=True)]


@torch.no_grad()
def test_it_is_scikit_learn_on_features_of_an_explicit_forward(own: Path) -> None:
    content = probe(own, quiet=True)
    clips = tested(own)
    assert content["clips"] == len(clips) > 50
    assert content["speakers"] == 3
    model = load_recognizer(own / "model")
    layers = zip(*(slow_features(model, path) for path in clips.table["path"]), strict=True)
    probed = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=5000))
    apart = {"speaker": "word", "word": "speaker", "emotion": "speaker"}
    for entry, rows in zip(content["layers"], layers, strict=True):
        assert entry["size"] == len(rows[0])
        assert set(entry["targets"]) == set(apart)
        for name, groups in apart.items():
            truth, result = clips.table[name].to_numpy(dtype=object), entry["targets"][name]
            folds = GroupKFold(min(5, clips.table[groups].nunique()))
            predicted = cross_val_predict(probed, np.array(rows), truth, cv=folds, groups=clips.table[groups])
            assert result["accuracy"] == pytest.approx(accuracy_score(truth, predicted))
            assert result["uar"] == pytest.approx(balanced_accuracy_score(truth, predicted))
            assert result["chance"] == clips.table[name].value_counts(normalize=True).max()
            assert (result["apart"], result["folds"]) == (groups, folds.get_n_splits())
            assert result["note"] == "interval not estimable (3 speakers)"


def test_the_file_says_what_was_probed(own: Path) -> None:
    content = probe(own, quiet=True, command="a test")
    assert json.loads((own / "probe.json").read_text()) == content
    record = read_record(own)
    assert (content["format"], content["run"], content["part"]) == (1, record["run"], "test")
    assert content["split"] == {"kind": "actor", "hash": record["split"]["hash"]}
    assert content["command"] == "a test"
    assert any("was trained on" in note for note in content["notes"])
    names = [(entry["layer"], entry["name"]) for entry in content["layers"]]
    convolutions = [f"features.{number}" for number in (0, 3, 6, 8, 11, 13, 16, 18)]
    assert names == list(enumerate([*convolutions, "classifier"], start=1))
    assert [entry["size"] for entry in content["layers"]] == [8, 16, 32, 32, 64, 64, 64, 64, 16]
    assert all(entry["missing"] == {} for entry in content["layers"])


def test_what_is_done_is_not_done_again_but_on_demand(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = probe(own, command="first")
    assert probe(own / "model", command="second") == first
    assert "probed before" in capsys.readouterr().err
    second = probe(own, again=True, command="second")
    assert second == {**first, "command": "second"}  # the same clips, the same figures


@pytest.mark.parametrize("change", ["another run's", "damaged", "no object"])
def test_a_probe_that_is_not_of_this_run_is_made_anew(own: Path, change: str) -> None:
    content = probe(own, quiet=True)
    texts = {"another run's": json.dumps({**content, "run": "0" * 64}), "damaged": '{"format": 1', "no object": "[]"}
    (own / "probe.json").write_text(texts[change])
    assert probe(own, quiet=True) == content


def test_it_probes_on_the_clips_of_other_settings(own: Path, settings_for: Make, tmp_path: Path) -> None:
    before = probe(own, quiet=True)
    other = settings_for(tmp_path / "unused", split={"kind": "actor", "seed": 3}, leaks="report")
    content = probe(own, other, quiet=True)
    assert content["run"] == before["run"]
    assert content["split"]["hash"] != before["split"]["hash"]
    assert content["clips"] != before["clips"]
    assert probe(own, other, quiet=True, command="not used") == content
    with pytest.raises(HamiltoneError, match="was trained on"):
        probe(own, settings_for(tmp_path / "unused", split={"kind": "actor", "seed": 3}), again=True, quiet=True)


def test_networks_of_the_orthogonal_tasks_are_probed_too(chain: dict[str, Path], tmp_path: Path) -> None:
    for name in ("word", "speaker", "real", "joint"):
        folder = shutil.copytree(chain[name], tmp_path / name)
        content = probe(folder, quiet=True)
        assert content["clips"] == read_record(folder)["split"]["test"]["clips"]
        assert "emotion" in content["layers"][0]["targets"]


def test_a_saved_split_counts_and_not_the_settings_that_dealt_it(own: Path) -> None:
    settings = (own / "settings.toml").read_text()
    before = probe(own, quiet=True)
    (own / "settings.toml").write_text(settings.replace('kind = "actor"', 'kind = "random"'))
    assert probe(own, again=True, quiet=True) == before


def test_what_cannot_be_probed_is_refused_in_one_line(
    run: Path, chain: dict[str, Path], settings_for: Make, third: Path, tmp_path: Path
) -> None:
    def refusal(folder: Path, settings: RunSettings | None = None) -> str:
        with pytest.raises(HamiltoneError) as caught:
            probe(folder, settings, quiet=True)
        assert "\n" not in str(caught.value)
        assert not (folder / "probe.json").exists()
        return str(caught.value)

    assert "trained an RH-Emo" in refusal(chain["rh-emo"])
    assert "no finished run" in refusal(tmp_path)
    assert "no finished run" in refusal(tmp_path / "nowhere" / "model")
    untested = settings_for(tmp_path / "unused", corpus={"name": "synthetic"}, split={"file": str(third)})
    assert "no clips to test on" in refusal(run, untested)
    bare = shutil.copytree(run, tmp_path / "bare")
    (bare / "split.json").unlink()
    assert "cannot read the split" in refusal(bare)


def test_the_threads_of_the_process_are_as_before(own: Path) -> None:
    settings = settings_from({**read_record(own)["settings"], "threads": 2}, where="test")
    before = torch.get_num_threads()
    probe(own, settings, quiet=True)
    assert torch.get_num_threads() == before


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
    content = json.loads((own / "probe.json").read_text())
    assert str(own / "probe.json") in printed.err
    assert content["command"] == f"hamiltone probe {own}"
    for entry in content["layers"]:
        (line,) = [line for line in printed.out.splitlines() if f" {entry['name']} " in line]
        for result in entry["targets"].values():
            assert f" {100 * result['accuracy']:.1f} %" in line
    assert "chance" in printed.out
    assert "keep each word on one side; interval not estimable (3 speakers)" in printed.out
    assert command_line(monkeypatch, "probe", own, "--json", "--again", "--quiet") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == json.loads((own / "probe.json").read_text())
    assert printed.err == ""


def test_a_mistake_at_the_command_line_is_one_line(
    chain: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line(monkeypatch, "probe", chain["rh-emo"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("hamiltone: ")
    assert printed.err.count("\n") == 1
