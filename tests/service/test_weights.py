"""The weights that come with the package: what they are, what they say of themselves, and that they hear emotion."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from hamiltone.audio import FRAME_SAMPLES
from hamiltone.cli import app
from hamiltone.measures import unweighted_average_recall
from hamiltone.networks import Ensemble, bundle_card, bundle_config, load_recognizer
from hamiltone.quaternion import QuaternionConv2d
from hamiltone.service import SHIPPED, Predictor, licence_notice, model_folder

ROOT = Path(__file__).parents[2]
CLASSES = {
    "four": {"neutral", "happy", "sad", "angry"},
    "eight": {"neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"},
}
each = pytest.mark.parametrize("name", SHIPPED)


def out_of_fold(name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / "docs" / "weights" / f"{name}.csv", dtype={"speaker": str})


@each
def test_what_they_have_heard_lies_beside_them(name: str) -> None:
    heard = json.loads((model_folder(name) / "heard.json").read_text(encoding="utf-8"))
    counts = {corpus: len(utterances) for corpus, utterances in heard.items()}
    assert counts == bundle_config(model_folder(name))["card"]["heard"]
    names = out_of_fold(name)["utterance"].str.partition("/")
    assert all(utterance in heard[corpus] for corpus, utterance in zip(names[0], names[2], strict=True))


@each
def test_they_are_small_quaternion_networks(name: str) -> None:
    recognizer = Predictor(name).recognizer
    assert set(recognizer.labels) == CLASSES[name]
    assert isinstance(recognizer.network, Ensemble)
    assert len(recognizer.network.members) == 6
    assert any(isinstance(module, QuaternionConv2d) for module in recognizer.network.modules())
    assert recognizer.temperature != 1
    assert recognizer.unsure_below > 0
    assert sum(path.stat().st_size for path in model_folder(name).iterdir()) <= 20 * 2**20


@each
def test_no_gain_changes_their_scores(name: str) -> None:
    predictor = Predictor(name)
    seconds = np.arange(FRAME_SAMPLES) / 16_000
    voice = np.sin(2 * np.pi * 150 * seconds) * np.sin(2 * np.pi * 3 * seconds) ** 2 * 0.09
    loud, quiet = (predictor.predict_waveform((voice * gain).astype(np.float32)) for gain in (10, 0.1))
    assert loud.scores == pytest.approx(quiet.scores, abs=1e-4)


def test_the_verbs_take_the_four_where_no_model_is_named_and_the_eight_by_name(tmp_path: Path) -> None:
    runner = CliRunner()
    assert f"{'model':<14}{model_folder()}" in runner.invoke(app, ["info"]).stdout
    assert f"{'model':<14}{model_folder('eight')}" in runner.invoke(app, ["info", "eight"]).stdout
    exported = runner.invoke(app, ["export", "eight", "--hub", str(tmp_path / "hub")])
    assert exported.exit_code == 0
    assert load_recognizer(tmp_path / "hub").labels == load_recognizer(model_folder("eight")).labels
    assert licence_notice(tmp_path / "hub") == licence_notice(model_folder("eight"))


@each
def test_their_licence_is_told(name: str) -> None:
    assert licence_notice(model_folder(name)).endswith("for non-commercial use only.")
    licences = bundle_config(model_folder(name))["card"]["licences"]
    assert {"ravdess", "tess", "emodb", "nemo"} <= set(licences)


@each
def test_the_card_has_the_results_that_lie_in_the_docs(name: str) -> None:
    results = json.loads((ROOT / "docs" / "weights" / "results.json").read_text(encoding="utf-8"))[name]
    table, card = out_of_fold(name), bundle_card(model_folder(name))
    for part, rows in (("all", table), *table.groupby("corpus")):
        recall = unweighted_average_recall(list(rows["truth"]), list(rows["prediction"]))
        assert results["parts"][part]["uar"]["value"] == pytest.approx(recall)
        assert f"UAR {recall:.3f}" in card
    assert {"women", "men"} <= set(results["parts"])
    assert not table["utterance"].duplicated().any()  # each recording is tested once


def test_they_know_the_voices_that_they_learned_from(speech_data: Path) -> None:
    table = out_of_fold("four")
    rows = table[table["utterance"].str.startswith("ravdess/")].iloc[::60]
    predictor = Predictor()
    right = 0
    for row in rows.to_dict("records"):
        (path,) = (speech_data / "ravdess").rglob(f"{str(row['utterance']).removeprefix('ravdess/')}.*")
        right += predictor.predict(path).label == row["truth"]
    assert right >= 0.7 * len(rows)
