"""Models for the Hugging Face Hub, and what a saved model tells of itself."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from typer.testing import CliRunner

from hamiltone.cli import app
from hamiltone.networks import (
    BundleError,
    Ensemble,
    Recognizer,
    RHEmo,
    TrainedRHEmo,
    build_front,
    build_network,
    load_recognizer,
    save_bundle,
    weights_key,
)
from hamiltone.service import Predictor, ServiceError, export_hub, model_info
from hamiltone.settings import LogMelSettings, ResidualSettings
from hamiltone.speech import Spectrogram

Maker = Callable[..., Recognizer]
FACTS = {
    "title": "A voice: tested",
    "task": "emotion",
    "corpus": "ravdess",
    "heard": {"fsdd": 3, "ravdess": 720},
    "licences": {"fsdd": "CC BY-SA 4.0", "ravdess": "CC BY-NC-SA 4.0, non-commercial"},
    "results": ["test uar 0.5"],
    "versions": {"torch": "2"},
}


@pytest.fixture
def saved(recognizer_maker: Maker, tmp_path: Path) -> Path:
    save_bundle(recognizer_maker(temperature=1.5), tmp_path / "model", FACTS)
    return tmp_path / "model"


def test_the_hubs_folder_loads_back_and_its_card_is_read(saved: Path, tmp_path: Path) -> None:
    (saved / "LICENCE").write_text("Non-commercial.\n")
    (saved / ".lock").touch()
    folder = export_hub(saved, tmp_path / "hub")
    assert {path.name for path in folder.iterdir()} == {"README.md", "config.json", "model.safetensors", "LICENCE"}
    original, twin = load_recognizer(saved), Predictor(folder).recognizer
    assert weights_key(twin) == weights_key(original)
    assert (twin.temperature, twin.labels) == (1.5, original.labels)
    card = ModelCard((folder / "README.md").read_text(), ignore_metadata_errors=False)
    assert (card.data.get("library_name"), card.data.get("pipeline_tag")) == ("hamiltone", "audio-classification")
    assert card.data.get("license") == "other"
    assert "CC BY-NC-SA 4.0, non-commercial" in card.text
    assert "3 of fsdd, 720 of ravdess" in card.text
    assert export_hub(saved, tmp_path / "hub") == folder  # again, over the older one


def test_an_older_card_gets_the_header_that_it_lacks(saved: Path, tmp_path: Path) -> None:
    (saved / "README.md").write_text("---\ntags:\n- mine\nlicense: mit\n---\n\n# Mine\n")
    card = ModelCard((export_hub(saved, tmp_path / "hub") / "README.md").read_text())
    assert (card.data.get("tags"), card.data.get("license")) == (["mine"], "mit")
    assert card.data.get("pipeline_tag") == "audio-classification"
    assert "# Mine" in card.text


def test_nothing_else_is_replaced(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").touch()
    for folder, error, message in (
        (saved, ServiceError, "is the model itself"),
        (tmp_path / "thesis", BundleError, "something else than a model"),
    ):
        before = sorted(folder.iterdir())
        with pytest.raises(error, match=message):
            export_hub(saved, folder)
        assert sorted(folder.iterdir()) == before
    shutil.copytree(saved, tmp_path / "run" / "model")
    with pytest.raises(BundleError, match=r"no model here .*; did you mean .*run/model\?"):
        model_info(tmp_path / "run")
    with pytest.raises(BundleError, match="no model here"):
        export_hub(tmp_path / "none", tmp_path / "hub")
    (saved / "README.md").write_text("---\ntags: [\n---\n")
    with pytest.raises(ServiceError, match="header cannot be read"):
        export_hub(saved, tmp_path / "hub")


def test_info_tells_what_was_saved(saved: Path) -> None:
    about = model_info(saved)
    parameters = sum(parameter.numel() for parameter in load_recognizer(saved).parameters())
    assert sum(about["parameters"].values()) == parameters
    assert (about["kind"], about["temperature"]) == ("recogniser", 1.5)
    assert (about["network"]["algebra"], about["network"]["depth"]) == ("quaternion", 11)
    assert about["front"]["scale"] == "decibel"
    assert {name: about[name] for name in ("heard", "licences", "results")} == {
        name: FACTS[name] for name in ("heard", "licences", "results")
    }
    assert about["split"] is None
    assert set(about["versions"]) == {"torch", "hamiltone"}
    assert about["files"]["model.safetensors"] == (saved / "model.safetensors").stat().st_size


def test_info_knows_an_rh_emo(tmp_path: Path) -> None:
    spectrogram = Spectrogram().fit([torch.rand(1, 64000)])
    save_bundle(TrainedRHEmo(spectrogram, RHEmo(2, hidden=8), ("a", "b")), tmp_path / "m")
    about = model_info(tmp_path / "m")
    assert about["kind"] == "rh-emo"
    assert set(about["parameters"]) == {"encoder", "decoder", "heads"}


def test_members_that_are_alike_are_told_once(tmp_path: Path) -> None:
    torch.manual_seed(0)
    front = build_front(LogMelSettings(bands=16))
    members = [build_network(ResidualSettings(channels=(4,), stem=4, attention=4), front.shape, 2) for _ in range(3)]
    save_bundle(Recognizer(front, Ensemble.of(members), ("a", "b")), tmp_path / "model")
    (line,) = [
        line
        for line in CliRunner().invoke(app, ["info", str(tmp_path / "model")]).output.splitlines()
        if line.startswith("network")
    ]
    assert "members 3 x kind residual" in line
    assert line.count("residual") == 1
