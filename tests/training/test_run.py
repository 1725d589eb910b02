import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from hamiltone.corpora import CorpusSettings, Split, Utterances, load_corpus, protocol_of, read_split
from hamiltone.errors import HamiltoneError
from hamiltone.networks import TrainedRHEmo, load_bundle, load_recognizer
from hamiltone.settings import Dataset, settings_from
from hamiltone.speech import cut_frames, load_audio
from hamiltone.training import TrainingError, _run, evaluate, load_dataset, read_record, read_settings, train
from hamiltone.training._checkpoint import Checkpoint, Progress
from hamiltone.training._preparation import check_unheard
from hamiltone.training._run import make_run

from .conftest import Make


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal but for steps of a learning rate of next to nothing."""
    return one.shape == other.shape and torch.allclose(one, other, rtol=0, atol=1e-20)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_run_leaves_these_files_and_no_others(chain: dict[str, Path]) -> None:
    files = {"record.json", "predictions.csv", "settings.toml", "split.json", "heard.json", "model"}
    assert {path.name for path in chain["baseline"].iterdir() if not path.name.endswith(".lock")} == files
    visible = {path.name for path in chain["rh-emo"].iterdir() if not path.name.startswith(".")}
    assert visible == files - {"predictions.csv"}


def test_the_methods_are_named_by_what_they_rest_on(chain: dict[str, Path]) -> None:
    methods = {name: read_record(folder).method for name, folder in chain.items()}
    assert methods["baseline"] == methods["real"] == "none"
    assert methods["at-speaker"] == "single S"
    assert methods["dual-sw"] == "dual SW"
    assert methods["word"] is methods["rh-emo"] is None


def test_the_records_measures_follow_from_its_predictions(chain: dict[str, Path]) -> None:
    record = read_record(chain["baseline"])
    table = pd.read_csv(chain["baseline"] / "predictions.csv", dtype={"utterance": str, "speaker": str})
    truth, prediction = table["truth"], table["prediction"]
    test = record.test
    assert test is not None
    assert test.accuracy.value == pytest.approx(accuracy_score(truth, prediction))
    assert test.uar.value == pytest.approx(balanced_accuracy_score(truth, prediction))
    assert test.macro_f1.value == pytest.approx(f1_score(truth, prediction, average="macro"))
    scores = table[[f"score_{label}" for label in record.labels]]
    assert scores.sum(axis=1).to_numpy() == pytest.approx(np.ones(len(table)), abs=1e-5)
    assert [record.labels[i] for i in scores.to_numpy().argmax(axis=1)] == list(prediction)
    split = read_split(chain["baseline"] / "split.json")
    assert sorted(table["utterance"]) == sorted(split.parts["test"])
    assert record.split.hash == split.hash


def test_the_record_and_the_card_say_which_protocol_the_split_is(chain: dict[str, Path]) -> None:
    material = load_dataset(read_settings(chain["baseline"] / "settings.toml"))
    line = read_record(chain["baseline"]).split.protocol
    assert line == protocol_of(material.utterances, material.split).line
    assert line.startswith("neither speaker-independent nor text-independent: of 8 test speakers, ")
    assert line in (chain["baseline"] / "model" / "README.md").read_text()


def test_predictions_are_what_the_saved_model_gives_for_the_recordings(chain: dict[str, Path]) -> None:
    model = load_recognizer(chain["at-speaker"] / "model")
    table = pd.read_csv(chain["at-speaker"] / "predictions.csv").set_index("utterance")
    material = load_dataset(read_settings(chain["at-speaker"] / "settings.toml"))
    paths = material.utterances.table.set_index("utterance")["path"]
    for name in list(table.index)[:4]:
        scores = model.recognize([torch.from_numpy(cut_frames(load_audio(str(paths[name]))))]).overall
        saved = torch.tensor([table.loc[name, f"score_{label}"] for label in model.labels])
        torch.testing.assert_close(scores, saved.float(), atol=1e-5, rtol=0)


def test_the_anti_transfer_term_stands_apart(chain: dict[str, Path]) -> None:
    for epoch in read_record(chain["dual-sw"]).epochs:
        terms = epoch.train
        assert terms["loss"] == pytest.approx(terms["cross_entropy"] + terms["anti_transfer"])
        assert 0 <= terms["anti_transfer"] <= 1
        assert "anti_transfer" not in epoch.validation  # early stopping watches the cross-entropy alone
    assert "anti_transfer" not in read_record(chain["baseline"]).epochs[0].train


def test_anti_transfer_between_networks_with_batch_norms(settings_for: Make, tmp_path: Path) -> None:
    network = {"depth": 11, "algebra": "real", "width": 1 / 32, "hidden": 16, "norm": "batch", "pool": "mean"}
    folder = tmp_path / "speaker"
    own = settings_for(tmp_path / "own")
    statistics = {"corpus": own.corpus.model_dump(), "split": own.split.model_dump()}
    front = {"kind": "spectrogram", "scale": "decibel", "statistics": statistics}
    train(settings_for(folder, task="speaker", network=network, front=front), quiet=True)
    before = load_recognizer(folder / "model").state_dict()
    terms = []
    for targets in ("stored", "live"):
        choice = {"orthogonal": str(folder), "layers": [2, 8], "targets": targets}
        made = settings_for(tmp_path / targets, network=network, anti_transfer=choice, leaks="report")
        terms.append(train(made, quiet=True).epochs[0].train["anti_transfer"])
    assert 0 < terms[0] <= 1
    assert terms[0] == pytest.approx(terms[1], rel=2e-3)  # stored ones are of half precision
    # The batch norms of the network that is listened to know nothing of the other's training.
    torch.testing.assert_close(load_recognizer(folder / "model").state_dict(), before, rtol=0, atol=0)


def test_the_best_epoch_is_kept(chain: dict[str, Path]) -> None:
    record = read_record(chain["baseline"])
    losses = [epoch.validation["cross_entropy"] for epoch in record.epochs]
    assert record.best_epoch == int(np.argmin(losses)) + 1
    best = record.epochs[record.best_epoch - 1].validation
    assert record.validation is not None
    assert record.validation.accuracy.value == pytest.approx(best["accuracy"])


def test_a_frozen_rh_emo_is_carried_over_bit_for_bit(chain: dict[str, Path]) -> None:
    rh_emo = load_bundle(chain["rh-emo"] / "model")
    assert isinstance(rh_emo, TrainedRHEmo)
    key = rh_emo.front().encoder_key()
    for name in ("word", "speaker", "baseline", "dual-sw"):
        assert load_recognizer(chain[name] / "model").front.encoder_key() == key
    assert load_recognizer(chain["joint"] / "model").front.encoder_key() != key
    # What a run rests on is noted as it was before the run trained any of it.
    rests_on = {name: read_record(chain[name]).rests_on["front.source"] for name in ("baseline", "joint")}
    assert rests_on["baseline"] == rests_on["joint"]


def test_rh_emos_second_stage_goes_on_from_the_first(chain: dict[str, Path]) -> None:
    first, second = load_bundle(chain["rh-emo-1"] / "model"), load_bundle(chain["rh-emo"] / "model")
    assert isinstance(first, TrainedRHEmo)
    assert isinstance(second, TrainedRHEmo)
    assert first.rh_emo.heads is None
    assert second.rh_emo.heads is not None
    assert torch.equal(first.spectrogram.get_buffer("maximum"), second.spectrogram.get_buffer("maximum"))
    record = read_record(chain["rh-emo"])
    assert record.reconstruction is not None
    assert record.reconstruction.bce < record.reconstruction.bce_constant + 0.5
    assert "valence" in record.epochs[0].train
    assert record.test is not None
    assert record.test.clips == record.split.test.clips


def test_dual_anti_transfer_starts_from_the_single_run(chain: dict[str, Path], tmp_path: Path) -> None:
    """With a learning rate of next to nothing the weights stay those of the run it starts from."""
    settings = read_settings(chain["dual-sw"] / "settings.toml", ["training.learning_rate=1e-30", "training.epochs=1"])
    out = tmp_path / "dual-still"
    train(settings.model_copy(update={"out": str(out)}), quiet=True)
    start = weights(chain["at-speaker"])
    assert all(close(value, start[name]) for name, value in weights(out).items())


def test_the_same_settings_give_the_same_bytes(settings_for: Make, chain: dict[str, Path], tmp_path: Path) -> None:
    settings = read_settings(chain["at-speaker"] / "settings.toml", [f"out={tmp_path / 'again'}"])
    train(settings, quiet=True, command="a test")
    for name in ("model/model.safetensors", "predictions.csv", "split.json"):
        assert (tmp_path / "again" / name).read_bytes() == (chain["at-speaker"] / name).read_bytes()
    one, two = (
        json.loads((folder / "record.json").read_text()) for folder in (tmp_path / "again", chain["at-speaker"])
    )
    for record in (one, two):
        del record["resources"], record["settings"]["out"]
    assert one == two


def test_the_environment_of_accelerate_changes_nothing(
    chain: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {
        "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "4",
        "ACCELERATE_DYNAMO_BACKEND": "INDUCTOR",
        "ACCELERATE_MIXED_PRECISION": "bf16",
        "ACCELERATE_TORCH_DEVICE": "meta",
        "ACCELERATE_USE_FSDP": "true",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = read_settings(chain["real"] / "settings.toml", [f"out={tmp_path / 'again'}"])
    assert train(settings, quiet=True).run == read_record(chain["real"]).run
    assert same(weights(tmp_path / "again"), weights(chain["real"]))
    assert {name: os.environ[name] for name in variables} == variables


def test_another_seed_gives_other_weights(chain: dict[str, Path], tmp_path: Path) -> None:
    train(read_settings(chain["real"] / "settings.toml", [f"out={tmp_path / 'r'}", "seed=1"]), quiet=True)
    assert not same(weights(tmp_path / "r"), weights(chain["real"]))


def test_a_finished_run_is_not_done_again(chain: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    before = (chain["baseline"] / "record.json").stat().st_mtime_ns
    record = train(read_settings(chain["baseline"] / "settings.toml"))
    assert record == read_record(chain["baseline"])
    assert (chain["baseline"] / "record.json").stat().st_mtime_ns == before
    assert "done before" in capsys.readouterr().err


def test_a_finished_run_that_is_removed_meanwhile_is_not_trained_without_its_lock(
    chain: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(chain["baseline"], tmp_path / "run")
    made = _run.make_run

    def slow(*given: Any) -> Any:
        (tmp_path / "run" / "record.json").unlink()
        return made(*given)

    monkeypatch.setattr(_run, "make_run", slow)
    settings = read_settings(chain["baseline"] / "settings.toml", [f"out={tmp_path / 'run'}"])
    with pytest.raises(HamiltoneError, match="another process has removed the run that lay there"):
        train(settings, quiet=True)


def test_a_voice_that_is_tested_is_not_trained_on_with_those_who_validate(settings_for: Make, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "run", training={"keep": "last", "with_validation": True})
    rows = [{"utterance": f"{who}{n}", "path": f"{who}{n}", "speaker": who} for who in "ab" for n in range(2)]
    utterances = Utterances.from_rows(rows, corpus="own", root=tmp_path)
    parts = {"train": ("a0", "a1"), "validation": ("b0",), "test": ("b1",)}
    split = Split("own", "actor", 0, parts, scheme="two-speakers")
    with pytest.raises(HamiltoneError, match="b validates and is tested in this two-speakers split"):
        check_unheard(settings, Dataset(utterances, split, ()))
    apart = Split("own", "actor", 0, {"train": ("a0",), "validation": ("a1",), "test": ("b0", "b1")})
    check_unheard(settings, Dataset(utterances, apart, ()))


def test_other_labels_are_another_run(tmp_path: Path) -> None:
    lines = ["path,speaker,emotion"]
    for number in range(12):
        noise = np.random.default_rng(number).normal(0, 0.1, 1600)
        soundfile.write(tmp_path / f"{number}.wav", noise, 16000)
        lines.append(f"{number}.wav,{number // 2},{('glad', 'sad')[number % 2]}")
    table = tmp_path / "table.csv"
    content = {
        "name": "run",
        "out": str(tmp_path / "run"),
        "corpus": {"name": "table", "root": str(table)},
        "split": {"kind": "actor", "fractions": [0.5, 0.25, 0.25]},
        "front": {"kind": "spectrogram"},
    }
    keys = []
    for corrected in ("0.wav,0,glad", "0.wav,0,sad"):
        table.write_text("\n".join(lines).replace("0.wav,0,glad", corrected))
        keys.append(make_run(settings_from(content, where="test"), tmp_path / "run", "", side_by_side=1).key)
    assert keys[0] != keys[1]


def test_a_finished_run_is_told_without_what_only_training_loads(chain: dict[str, Path]) -> None:
    """Else torch's deterministic algorithms load its compiler and sympy first, a second of three."""
    code = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules)); from hamiltone._command import main; main()"
    )
    command = [sys.executable, "-c", code, "train", str(chain["real"] / "settings.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "done before" in done.stderr
    modules = {*done.stdout.splitlines()[-1].split()}
    assert "hamiltone.training" in modules
    assert not {"matplotlib", "psutil", "scipy", "sklearn", "sympy", "torch._inductor", "uvicorn"} & modules


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
    differing = {name for name in ours if not close(ours[name], theirs[name])}
    assert differing <= {"network.classifier.6.weight", "network.classifier.6.bias"}
    assert "network.classifier.6.weight" in differing


def test_evaluate_gives_the_records_results_again(chain: dict[str, Path], tmp_path: Path) -> None:
    settings = read_settings(chain["dual-sw"] / "settings.toml")
    evaluation = evaluate(settings, chain["dual-sw"] / "model", tmp_path / "e")
    assert evaluation.test == read_record(chain["dual-sw"]).test
    assert (tmp_path / "e" / "predictions.csv").read_text() == (chain["dual-sw"] / "predictions.csv").read_text()


def test_numbers_of_parameters(chain: dict[str, Path]) -> None:
    frozen, joint = read_record(chain["baseline"]).parameters, read_record(chain["joint"]).parameters
    encoder = (1 * 9 + 1) * 2 + 2 * 2 + (2 * 9 + 1) * 4 + 2 * 4 + (4 * 9 + 1) * 4
    assert frozen == {"trained": frozen["network"], "network": frozen["network"], "front": encoder}
    assert joint["trained"] == joint["network"] + encoder


@pytest.mark.parametrize(
    ("base", "overrides", "message"),
    [
        ("baseline", ["seed=5"], "holds another run"),
        ("at-speaker", ["out={new}", "anti_transfer.layers=[9]"], "the network has 8 convolutions"),
        ("at-speaker", ["out={new}", "network.width=0.125"], "network of another structure"),
        ("baseline", ["out={new}", "network.width=0.3"], "network: width 0.3"),
        ("baseline", ["out={new}", "network.hidden=5"], "network: 5 hidden units"),
        ("real", ["out={new}", "network.algebra=quaternion"], "network: 1 input channels"),
        ("baseline", ["out={new}", "front.scale=linear"], "front.scale: linear is asked for"),
        ("dual-sw", ["out={new}", "anti_transfer.layers=[3]"], "takes the same layers twice"),
        ("dual-sw", ["out={new}", "anti_transfer.orthogonal={speaker}"], "is neither SW nor WS"),
        ("dual-sw", ["out={new}", "init_from={dual-sw}"], "is neither SW nor WS"),
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
        ("at-speaker", ["out={new}", "anti_transfer.beta=1e39"], "has diverged"),
        ("baseline", ["out={new}", "frames.silent_peak=2"], "every recording is silent"),
        ("real", ["out={new}", "split.file={few}"], "of the split are missing"),
        ("baseline", ["out={new}", "split.file={word}/record.json"], "not a split"),
    ],
)
def test_runs_that_cannot_be_are_refused_in_one_line(
    chain: dict[str, Path], few: Path, tmp_path: Path, base: str, overrides: list[str], message: str
) -> None:
    places = {name: str(folder) for name, folder in chain.items()} | {"new": str(tmp_path / "new"), "few": str(few)}
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
    network = torch.nn.Linear(1, 1)
    Checkpoint(out / "checkpoint", "another run").save(network, torch.optim.Adam(network.parameters()), Progress())
    with pytest.raises(TrainingError, match="holds another run"):
        train(read_settings(chain["real"] / "settings.toml", [f"out={out}"]), quiet=True)


def test_a_refused_run_does_not_claim_its_folder(chain: dict[str, Path], tmp_path: Path) -> None:
    settings = chain["at-speaker"] / "settings.toml"
    with pytest.raises(TrainingError, match="8 convolutions"):
        train(read_settings(settings, [f"out={tmp_path / 'r'}", "anti_transfer.layers=[9]"]), quiet=True)
    train(read_settings(settings, [f"out={tmp_path / 'r'}", "anti_transfer.layers=[3]"]), quiet=True)
    assert read_record(tmp_path / "r").layers == (3,)


def test_leaks_are_found_at_any_depth(chain: dict[str, Path], tmp_path: Path) -> None:
    """The RH-Emo beneath the RH-Emo has heard clips that the second one has not."""
    heard = json.loads((chain["rh-emo"] / "heard.json").read_text())["synthetic"]
    split = read_split(chain["rh-emo"] / "split.json")
    assert set(heard) == {*split.parts["train"], *split.parts["validation"]}
    second = tmp_path / "second"
    train(
        read_settings(
            chain["rh-emo"] / "settings.toml",
            [f"out={second}", f"init_from={chain['rh-emo']}", "split.seed=7", "leaks=report"],
        ),
        quiet=True,
    )
    settings = read_settings(
        chain["baseline"] / "settings.toml", [f"out={tmp_path / 'b'}", f"front.source={second}", "split.seed=7"]
    )
    with pytest.raises(TrainingError, match="or a run beneath it, was trained on"):
        train(settings, quiet=True)
    record = train(settings.model_copy(update={"leaks": "report"}), quiet=True)
    assert any("was trained on" in note for note in record.notes)


def test_evaluate_refuses_leaks_and_the_folders_of_runs(chain: dict[str, Path], tmp_path: Path) -> None:
    model = chain["baseline"] / "model"
    settings = read_settings(chain["baseline"] / "settings.toml", ["split.seed=5"])
    with pytest.raises(TrainingError, match="was trained on"):
        evaluate(settings, model)
    with pytest.raises(TrainingError, match="holds a run"):
        evaluate(read_settings(chain["baseline"] / "settings.toml"), model, chain["word"])
    copied = shutil.copytree(model, tmp_path / "elsewhere" / "model")
    assert any("not known" in note for note in evaluate(settings, copied).notes)
    shutil.copyfile(model.parent / "heard.json", copied / "heard.json")  # as it lies beside weights without a run
    with pytest.raises(TrainingError, match="was trained on"):
        evaluate(settings, copied)


def test_recordings_of_a_table_that_are_named_as_heard_ones_are_noted(chain: dict[str, Path], tmp_path: Path) -> None:
    """Corpora are told apart by name: the same recordings in a table of one's own are another corpus."""
    heard = json.loads((chain["real"] / "heard.json").read_text())["synthetic"]
    table = load_corpus("synthetic").table
    rows = table.loc[table["utterance"].isin(heard), ["path", "speaker", "emotion"]]
    for number in range(0, len(rows), 2):  # what is named otherwise is not seen
        rows.iloc[number, 0] = str(shutil.copyfile(rows.iloc[number, 0], tmp_path / f"{number}.flac"))
    rows.to_csv(tmp_path / "mine.csv", index=False)
    mine = CorpusSettings(name="table", root=str(tmp_path / "mine.csv"))
    settings = read_settings(chain["real"] / "settings.toml").model_copy(update={"corpus": mine})
    tested = load_dataset(settings).split.parts["test"]
    alike = {Path(name).stem for name in tested} & {*heard}
    (note,) = evaluate(settings, chain["real"] / "model").notes
    assert f"heard synthetic, where {len(alike)} recordings have names of these {len(tested)} test recordings" in note
    assert 0 < len(alike) < len(tested)


def test_damaged_stores_are_made_anew(chain: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Path(os.environ["HAMILTONE_CACHE"])
    own = shutil.copytree(cache, tmp_path / "cache")
    monkeypatch.setenv("HAMILTONE_CACHE", str(own))
    for path in [*own.glob("stages/*.npy"), *own.glob("frames/*/samples.f32")]:
        path.write_bytes(path.read_bytes()[:-100])
    train(read_settings(chain["baseline"] / "settings.toml", [f"out={tmp_path / 'b'}"]), quiet=True)
    assert same(weights(tmp_path / "b"), weights(chain["baseline"]))


def test_another_run_in_the_folder_is_refused_by_what_differs_and_makes_way_when_asked(
    settings_for: Make, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    first = train(settings_for(out, training__epochs=1), quiet=True)
    other = settings_for(out, training__epochs=1, training__batch=8)
    with pytest.raises(TrainingError, match=r"training\.batch is 16 there and 8 here\); give .*--overwrite"):
        train(other, quiet=True)
    assert read_record(out) == first
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    assert train(other, quiet=True, overwrite=True).settings["training"]["batch"] == 8
    assert (out / "notes.txt").is_file()
