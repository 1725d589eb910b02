"""Files for a machine without a network: recordings, as many as may travel, and packages that it may lack."""

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pandas as pd

from hamiltone.corpora import load_corpus
from hamiltone.errors import HamiltoneError

PACKAGES = (
    "annotated-types",
    "cffi",
    "pooch",
    "platformdirs",
    "pycparser",
    "pydantic",
    "pydantic-core",
    "soundfile",
    "soxr",
    "tomli-w",
    "typing-inspection",
)
"""What the package imports and images with PyTorch often lack."""

WHEELS = "wheels"
_MIB = 2**20
_WORDS = 1 / 8  # of the bytes: words are short, and many


def prepare(data: Path, folder: Path, mebibytes: float, python: str | None) -> dict[str, int]:
    """Copy recordings of RAVDESS (whole speakers) and of FSDD into a folder, and download packages.

    As FLAC a clip takes a third of its spectrogram in half precision, so that more of them travel.

    Args:
        data: a folder with ravdess/ and fsdd/.
        folder: where to; it is made.
        mebibytes: of recordings, in all.
        python: the version that the packages are for, as 3.12; None: none.

    Returns:
        How many recordings of each corpus were copied.

    Raises:
        HamiltoneError: recordings that cannot be read, a folder that is there, or packages that are not to be had.
    """
    if folder.exists():
        raise HamiltoneError(f"{folder}: is there already; remove it, or name another folder")
    counts = {}
    for name, share in (("ravdess", 1 - _WORDS), ("fsdd", _WORDS)):
        table = load_corpus(name, data / name).table
        table["bytes"] = [Path(path).stat().st_size for path in table["path"]]
        chosen = _chosen(table, share * mebibytes * _MIB, speakers=name == "ravdess")
        for path in map(Path, chosen["path"]):
            place = folder / name / path.resolve().relative_to((data / name).resolve())
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        counts[name] = len(chosen)
    if python is not None:
        _download(folder / WHEELS, python)
    return counts


def _chosen(table: pd.DataFrame, limit: float, *, speakers: bool) -> pd.DataFrame:
    """Recordings of no more bytes than a limit: those of whole speakers, or some of each."""
    if not speakers:
        return table.sample(frac=min(limit / table["bytes"].sum(), 1.0), random_state=0)
    sizes = table.groupby("speaker", sort=True)["bytes"].sum().cumsum()
    return table[table["speaker"].isin(sizes[sizes <= limit].index)]


def _download(folder: Path, python: str) -> None:
    pinned = [f"{name}=={metadata.version(name)}" for name in PACKAGES]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder), "--only-binary=:all:"]
    command += ["--no-deps", "--python-version", python, "--platform", "manylinux_2_28_x86_64"]
    command += ["--platform", "manylinux2014_x86_64", *pinned]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HamiltoneError(f"packages: pip cannot download them: {done.stderr.strip().splitlines()[-1]}")
