"""The weights that come with the package: what they are, what they say of themselves, and that they hear emotion."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from hamiltone.cli import app
from hamiltone.measures import unweighted_average_recall
from hamiltone.networks import bundle_card, bundle_config
from hamiltone.quaternion import QuaternionBatchNorm2d, QuaternionConv2d
from hamiltone.service import Predictor, licence_notice, model_folder

ROOT = Path(__file__).parents[2]
CLASSES = {"neutral", "happy", "sad", "anger"}


def test_what_they_have_heard_lies_beside_them() -> None:
    heard = json.loads((model_folder() / "heard.json").read_text())
    assert {corpus: len(utterances) for corpus, utterances in heard.items()} == bundle_config(model_folder())["card"][
        "heard"
    ]
    tested = pd.read_csv(ROOT / "docs" / "weights" / "predictions.csv")
    own = tested.loc[tested["fold"] == 0, "utterance"].str.partition("/")
    assert not any(utterance in heard[corpus] for corpus, utterance in zip(own[0], own[2], strict=True))
    others = tested.loc[tested["fold"] == 1, "utterance"].str.partition("/")
    assert all(utterance in heard[corpus] for corpus, utterance in zip(others[0], others[2], strict=True))


def test_they_are_a_small_quaternion_network_trained_with_anti_transfer() -> None:
    recognizer = Predictor().recognizer
    assert set(recognizer.labels) == CLASSES
    kinds = [type(module) for module in recognizer.network.modules()]
    assert kinds.count(QuaternionConv2d) == kinds.count(QuaternionBatchNorm2d) == 8
    assert recognizer.temperature != 1
    assert bundle_config(model_folder())["card"]["method"].startswith("single S")
    assert sum(path.stat().st_size for path in model_folder().iterdir()) <= 5 * 2**20


def test_the_verbs_take_them_where_no_model_is_named(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["info"])
    assert f"{'model':<14}{model_folder()}" in told.stdout
    exported = CliRunner().invoke(app, ["export", "--hub", str(tmp_path / "hub")])
    assert exported.exit_code == 0
    assert licence_notice(tmp_path / "hub") == licence_notice(model_folder())


def test_their_licence_is_told() -> None:
    assert licence_notice(model_folder()).endswith("for non-commercial use only.")
    licences = bundle_config(model_folder())["card"]["licences"]
    assert {"ravdess", "tess", "emodb", "librispeech"} <= set(licences)


def test_the_card_has_the_results_that_lie_in_the_docs() -> None:
    results = json.loads((ROOT / "docs" / "weights" / "results.json").read_text())
    table = pd.read_csv(ROOT / "docs" / "weights" / "predictions.csv")
    card = bundle_card(model_folder())
    own = table[table["fold"] == 0]
    for rows, summary in ((table, results["all folds"]["all"]), (own, results["the packaged recogniser (fold 0)"])):
        recall = unweighted_average_recall(list(rows["truth"]), list(rows["prediction"]))
        assert summary["uar"]["value"] == pytest.approx(recall)
        assert f"UAR {recall:.3f}" in card
    groups = {"ravdess", "emodb", "tess", "women", "men"}
    assert groups <= set(results["all folds"])
    assert set(table.groupby("speaker")["fold"].nunique()) == {1}  # each speaker is tested once


def test_they_give_the_scores_of_the_docs_on_the_same_recordings(speech_data: Path) -> None:
    table = pd.read_csv(ROOT / "docs" / "weights" / "predictions.csv")
    own = pd.DataFrame(table[(table["fold"] == 0) & table["utterance"].str.startswith("ravdess/")]).head(8)
    predictor = Predictor()
    for row in own.to_dict("records"):
        name = str(row["utterance"]).removeprefix("ravdess/")
        (path,) = (speech_data / "ravdess").rglob(f"{name}.*")
        prediction = predictor.predict(path)
        assert prediction.label == row["prediction"]
        assert prediction.scores == pytest.approx(
            {label: row[f"score_{label}"] for label in prediction.scores}, abs=1e-4
        )
