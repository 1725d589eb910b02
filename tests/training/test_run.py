import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from hamiltone.corpora import read_split
from hamiltone.errors import HamiltoneError
from hamiltone.networks import TrainedRHEmo, bundle_config, load_bundle, load_recognizer
from hamiltone.speech import cut_frames, load_audio
from hamiltone.training import TrainingError, evaluate, load_material, read_record, read_settings, train

from .conftest import Make


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_run_leaves_these_files_and_no_others(chain: dict[str, Path]) -> None:
    files = {"record.json", "predictions.csv", "settings.toml", "split.json", "model"}
    assert {path.name for path in chain["baseline"].iterdir() if not path.name.endswith(".lock")} == files
    visible = {path.name for path in chain["rh-emo"].iterdir() if not path.name.startswith(".")}
    assert visible == files - {"predictions.csv"}


def test_the_methods_are_named_by_what_they_rest_on(chain: dict[str, Path]) -> None:
    methods = {name: read_record(folder)["method"] for name, folder in chain.items()}
    assert methods["baseline"] == methods["real"] == "none"
    assert methods["at-speaker"] == "single S"
    assert methods["dual-sw"] == "dual SW"
    assert methods["word"] == methods["rh-emo"] == ""


def test_the_records_measures_follow_from_its_predictions(chain: dict[str, Path]) -> None:
    record = read_record(chain["baseline"])
    table = pd.read_csv(chain["baseline"] / "predictions.csv", dtype={"utterance": str, "speaker": str})
    truth, prediction = table["truth"], table["prediction"]
    test = record["test"]
    assert test["accuracy"]["value"] == pytest.approx(accuracy_score(truth, prediction))
    assert test["uar"]["value"] == pytest.approx(balanced_accuracy_score(truth, prediction))
    assert test["macro_f1"]["value"] == pytest.approx(f1_score(truth, prediction, average="macro"))
    scores = table[[f"score_{label}" for label in record["labels"]]]
    assert scores.sum(axis=1).to_numpy() == pytest.approx(np.ones(len(table)), abs=1e-5)
    assert [record["labels"][i] for i in scores.to_numpy().argmax(axis=1)] == list(prediction)
    split = read_split(chain["baseline"] / "split.json")
    assert sorted(table["utterance"]) == sorted(split.parts["test"])
    assert record["split"]["hash"] == split.hash


def test_predictions_are_what_the_saved_model_gives_for_the_recordings(chain: dict[str, Path]) -> None:
    model = load_recognizer(chain["at-speaker"] / "model")
    table = pd.read_csv(chain["at-speaker"] / "predictions.csv").set_index("utterance")
    material = load_material(read_settings(chain["at-speaker"] / "settings.toml"))
    paths = material.utterances.table.set_index("utterance")["path"]
    for name in list(table.index)[:4]:
        scores = model.recognize([torch.from_numpy(cut_frames(load_audio(str(paths[name]))))]).overall
        saved = torch.tensor([table.loc[name, f"score_{label}"] for label in model.labels])
        torch.testing.assert_close(scores, saved.float(), atol=1e-5, rtol=0)


def test_the_anti_transfer_term_stands_apart(chain: dict[str, Path]) -> None:
    for epoch in read_record(chain["dual-sw"])["epochs"]:
        terms = epoch["train"]
        assert terms["loss"] == pytest.approx(terms["cross_entropy"] + terms["anti_transfer"])
        assert 0 <= terms["anti_transfer"] <= 1
        assert "anti_transfer" not in epoch["validation"]  # early stopping watches the cross-entropy alone
    assert "anti_transfer" not in read_record(chain["baseline"])["epochs"][0]["train"]


def test_the_best_epoch_is_kept(chain: dict[str, Path]) -> None:
    record = read_record(chain["baseline"])
    losses = [epoch["validation"]["cross_entropy"] for epoch in record["epochs"]]
    assert record["best_epoch"] == int(np.argmin(losses)) + 1
    best = record["epochs"][record["best_epoch"] - 1]["validation"]
    assert record["validation"]["accuracy"]["value"] == pytest.approx(best["accuracy"])


def test_a_frozen_rh_emo_is_carried_over_bit_for_bit(chain: dict[str, Path]) -> None:
    key = bundle_config(chain["rh-emo"] / "model")["encoder_key"]
    for name in ("word", "speaker", "baseline", "dual-sw"):
        assert bundle_config(chain[name] / "model")["encoder_key"] == key
    assert bundle_config(chain["joint"] / "model")["encoder_key"] != key


def test_rh_emos_second_stage_goes_on_from_the_first(chain: dict[str, Path]) -> None:
    first, second = load_bundle(chain["rh-emo-1"] / "model"), load_bundle(chain["rh-emo"] / "model")
    assert isinstance(first, TrainedRHEmo)
    assert isinstance(second, TrainedRHEmo)
    assert first.rh_emo.heads is None
    assert second.rh_emo.heads is not None
    assert torch.equal(first.spectrogram.get_buffer("maximum"), second.spectrogram.get_buffer("maximum"))
    record = read_record(chain["rh-emo"])
    assert set(record["reconstruction"]) == {"bce", "bce_constant", "bce_mean_spectrogram", "axis_deviation"}
    assert "valence" in record["epochs"][0]["train"]
    assert record["test"]["clips"] == record["split"]["test"]["clips"]


def test_dual_anti_transfer_starts_from_the_single_run(settings_for: Make, chain: dict[str, Path]) -> None:
    """With a learning rate of next to nothing the weights stay those of the run it starts from."""
    settings = read_settings(chain["dual-sw"] / "settings.toml", ["training.learning_rate=1e-30", "training.epochs=1"])
    out = chain["dual-sw"].parent / "dual-still"
    train(settings.model_copy(update={"out": str(out)}), quiet=True)
    assert same(weights(out), weights(chain["at-speaker"]))


def test_the_same_settings_give_the_same_bytes(settings_for: Make, chain: dict[str, Path], tmp_path: Path) -> None:
    settings = read_settings(chain["at-speaker"] / "settings.toml", [f"out={tmp_path / 'again'}"])
    train(settings, quiet=True, command="a test")
    for name in ("model/model.safetensors", "predictions.csv", "split.json"):
        assert (tmp_path / "again" / name).read_bytes() == (chain["at-speaker"] / name).read_bytes()
    one, two = read_record(tmp_path / "again"), read_record(chain["at-speaker"])
    for record in (one, two):
        del record["resources"], record["settings"]["out"]
    assert one == two


def test_another_seed_gives_other_weights(chain: dict[str, Path], tmp_path: Path) -> None:
    train(read_settings(chain["real"] / "settings.toml", [f"out={tmp_path / 'r'}", "seed=1"]), quiet=True)
    assert not same(weights(tmp_path / "r"), weights(chain["real"]))


def test_a_finished_run_is_not_done_again(chain: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    before = (chain["baseline"] / "record.json").stat().st_mtime_ns
    record = train(read_settings(chain["baseline"] / "settings.toml"))
    assert record == json.loads((chain["baseline"] / "record.json").read_text())
    assert (chain["baseline"] / "record.json").stat().st_mtime_ns == before
    assert "done before" in capsys.readouterr().err


def test_init_from_another_corpus_s_classes_keeps_all_but_the_last_layer(
    chain: dict[str, Path], tmp_path: Path
) -> None:
    settings = read_settings(
        chain["baseline"] / "settings.toml",
        [
            f"out={tmp_path / 'm'}",
            f"init_from={chain['word']}",
            "training.learning_rate=1e-30",
            "training.epochs=1",
            "leaks=report",
        ],
    )
    train(settings, quiet=True)
    ours, theirs = weights(tmp_path / "m"), weights(chain["word"])
    differing = {
        name for name in ours if not (ours[name].shape == theirs[name].shape and ours[name].equal(theirs[name]))
    }
    assert differing <= {"network.classifier.6.weight", "network.classifier.6.bias"}
    assert "network.classifier.6.weight" in differing


def test_evaluate_gives_the_records_results_again(chain: dict[str, Path], tmp_path: Path) -> None:
    settings = read_settings(chain["dual-sw"] / "settings.toml")
    evaluation = evaluate(settings, chain["dual-sw"] / "model", tmp_path / "e")
    assert evaluation["test"] == read_record(chain["dual-sw"])["test"]
    assert (tmp_path / "e" / "predictions.csv").read_text() == (chain["dual-sw"] / "predictions.csv").read_text()


def test_numbers_of_parameters(chain: dict[str, Path]) -> None:
    frozen, joint = read_record(chain["baseline"])["parameters"], read_record(chain["joint"])["parameters"]
    encoder = (1 * 9 + 1) * 2 + 2 * 2 + (2 * 9 + 1) * 4 + 2 * 4 + (4 * 9 + 1) * 4
    assert frozen == {"trained": frozen["network"], "network": frozen["network"], "front": encoder}
    assert joint["trained"] == joint["network"] + encoder


@pytest.mark.parametrize(
    ("base", "overrides", "message"),
    [
        ("baseline", ["seed=5"], "holds another run"),
        ("at-speaker", ["out={new}", "anti_transfer.layers=[9]"], "the network has 8 convolutions"),
        ("at-speaker", ["out={new}", "network.width=0.125"], "network of another structure"),
        ("at-speaker", ["out={new}", "anti_transfer.orthogonal={baseline}"], "no word or speaker run"),
        ("at-speaker", ["out={new}", "anti_transfer.orthogonal={new}/none"], "no finished run"),
        ("at-speaker", ["out={new}", "leaks=refuse"], "was trained on"),
        ("at-speaker", ["out={new}", "front.source={rh-emo-1}"], "another RH-Emo"),
        ("real", ["out={new}", "front.source={rh-emo}"], "set front.kind to rh-emo"),
        ("baseline", ["out={new}", "front.source={real}"], "has no RH-Emo"),
        ("baseline", ["out={new}", "init_from={rh-emo}"], "is of task rh-emo"),
        ("baseline", ["out={new}", "init_from={real}"], "another shape"),
        ("speaker", ["out={new}", "split.kind=actor"], "no known speaker"),
        ("baseline", ["out={new}", "corpus.root=$NO_SUCH_NAME/x"], "which is not set"),
        ("baseline", ["out={new}", "training.learning_rate=1e30", "training.epochs=9"], "has diverged"),
        ("baseline", ["out={new}", "frames.silent_peak=2"], "every recording is silent"),
        ("baseline", ["out={new}", "split.file={word}/split.json"], "of the split"),
        ("baseline", ["out={new}", "split.file={word}/record.json"], "not a split"),
    ],
)
def test_runs_that_cannot_be_are_refused_in_one_line(
    chain: dict[str, Path], tmp_path: Path, base: str, overrides: list[str], message: str
) -> None:
    places = {name: str(folder) for name, folder in chain.items()} | {"new": str(tmp_path / "new")}
    for name, place in places.items():
        overrides = [text.replace(f"{{{name}}}", place) for text in overrides]
    with pytest.raises(HamiltoneError) as caught:
        train(read_settings(chain[base] / "settings.toml", overrides), quiet=True)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new" / "record.json").exists()
    assert not (tmp_path / "new" / "model").exists()


def test_an_interrupted_run_of_other_settings_is_not_continued(chain: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "r"
    settings = read_settings(chain["real"] / "settings.toml", [f"out={out}"])
    (out / "checkpoint").mkdir(parents=True)
    (out / "checkpoint" / "run").write_text("another key")
    with pytest.raises(TrainingError, match="holds another run"):
        train(settings, quiet=True)
