"""The diagnosis of an installation."""

import getpass
import os
import platform
import tomllib
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

import pytest

from hamiltone.doctor import examine, report
from hamiltone.extensions import load_extensions

EXTRAS = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("name", EXTRAS)
def test_each_extra_is_looked_at(name: str) -> None:
    assert f"extra {name}" in {finding.what for finding in examine()}


@pytest.mark.parametrize("gone", ["fastapi", "onnxscript", "pocketsphinx"])
def test_what_an_extra_lacks_is_named(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def version_without(package: str) -> str:
        if package == gone:
            raise metadata.PackageNotFoundError(package)
        return "1"

    monkeypatch.setattr(metadata, "version", version_without)
    name = next(name for name, packages in EXTRAS.items() if any(package.startswith(gone) for package in packages))
    found = {finding.what: finding for finding in examine()}
    assert found[f"extra {name}"].mark == "note"
    assert found[f"extra {name}"].text == f"{gone} not installed; pip install 'hamiltone[{name}]'"
    assert found["extra ray"].mark == "ok"


def test_a_report_trains_and_tells_nothing_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_HOME", "/home/somebody/cuda")
    monkeypatch.setenv("HAMILTONE_TOKEN", "a-secret-of-the-service")
    monkeypatch.setenv("HAMILTONE_DATA", str(tmp_path))
    text = report()
    lines = {line.split()[0]: line for line in text.splitlines()}
    assert "ok: loss" in lines["training"]
    assert "the same when loaded" in lines["training"]
    assert "torch: 1 of" in text
    assert ", bf16 fast, " in text or ", bf16 slow, " in text
    assert "variable        OMP_NUM_THREADS=1\n" in text
    assert "variable        CUDA_HOME=(not shown)\n" in text
    assert f"Linux {platform.release()}" in text or platform.system() != "Linux"
    private = [getpass.getuser(), platform.node(), str(Path.home()), str(tmp_path), os.environ["HAMILTONE_CACHE"]]
    for word in (*private, str(Path.cwd()), "somebody", "a-secret"):
        assert word not in text, word
    assert "/" not in text


def test_what_fails_is_reported_without_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise OSError(28, "No space left on device", "/home/somebody/tone.wav")

    monkeypatch.setattr("soundfile.write", broken)
    assert "FAILED: OSError: [Errno 28] No space left on device: (a path)" in report()


def test_what_is_there_and_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def without_library(name: str) -> ModuleType:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return import_module(name)

    monkeypatch.setattr("hamiltone.doctor.importlib.import_module", without_library)
    monkeypatch.setattr("hamiltone.doctor.load_extensions", load_extensions.__wrapped__)  # which asks once a process
    monkeypatch.setattr(metadata, "version", lambda package: "1")
    monkeypatch.setenv("HAMILTONE_EXTENSIONS", str(tmp_path / "mine.py"))
    found = {finding.what: finding for finding in examine()}
    assert (found["extra mic"].mark, found["extensions"].mark) == ("note", "missing")
    assert "installed, and cannot be used: PortAudio library not found" in found["extra mic"].text
    assert "mine.py" in found["extensions"].text
