"""Trackers for real: files of TensorBoard, MLflow, Weights & Biases and trackio, also across an interruption."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hamiltone.records import read_record
from hamiltone.training import TrainingError, train
from hamiltone.training._tracking import TRACKED, Tracking

from .conftest import Make


def test_off_by_default_and_no_part_of_a_run(settings_for: Make, tmp_path: Path):
    plain = settings_for(tmp_path / "a")
    told = settings_for(tmp_path / "a", tracking={"to": ["tensorboard"], "project": "other"})
    assert plain.tracking.to == () and plain.key() == told.key()


@pytest.mark.filterwarnings("default")  # those of TensorBoard and MLflow are theirs
def test_tensorboard_hears_losses_measures_settings_and_the_confusion_once_across_an_interruption(
    settings_for: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    settings = settings_for(tmp_path / "run", tracking={"to": ["tensorboard"]})
    heard = Tracking.epoch

    def interrupted(self: Tracking, epoch: dict) -> None:
        heard(self, epoch)
        if epoch["epoch"] == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Tracking, "epoch", interrupted)
        train(settings, quiet=True)
    record = train(settings, quiet=True)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={"images": 0}).Reload()
    losses = events.Scalars("train/loss")
    assert [event.step for event in losses] == [1, 2]
    assert [event.value for event in losses] == pytest.approx([epoch.train["loss"] for epoch in record.epochs])
    assert record.test is not None
    assert events.Scalars("test/final_uar")[0].value == pytest.approx(record.test.uar.value)
    assert len(events.Images("confusion")) == 1
    (text,) = events.Tensors("settings/text_summary")
    assert b"training.batch = 16" in text.tensor_proto.string_val[0]


@pytest.mark.filterwarnings("default")
def test_mlflow_goes_on_in_the_same_run(settings_for: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    settings = settings_for(tmp_path / "run", tracking={"to": ["mlflow"], "project": "voices"})
    heard = Tracking.epoch

    def interrupted(self: Tracking, epoch: dict) -> None:
        heard(self, epoch)
        mlflow.end_run()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Tracking, "epoch", interrupted)
        train(settings, quiet=True)
    record = train(settings, quiet=True)
    (run,) = mlflow.MlflowClient().search_runs([mlflow.get_experiment_by_name("voices").experiment_id])
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "train/loss")
    assert [(one.step, one.value) for one in history] == [
        (epoch.epoch, pytest.approx(epoch.train["loss"])) for epoch in record.epochs
    ]
    assert run.data.params["training.batch"] == "16" and run.info.status == "FINISHED"
    assert [file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id)] == ["confusion.png"]
    assert json.loads((tmp_path / "run" / TRACKED).read_text())["runs"] == {"mlflow": run.info.run_id}


@pytest.mark.filterwarnings("default")
def test_a_tracker_that_fails_is_a_note_and_the_run_goes_on(
    settings_for: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("tensorboard")
    from accelerate.tracking import TensorBoardTracker

    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr(TensorBoardTracker, "log", fail)
    train(settings_for(tmp_path / "run", tracking={"to": ["tensorboard"]}, training__epochs=1))
    assert "tensorboard is told nothing more: no network" in capsys.readouterr().err
    assert read_record(tmp_path / "run").epochs


def test_a_tracker_that_is_not_installed_is_told_before_anything_else(
    settings_for: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("hamiltone.training._tracking.find_spec", lambda _: None)
    with pytest.raises(TrainingError, match=r"wandb is not installed: pip install 'hamiltone\[wandb\]'"):
        train(settings_for(tmp_path / "run", tracking={"to": ["wandb"]}), quiet=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.filterwarnings("default")
def test_weights_and_biases_hears_a_run_offline(
    settings_for: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    train(settings_for(tmp_path / "run", tracking={"to": ["wandb"], "project": "voices"}), quiet=True)
    assert "told nothing more" not in capsys.readouterr().err
    (file,) = (tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb")
    content = file.read_bytes()
    assert b"validation/uar" in content and b"test/final_uar" in content and b"training.batch" in content


@pytest.mark.filterwarnings("default")
def test_trackio_hears_a_run(
    settings_for: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read when it is imported
    pytest.importorskip("trackio")
    record = train(settings_for(tmp_path / "run", tracking={"to": ["trackio"], "project": "voices"}), quiet=True)
    assert "told nothing more" not in capsys.readouterr().err
    with closing(sqlite3.connect(tmp_path / "trackio" / "voices.db")) as place:
        told = [(step, json.loads(values)) for step, values in place.execute("SELECT step, metrics FROM metrics")]
    losses = {step: values["train/loss"] for step, values in told if "train/loss" in values}
    assert any("test/final_uar" in values for _, values in told)
    assert losses == pytest.approx({epoch.epoch: epoch.train["loss"] for epoch in record.epochs})
