"""A trained recogniser gets its temperature from the validation part."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hamiltone.measures import fit_temperature
from hamiltone.networks import bundle_config, bundle_licence, load_recognizer, weights_key
from hamiltone.service import Predictor
from hamiltone.training import RunSettings, TrainingError, adapt, calibrate, evaluate, load_dataset, train
from hamiltone.training._calibrate import told_temperature

Make = Callable[..., RunSettings]


def test_the_temperature_is_that_of_the_validation_part(settings_for: Make, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "run")
    train(settings, quiet=True)
    model = tmp_path / "run" / "model"
    (model / "LICENCE").write_text("For non-commercial use only.\n")
    told = calibrate(settings, model, tmp_path / "calibrated", quiet=True)

    before, after = load_recognizer(model), load_recognizer(tmp_path / "calibrated")
    assert (before.temperature, after.temperature) == (1.0, told["temperature"])
    assert weights_key(before) == weights_key(after)

    # The same from the files themselves: each synthetic clip is one frame.
    material = load_dataset(settings)
    clips = material.split.apply(material.utterances)["validation"].table
    logs = []
    for path in clips["path"]:
        (frame,) = Predictor(before).predict(material.utterances.root / path).frames
        logs.append(torch.tensor([frame.scores[label] for label in before.labels]).log())
    classes = torch.tensor([before.labels.index(emotion) for emotion in clips["emotion"]])
    assert told["temperature"] == pytest.approx(fit_temperature(torch.stack(logs).numpy(), classes.numpy()), rel=1e-3)

    # Below the score that is asked for it is unsure, and the card says what that costs.
    highest, prediction = (torch.stack(logs) / told["temperature"]).softmax(dim=1).max(dim=1)
    wrong, unsure = prediction != classes, highest < 0.5
    assert (after.unsure_below, before.unsure_below) == (0.5, 0.0)
    assert told["doubt"]["unsure"] == int(unsure.sum())
    for name, clips_of in {"error": ~unsure, "error_unsure": unsure}.items():
        assert told["doubt"][name] == (pytest.approx(float(wrong[clips_of].float().mean())) if clips_of.any() else None)

    assert told["clips"] == len(clips) == sum(one["clips"] for one in told["after"]["reliability"])
    card = bundle_config(tmp_path / "calibrated")["card"]
    assert card["heard"] == bundle_config(model)["card"]["heard"] != {}
    assert card["licences"] == {"synthetic": "none: voices of eSpeak NG"}
    assert card["calibration"] in (tmp_path / "calibrated" / "README.md").read_text()
    heard = json.loads((tmp_path / "calibrated" / "heard.json").read_text())
    assert set(heard["synthetic"]) >= set(clips["utterance"])  # wherever it goes, leaks are known
    assert bundle_licence(tmp_path / "calibrated") == "For non-commercial use only.\n"
    assert bundle_licence(tmp_path) == ""


def test_an_evaluation_gives_what_predict_gives(settings_for: Make, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "run")
    train(settings, quiet=True)
    calibrate(settings, tmp_path / "run" / "model", tmp_path / "calibrated", quiet=True)
    evaluate(settings, tmp_path / "calibrated", tmp_path / "evaluation")
    material = load_dataset(settings)
    table = material.utterances.table
    paths = dict(zip(table["utterance"], table["path"], strict=True))
    predictor = Predictor(tmp_path / "calibrated")
    for row in pd.read_csv(tmp_path / "evaluation" / "predictions.csv").head(5).to_dict("records"):
        scores = predictor.predict(material.utterances.root / paths[row["utterance"]]).scores
        assert scores == pytest.approx({label: row[f"score_{label}"] for label in scores}, abs=1e-5)


def test_recordings_stand_where_predict_puts_them(settings_for: Make, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "run", frames={"random_offset": True})
    train(settings, quiet=True)
    told = [
        calibrate(each, tmp_path / "run" / "model", tmp_path / "calibrated", quiet=True)
        for each in (settings, settings_for(tmp_path / "run", frames={"random_offset": False}))
    ]
    assert told[0] == told[1]


def test_what_the_weights_were_fitted_to_is_not_calibrated_on(settings_for: Make, tmp_path: Path) -> None:
    train(settings_for(tmp_path / "run"), quiet=True)
    model, out = tmp_path / "run" / "model", tmp_path / "calibrated"

    def trained_on(settings: RunSettings) -> list[str]:
        return [note for note in calibrate(settings, model, out, quiet=True)["notes"] if "train" in note]

    assert trained_on(settings_for(tmp_path / "run")) == []
    other = settings_for(tmp_path / "other", split={"kind": "random", "fractions": [0.25, 0.5, 0.25]})
    with pytest.raises(TrainingError, match=r"was trained on \d+ of the \d+ validation recordings; calibrate with the"):
        calibrate(other, model, tmp_path / "leaking", quiet=True)
    assert not (tmp_path / "leaking").exists()
    (note,) = trained_on(other.model_copy(update={"leaks": "report"}))
    assert "was trained on" in note
    (tmp_path / "run" / "split.json").unlink()  # as weights that came without their run
    (note,) = trained_on(other)
    assert "is not known apart here" in note


def test_those_who_validate_were_trained_on_where_a_run_says_so(settings_for: Make, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "run", training__with_validation=True, training__keep="last")
    train(settings, quiet=True)
    with pytest.raises(TrainingError, match=r"on (\d+) of the \1 validation .* not heard \(training\.with"):
        calibrate(settings, tmp_path / "run" / "model", tmp_path / "calibrated", quiet=True)


def test_clips_that_say_little_of_the_temperature_are_told(settings_for: Make, tmp_path: Path) -> None:
    """The network of the runs here gives nearly the same scores to all clips."""
    settings = settings_for(tmp_path / "run")
    train(settings, quiet=True)
    (note,) = calibrate(settings, tmp_path / "run" / "model", tmp_path / "calibrated", quiet=True)["notes"]
    assert re.match(r"these clips tell no temperature \(\d+ of 19 validation frames are recognised\); ", note)
    assert note in (tmp_path / "calibrated" / "README.md").read_text()


def test_what_a_card_says_of_an_adaptation_stays_but_for_the_temperature(
    settings_for: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loose = "2 frames are too few; how sure the scores are means little: calibrate on more clips"
    monkeypatch.setattr("hamiltone.training._adaptation.told_temperature", lambda *_: (2.0, [loose]))
    settings, own = settings_for(tmp_path / "run", training__epochs=1), tmp_path / "own"
    train(settings, quiet=True)
    before, stays = adapt(settings.corpus, tmp_path / "run" / "model", own, threads=1, quiet=True).notes
    assert before == loose and "was trained on 56 of these 74 recordings" in stays
    for _ in range(2):  # each is told once
        told = calibrate(settings, own, own, quiet=True)["notes"]
        old = "the results above are of the scores before it was calibrated anew"
        assert bundle_config(own)["card"]["notes"] == [stays, *told, old]


def test_few_and_many_clips() -> None:
    logits, classes = np.tile([[2.0, 0.0]], (400, 1)), np.tile([0, 0, 0, 1], 100)
    (few, notes), (many, none) = (told_temperature(logits[:count], classes[:count], "frames") for count in (20, 400))
    assert [few, many] == pytest.approx([fit_temperature(logits, classes)] * 2)
    assert notes == [
        "20 frames are too few to say the temperature, which may be 0.72 to 4.6; how sure the scores are means little: "
        "calibrate on more clips"
    ]
    assert none == []


@pytest.mark.parametrize(("classes", "least"), [([0, 1, 2], 1), ([1, 2, 0], 15)])
def test_scores_get_no_surer_where_no_temperature_can_be_told(classes: list[int], least: float) -> None:
    """All right: as they are, not twenty times as sure; all wrong: as flat as can be."""
    temperature, (note,) = told_temperature(np.eye(3) * 2, np.array(classes), "frames")
    assert least <= temperature <= (20 if least > 1 else 1)
    assert "tell no temperature" in note
