"""Files for a machine without a network: recordings, as many as may travel, and packages that it may lack."""

import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

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
        groups = table["speaker" if name == "ravdess" else "utterance"]
        chosen = _chosen(list(map(Path, table["path"])), list(groups), share * mebibytes * _MIB)
        for path in chosen:
            place = folder / name / path.resolve().relative_to((data / name).resolve())
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        counts[name] = len(chosen)
    if python is not None:
        _download(folder / WHEELS, python)
    return counts


def _chosen(paths: Sequence[Path], groups: Sequence[str], limit: float) -> list[Path]:
    """Recordings of no more bytes than a limit, all or none of a group; groups are taken in a shuffled order."""
    sizes: dict[str, int] = {}
    for path, group in zip(paths, groups, strict=True):
        sizes[group] = sizes.get(group, 0) + path.stat().st_size
    order = sorted(sizes)
    random.Random(0).shuffle(order)
    total, kept = 0, set()
    for group in order:
        if total + sizes[group] <= limit:
            total += sizes[group]
            kept.add(group)
    return [path for path, group in zip(paths, groups, strict=True) if group in kept]


def _download(folder: Path, python: str) -> None:
    pinned = [f"{name}=={metadata.version(name)}" for name in PACKAGES]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder), "--only-binary=:all:"]
    command += ["--no-deps", "--python-version", python, "--platform", "manylinux_2_28_x86_64"]
    command += ["--platform", "manylinux2014_x86_64", *pinned]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HamiltoneError(f"packages: pip cannot download them: {done.stderr.strip().splitlines()[-1]}")
