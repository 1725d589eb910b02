"""Adaptation of a saved recogniser to labelled recordings, from a table on disk to a bundle."""

import csv
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from scipy.optimize import minimize
from typer.testing import CliRunner

from hamiltone.cli import app
from hamiltone.corpora import CorpusSettings, Utterances
from hamiltone.networks import (
    Ensemble,
    LogMelFront,
    Recognizer,
    build_network,
    bundle_config,
    load_recognizer,
    save_bundle,
)
from hamiltone.records import read_heard, write_heard
from hamiltone.service import Predictor
from hamiltone.settings import LogMelSettings, ResidualSettings
from hamiltone.training import TrainingError, adapt
from hamiltone.training._adaptation import _Heard
from hamiltone.training._adaptation_card import by_corpus
from hamiltone.training._display import TrainingDisplay
from hamiltone.training._head_fitting import Head, fit_heads

_PITCHES = {"happy": 220.0, "sad": 110.0, "bored": 60.0}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ensemble of two of which one class is made of two."""
    torch.manual_seed(0)
    front = LogMelFront.from_settings(LogMelSettings(bands=16))
    config = ResidualSettings(channels=(4,), stem=4, attention=4)
    members = [build_network(config, front.shape, 4) for _ in range(2)]
    network = Ensemble.of(members, [[0, 1], [2], [3]])
    folder = tmp_path_factory.mktemp("adapt") / "model"
    save_bundle(Recognizer(front, network, ("sad", "happy", "angry")), folder, {"title": "two"}, licence="Mine.\n")
    write_heard({"emodb": ["a"]}, folder)
    return folder


def tones(folder: Path, clips: list[tuple[str, float, str, str]]) -> Path:
    """A table of pulsing tones, each given by its name, pitch, speaker and emotion."""
    chance, time = np.random.default_rng(0), np.arange(16000) / 16000
    pulse = np.sign(np.sin(2 * np.pi * 3 * time)) + 1.1
    for name, pitch, *_ in clips:
        tone = np.sin(2 * np.pi * pitch * (1 + 0.05 * chance.standard_normal()) * time)
        soundfile.write(folder / name, 0.2 * pulse * (tone + 0.05 * chance.standard_normal(16000)), 16000)
    path = folder / "table.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = [[name, speaker, emotion] for name, _, speaker, emotion in clips]
        csv.writer(file).writerows([["path", "speaker", "emotion"], *rows])
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tones of three pitches by four speakers, 20 clips of each class."""
    clips = [
        (f"{emotion}-{number}.wav", pitch, f"s{number % 4}", emotion)
        for emotion, pitch in _PITCHES.items()
        for number in range(20)
    ]
    return tones(tmp_path_factory.mktemp("tones"), clips)


def corpus(path: Path) -> CorpusSettings:
    return CorpusSettings(name="table", root=str(path))


def without(table: Path, name: str, keep) -> Path:
    with table.open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    path = table.with_name(name)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *filter(None, map(keep, rows))])
    return path


def test_a_recogniser_learns_classes_of_ones_own_and_is_judged_on_unheard_speakers(model, table, tmp_path):
    made = adapt(corpus(table), model, tmp_path / "own", threads=1, quiet=True)
    note, all_right = made.notes
    assert "tell no temperature (60 of 60 frames" in all_right and load_recognizer(tmp_path / "own").temperature == 1
    assert note.startswith("bored: a class that the model does not know, which knows ") and "--label" in note
    assert made.predictions is not None and len(made.predictions) == 60
    right = np.mean(made.predictions["truth"].to_numpy() == made.predictions["prediction"].to_numpy())
    assert right > 0.8  # pitches are easily told apart; chance is a third
    assert made.results[0].startswith(
        f"Of 100 recordings of speakers whom its last layers had not heard, it was right about {100 * right:.0f};"
    )
    assert "never heard its speaker: UAR" in made.results[1]
    saved = load_recognizer(tmp_path / "own")
    assert saved.labels == ("bored", "happy", "sad")
    x = torch.randn(2, 64000) * 0.1
    torch.testing.assert_close(saved(x), made.recognizer(x))
    card = bundle_config(tmp_path / "own")["card"]
    assert "60 recordings of 4 speakers" in card["corpus_note"] and "two" in card["corpus_note"]
    assert card["calibration"] == (
        f"temperature {saved.temperature:.3f}, told by none of the 60 recordings, by layers that had not heard their "
        f"speakers; unsure below a score of {saved.unsure_below:g}, as before"
    )
    assert card["notes"] == [note, all_right]
    assert f"- note: {note}\n" in (tmp_path / "own" / "README.md").read_text(encoding="utf-8")
    assert (tmp_path / "own" / "LICENCE").read_text(encoding="utf-8") == "Mine.\n"
    heard = read_heard(tmp_path / "own")
    assert heard["emodb"] == ["a"] and len(heard["table"]) == 60


def test_each_part_of_the_work_is_shown_and_the_threads_are_those_asked_for(model, table, tmp_path, monkeypatch):
    shown, threads = [], set()
    monkeypatch.setattr(TrainingDisplay, "report", lambda _, what, done, total: shown.append((what, done, total)))
    monkeypatch.setattr(
        "hamiltone.training._adaptation.fit_heads",
        lambda *given: (threads.add(torch.get_num_threads()), fit_heads(*given))[1],
    )
    asked = ["adapt", str(table), "--model", str(model), "--out", str(tmp_path / "own"), "--threads", "3", "--quiet"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert threads == {3}
    assert list(dict.fromkeys(what for what, *_ in shown))[-3:] == ["hearing", "validating", "fitting last layers"]
    assert shown[-2:] == [("fitting last layers", 0, 2), ("fitting last layers", 1, 2)]


def test_who_is_judged_was_not_heard_by_the_layers_that_judge(model, tmp_path, monkeypatch):
    """Each of four voices has a pitch and an emotion, and those next to it have the other one."""
    voices, left_out, fitted = (60.0, 110.0, 220.0, 440.0), [], _Heard.fitted

    def spied(self: _Heard, chosen: np.ndarray, *given) -> list[list[Head]]:
        left_out.append(self.part.utterances.table["speaker"][~chosen].tolist())
        return fitted(self, chosen, *given)

    monkeypatch.setattr(_Heard, "fitted", spied)
    clips = [
        (f"{number}-{take}.wav", pitch, f"s{number}", ("happy", "sad")[number % 2])
        for number, pitch in enumerate(voices)
        for take in range(10)
    ]
    made = adapt(corpus(tones(tmp_path, clips)), model, tmp_path / "own", threads=1, quiet=True)
    assert made.predictions is not None
    right = np.mean(made.predictions["truth"].to_numpy() == made.predictions["prediction"].to_numpy())
    assert right < 0.3  # layers that have heard a voice are right about all of it; chance is a half
    # How far they may go is chosen where a second voice is left out, if two emotions remain.
    pairs = [(one, other) for one, other in combinations(range(4), 2) if (other - one) % 2]
    expected = [(), *combinations(range(4), 1), *pairs]
    assert sorted(left_out) == sorted([f"s{number}" for number in one for _ in range(10)] for one in expected)


def test_without_speakers_nothing_is_validated_and_a_line_says_so(model, table, tmp_path):
    path = without(table, "nameless.csv", lambda row: [row[0], "", row[2]])
    made = adapt(corpus(path), model, tmp_path / "own", threads=1, quiet=True)
    assert made.predictions is None and made.results == ()
    assert any("name the speakers" in note for note in made.notes)


def test_of_several_corpora_each_has_its_recordings_by_its_own_name(tmp_path):
    """As leak checks ask for them."""
    rows = [{"utterance": name, "path": name, "emotion": "sad"} for name in ("ravdess/1", "emodb/a", "emodb/b")]
    assert by_corpus(Utterances.from_rows(rows, corpus="ravdess+emodb", root=tmp_path)) == {
        "ravdess": {"1"},
        "emodb": {"a", "b"},
    }
    assert by_corpus(Utterances.from_rows(rows[:1], corpus="table", root=tmp_path)) == {"table": {"ravdess/1"}}


def test_recordings_that_the_model_has_heard_are_told(model, table, tmp_path):
    heard = tmp_path / "model"
    shutil.copytree(model, heard)
    write_heard({"ravdess": ["happy-0", "sad-3", "other"]}, heard)
    made = adapt(corpus(table), heard, tmp_path / "own", threads=1, quiet=True)
    (note,) = [note for note in made.notes if "heard" in note]
    assert "has heard ravdess, where 2 recordings have names of these 60 recordings (as happy-0)" in note
    again = adapt(corpus(table), tmp_path / "own", tmp_path / "again", threads=1, quiet=True)
    assert any("was trained on 60 of these 60 recordings: the results are too good" in note for note in again.notes)


def test_too_few_recordings_of_a_class_are_told(model, table, tmp_path):
    path = without(table, "few.csv", lambda row: row if row[2] != "bored" or row[0] == "bored-1.wav" else None)
    made = adapt(corpus(path), model, tmp_path / "own", threads=1, quiet=True)
    assert any(note.startswith("bored: 1 recording of 1 speaker, too few") for note in made.notes)


@pytest.mark.parametrize(
    ("keep", "told"),
    [
        (lambda row: row if row[2] == "sad" else None, "only sad"),
        (lambda row: [row[0], "" if row[0] == "sad-1.wav" else row[1], row[2]], "1 of 60 recordings have no speaker"),
    ],
)
def test_recordings_that_cannot_serve_are_refused(model, table, tmp_path, keep, told):
    with pytest.raises(TrainingError, match=told):
        adapt(corpus(without(table, "refused.csv", keep)), model, tmp_path / "own", threads=1, quiet=True)
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize("speeds", [(1.0,), (0.9, 1.0, 1.1)])
def test_held_strongly_the_classes_stay_what_they_were(model, table, monkeypatch, tmp_path, speeds):
    monkeypatch.setattr("hamiltone.training._adaptation.fit_heads", lambda first, *_: [first, first])
    path = without(table, "known.csv", lambda row: [row[0], "", row[2]] if row[2] != "bored" else None)
    before, x = load_recognizer(model).at_speeds(speeds), torch.randn(3, 64000) * 0.1
    save_bundle(before, tmp_path / "before")
    made = adapt(corpus(path), tmp_path / "before", tmp_path / "own", threads=1, quiet=True)
    places = [before.labels.index(label) for label in made.recognizer.labels]
    expected = before(x)[:, places].log_softmax(1)
    # Of each member the classes that are left sum to 1, of the mean they do not: so the bound is no rounding.
    torch.testing.assert_close(made.recognizer(x).log_softmax(1), expected, atol=0.02, rtol=0)


def test_before_and_after_are_judged_by_the_rule_of_the_recogniser(model, tmp_path, monkeypatch):
    chance, rows = np.random.default_rng(0), ["path,speaker,emotion"]
    for number in range(8):  # of two frames each, which differ
        noise, time = chance.uniform(-0.5, 0.5, 64000), np.arange(56000) / 16000
        tone = 0.3 * np.sin(2 * np.pi * 200 * (1 + number) * time)
        soundfile.write(tmp_path / f"{number}.wav", np.concatenate([noise, tone]), 16000)
        rows.append(f"{number}.wav,s{number % 2},{('happy', 'sad')[number // 2 % 2]}")
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")
    before = load_recognizer(model)
    before.temperature = 0.05
    save_bundle(before, tmp_path / "sharp")
    monkeypatch.setattr("hamiltone.training._adaptation.fit_heads", lambda first, *_: [first, first])
    monkeypatch.setattr("hamiltone.training._adaptation.told_temperature", lambda *_: (0.05, []))
    made = adapt(corpus(tmp_path / "table.csv"), tmp_path / "sharp", tmp_path / "own", threads=1, quiet=True)
    (adapted, first) = [line.partition(": ")[2] for line in made.results[1:]]
    assert adapted == first  # the layers are the same ones, and so is the temperature
    assert made.predictions is not None
    for row in made.predictions.to_dict("records"):
        scores = Predictor(made.recognizer).predict(tmp_path / row["utterance"], hop=4.0).scores
        assert len(set(scores.values())) == 2
        assert {label: row[f"score_{label}"] for label in scores} == pytest.approx(scores, abs=1e-3)


def test_a_fitted_layer_is_the_minimum_that_scipy_finds():
    torch.manual_seed(0)
    features, classes = torch.randn(40, 3) * torch.tensor([1.0, 5.0, 0.2]) + 2, torch.randint(0, 2, (40,))
    weights = torch.rand(40)
    weights /= weights.sum()
    groups = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    first = Head(torch.randn(3, 3) * 0.1, torch.randn(3) * 0.1)
    (*_, fitted) = fit_heads(first, features, classes, weights, groups, (1.0, 0.1))
    spread = ((features - features.mean(0)) / features.std(0, correction=0)).double().numpy()
    base, mass, told = first(features).double().numpy(), weights.double().numpy(), classes.numpy()

    def loss(flat: np.ndarray) -> float:
        change, shift = flat[:9].reshape(3, 3), flat[9:]
        scores = base + spread @ change.T + shift
        powers = np.exp(scores - scores.max(1, keepdims=True))
        right = (powers / powers.sum(1, keepdims=True)) @ groups.double().numpy()
        return float(-(mass * np.log(right[np.arange(40), told])).sum() + 0.05 * (flat**2).sum())

    found = minimize(loss, np.zeros(12))
    scores = base + spread @ found.x[:9].reshape(3, 3).T + found.x[9:]
    expected = torch.from_numpy(scores).softmax(1) @ groups.double()
    torch.testing.assert_close(fitted(features).double().softmax(1) @ groups.double(), expected, atol=3e-3, rtol=0)
