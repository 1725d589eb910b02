"""Ensembles of finished runs, from runs on disk to a saved recogniser."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hamiltone.cli import app
from hamiltone.corpora import CorpusSettings, load_corpus
from hamiltone.networks import BundleError, bundle_config, load_recognizer, save_bundle
from hamiltone.records import read_heard, read_predictions
from hamiltone.service import Predictor
from hamiltone.settings import read_settings
from hamiltone.training import TrainingError, adapt, calibrate, ensemble, result_line, train

from .conftest import Make


@pytest.fixture(scope="module")
def folds(settings_for: Make, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("folds")
    outs = [folder / str(fold) for fold in range(2)]
    for fold, out in enumerate(outs):
        split = {"kind": "actor", "folds": 3, "fold": fold}
        train(
            settings_for(
                out,
                split=split,
                front={"kind": "log-mel", "bands": 16},
                network={"kind": "residual", "channels": [4], "stem": 4, "attention": 4},
                training__epochs=1,
                training__keep="last",
                training__with_validation=bool(fold),
            ),
            quiet=True,
        )
    return outs


def test_it_gives_the_mean_of_its_members_and_is_measured_where_they_had_not_heard(folds, tmp_path):
    made = ensemble(folds)
    made.save(tmp_path / "model", {"title": "both"})
    saved, members = load_recognizer(tmp_path / "model"), [load_recognizer(out / "model") for out in folds]
    x = torch.randn(2, 64000) * 0.1
    mean = torch.stack([member.eval()(x).softmax(1) for member in members]).mean(0)
    torch.testing.assert_close(saved.eval()(x).softmax(1), mean, atol=1e-5, rtol=1e-4)
    tables = [read_predictions(out / "predictions.csv") for out in folds]
    assert [*made.predictions["utterance"]] == [*tables[0]["utterance"], *tables[1]["utterance"]]
    assert [*made.predictions["prediction"]] == [*tables[0]["prediction"], *tables[1]["prediction"]]
    heard = {one for out in folds for one in read_heard(out)["synthetic"]}
    assert set(read_heard(tmp_path / "model")["synthetic"]) == heard
    line = result_line("it", made.predictions, saved.labels)
    assert line.startswith("it: UAR 0.") and f"{len(made.predictions)} recordings of 6 speakers, 4 classes" in line


def test_its_weights_and_what_they_have_heard_are_there_together_or_not_at_all(folds, tmp_path, monkeypatch):
    made = ensemble(folds)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("hamiltone.files._atomic._flush", full)
        made.save(tmp_path / "model", {"title": "both"})
    assert not list(tmp_path.iterdir())
    written = []

    def look(path: Path) -> None:
        if path.is_dir():
            written.append({file.name for file in path.iterdir()})

    monkeypatch.setattr("hamiltone.files._atomic._flush", look)
    made.save(tmp_path / "model", {"title": "both"})
    assert written == [{"config.json", "model.safetensors", "README.md", "heard.json"}]


def test_at_several_speeds_its_members_are_tested_so(folds, tmp_path):
    made = ensemble(folds, speeds=[0.9, 1.0])
    assert made.recognizer.front.settings()["speeds"] == [0.9, 1.0]
    as_they_are = ensemble(folds, speeds=[1.0])
    plain = ensemble(folds)
    scores = [name for name in plain.predictions.columns if name.startswith("score_")]
    ours, theirs, others = (one.predictions[scores].to_numpy() for one in (as_they_are, plain, made))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert np.abs(others - theirs).max() > 1e-3
    member = load_recognizer(folds[0] / "model").at_speeds([0.9, 1.0])
    name = read_predictions(folds[0] / "predictions.csv")["utterance"][0]
    corpus = load_corpus("synthetic").table
    (first,) = corpus.loc[corpus["utterance"] == name, "path"]
    direct = np.array(list(Predictor(member).predict(first, hop=4.0).scores.values()))
    direct = direct ** (1 / made.recognizer.temperature)
    np.testing.assert_allclose(others[0], direct / direct.sum(), atol=2e-3)
    with pytest.raises(TrainingError, match=r"ensemble: speeds: speed 2: takes 0\.5 to 1\.25"):
        ensemble(folds, speeds=[2.0])


def test_members_are_tested_on_no_other_recordings_than_their_own(folds, monkeypatch):
    """As where the corpus has grown, and its test part would be others, which they have perhaps learned from."""
    others = read_predictions(folds[1] / "predictions.csv")
    monkeypatch.setattr("hamiltone.training._ensemble.predictions_on_test", lambda *_: others)
    with pytest.raises(TrainingError, match="are not those that it was trained with, and neither is its test part"):
        ensemble(folds, speeds=[1.0])


def test_the_temperature_of_a_calibrated_member_is_not_of_the_ensemble(folds, tmp_path):
    copies = [Path(shutil.copytree(out, tmp_path / out.name)) for out in folds]
    member = load_recognizer(copies[0] / "model")
    member.temperature = 3.0
    save_bundle(member, copies[0] / "model")
    for speeds in (None, [1.0]):
        calibrated, plain = ensemble(copies, speeds=speeds), ensemble(folds, speeds=speeds)
        assert calibrated.recognizer.temperature == plain.recognizer.temperature
        pd.testing.assert_frame_equal(calibrated.predictions, plain.predictions)


def test_it_is_unsure_as_it_is_told_and_says_where_its_clips_tell_no_temperature(folds, tmp_path):
    made = ensemble(folds)
    assert made.recognizer.unsure_below == 0.5
    made.save(tmp_path / "model", {"title": "both"})
    assert load_recognizer(tmp_path / "model").unsure_below == 0.5
    told = bundle_config(tmp_path / "model")["card"]["calibration"]
    assert told.startswith(
        f"temperature {made.recognizer.temperature:.3f}, told by none of the {len(made.predictions)}"
    )
    (note,) = made.notes  # after one epoch they know nothing
    assert "test recordings of its members" in note and "calibrate on more clips" in note
    assert ensemble(folds, unsure_below=0.0).recognizer.unsure_below == 0
    with pytest.raises(ValueError, match="unsure_below must be a score of 0 to 1"):
        ensemble(folds, unsure_below=2.0)


def test_it_is_not_calibrated_on_what_a_member_was_trained_on(folds, tmp_path):
    ensemble(folds).save(tmp_path / "model", {"title": "both"})
    settings = read_settings(folds[0] / "settings.toml")
    with pytest.raises(
        TrainingError, match=r"was trained on \d+ of the \d+ validation recordings; it was calibrated wh"
    ):
        calibrate(settings, tmp_path / "model", tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()
    open_eyed = settings.model_copy(update={"leaks": "report"})
    notes = calibrate(open_eyed, tmp_path / "model", tmp_path / "out", quiet=True)["notes"]
    assert any("was trained on" in note for note in notes)


def test_classes_add_up(folds):
    names = load_recognizer(folds[0] / "model").labels
    made = ensemble(folds, {"one": names[:2], "other": names[2:3]})
    table = read_predictions(folds[0] / "predictions.csv")
    table = table[table["truth"].isin(names[:3])]
    assert made.recognizer.labels == ("one", "other")
    got = made.predictions.iloc[: len(table)]
    one, other = table[f"score_{names[0]}"] + table[f"score_{names[1]}"], table[f"score_{names[2]}"]
    assert [*(got["prediction"] == "one")] == [*(one > other)]
    odds = (one / other) ** (1 / made.recognizer.temperature)
    np.testing.assert_allclose(got["score_one"] / got["score_other"], odds, rtol=1e-6)
    assert made.notes[-1] == f"left out: {', '.join(names[3:])}; recordings of them get one of the others"


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"one": ["joy"]}, "no class is called joy"),
        ({"one": ["X"], "two": ["X"]}, "the class X is named twice"),
        ({"one": ["X"]}, "of 1 class nothing is chosen; name two at least"),
    ],
)
def test_classes_that_do_not_go_are_refused(folds, classes, message):
    first = load_recognizer(folds[0] / "model").labels[0]
    asked = {name: [first if part == "X" else part for part in parts] for name, parts in classes.items()}
    with pytest.raises(TrainingError, match=message.replace("X", first)):
        ensemble(folds, asked)


def test_a_clip_that_two_members_test_is_refused(folds):
    with pytest.raises(TrainingError, match="is a test clip of two runs"):
        ensemble([folds[0], folds[0]])


@pytest.mark.parametrize("verb", ["calibrate", "adapt", "ensemble"])
@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("thesis", "holds something else than a model"),
        ("file", "is a file, and a model is a folder"),
        ("file/model", "is a file, so that"),
    ],
)
def test_a_place_that_no_model_can_take_is_refused_before_any_work(folds, tmp_path, monkeypatch, verb, place, message):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "mine.txt").write_text("mine")
    (tmp_path / "file").touch()
    for module in ("_calibrate", "_adaptation", "_ensemble"):
        monkeypatch.setattr(f"hamiltone.training.{module}.load_recognizer", lambda _: pytest.fail("it began"))
    model, out = folds[0] / "model", tmp_path / place
    with pytest.raises(BundleError, match=message):
        if verb == "calibrate":
            calibrate(read_settings(folds[0] / "settings.toml"), model, out, quiet=True)
        elif verb == "adapt":
            adapt(CorpusSettings(name="table", root="none"), model, out, quiet=True)
        else:
            app(["ensemble", str(folds[0]), "--out", str(out)], standalone_mode=False)
