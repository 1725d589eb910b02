"""The source archive and the wheel: whole, and of use in a folder without a checkout."""

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hamiltone import __version__

pytest.importorskip("hatchling", reason="hatchling is not installed: pip install 'hamiltone[test]'")
pytest.importorskip("hatch_fancy_pypi_readme", reason="it is not installed: pip install 'hamiltone[test]'")
ROOT = Path(__file__).resolve().parents[1]
NO_PART = ("__pycache__", ".pyc", "/docs/made/")


def run(command: Sequence[str | Path], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not any(part in path.as_posix() for part in NO_PART)
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source archive."""
    place = tmp_path_factory.mktemp("source")
    run([sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(place)], ROOT)
    with tarfile.open(next(place.glob("*.tar.gz"))) as archive:
        archive.extractall(place, filter="data")
    return place / f"hamiltone-{__version__}"


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    """Made of the source archive alone."""
    run([sys.executable, "-m", "hatchling", "build", "--target", "wheel"], source)
    return next((source / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    run([*pip, "--target", str(folder), str(wheel)], folder)
    return folder


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="no checkout to compare with")
def test_the_source_archive_holds_what_the_repository_tracks(source: Path) -> None:
    tracked = run(["git", "ls-files"], ROOT).splitlines()
    of_the_repository_alone = (".ci/", ".github/", ".pre-commit-config.yaml")
    wanted = {name for name in tracked if not name.startswith(of_the_repository_alone) and (ROOT / name).is_file()}
    assert wanted - files(source) == set()


def test_the_wheel_holds_all_files_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name.removeprefix("hamiltone/") for name in archive.namelist() if name.startswith("hamiltone/")}
    assert inside == files(ROOT / "src" / "hamiltone")
    for needed in ("weights/four/model.safetensors", "service/page/example.mp3", "study/quickstart.toml", "py.typed"):
        assert needed in inside


def test_no_link_of_the_metadata_leads_into_the_repository(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = email.message_from_bytes(archive.read(f"hamiltone-{__version__}.dist-info/METADATA"))
    text = metadata.get_payload()
    assert isinstance(text, str)
    assert text.startswith("# Hamiltone")
    links = re.findall(r"\]\(([^)]*)\)", text)
    assert links and all(link.startswith("https://") for link in links)
    assert "docs/weights.md tells how often" in text  # the texts of the links are still there
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_the_wheel_works_where_there_is_no_checkout(installed: Path, tmp_path: Path) -> None:
    times = np.arange(32_000) / 16_000
    soundfile.write(
        tmp_path / "hum.wav", 0.3 * np.sin(2 * np.pi * 150 * times) * np.sin(2 * np.pi * times) ** 2, 16_000
    )
    shutil.copytree(ROOT / "docs" / "evidence" / "first-results" / "seed-0", tmp_path / "runs")

    def command(*words: str) -> str:
        return run([installed / "bin" / "hamiltone", *words], tmp_path, PYTHONPATH=str(installed))

    assert command("--version").split()[-1] == __version__
    heard = command("predict", "hum.wav", "--format", "csv").splitlines()
    assert heard[0].startswith("recording,speaker,part,") and heard[1].startswith("hum.wav,,overall,0.000,2.000,")
    assert "none" in command("study", "plan", "quickstart")
    assert command("report", "runs").splitlines()[-1].endswith("report.html")
    where = "import hamiltone.service._http as http; print(http.PAGE, (http.PAGE / 'theme.css').is_file())"
    page, found = run([sys.executable, "-c", where], tmp_path, PYTHONPATH=str(installed)).split()
    assert Path(page).is_relative_to(installed) and found == "True"
