"""Diagnosis of an installation: packages, extras, processor, memory, disk, folders."""

import importlib.util
import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import psutil

from hamiltone import __version__
from hamiltone.files import cache_folder

_NEEDED = ("torch", "accelerate", "soundfile", "soxr", "pandas", "scikit-learn", "safetensors")
_OF_AN_EXTRA = re.compile(r"(?P<package>[\w.-]+).*\bextra == ['\"](?P<extra>[^'\"]+)['\"]")
_LITTLE_SPACE = 5 << 30


@dataclass(frozen=True)
class Finding:
    """One line of the examination."""

    mark: Literal["ok", "note", "missing"]
    what: str
    text: str


def examine() -> list[Finding]:
    """Look at Python, packages, extras, processor, memory, disk and the folders that settings name."""
    findings = [
        Finding("ok" if sys.version_info >= (3, 11) else "missing", "python", platform.python_version()),
        Finding("ok", "hamiltone", __version__),
        *(_package(name) for name in _NEEDED),
        *(_extra(name, packages) for name, packages in _extras().items()),
        Finding("ok", "processor", f"{os.cpu_count()} cores, {psutil.virtual_memory().total >> 30} GiB of memory"),
        _accelerator(),
    ]
    findings.append(_cache())
    data = os.environ.get("HAMILTONE_DATA")
    if data is None:
        findings.append(Finding("note", "speech", "HAMILTONE_DATA is not set; configs/ name their corpora below it"))
    else:
        there = Path(data).is_dir()
        findings.append(Finding("ok" if there else "missing", "speech", data if there else f"{data} is no folder"))
    return findings


def _cache() -> Finding:
    try:
        cache = cache_folder()
        free = shutil.disk_usage(cache).free
        writable = os.access(cache, os.W_OK)
    except OSError as error:
        return Finding("missing", "cache", f"{error.filename}: {error.strerror}; set HAMILTONE_CACHE to another folder")
    if not writable:
        return Finding("missing", "cache", f"{cache} cannot be written; set HAMILTONE_CACHE to another folder")
    mark = "ok" if free > _LITTLE_SPACE else "note"
    return Finding(mark, "cache", f"{cache}, {free >> 30} GiB free; HAMILTONE_CACHE moves it")


def _version(package: str) -> str:
    """The version that is installed; empty where none is."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _package(name: str) -> Finding:
    if version := _version(name):
        return Finding("ok", name, version)
    return Finding("missing", name, "not installed; install hamiltone again")


def _extras() -> dict[str, list[str]]:
    """The packages of each extra, as the package's own metadata has them."""
    extras: dict[str, list[str]] = {}
    requirements = metadata.requires("hamiltone") if _version("hamiltone") else None
    for requirement in requirements or ():
        if found := _OF_AN_EXTRA.match(requirement):
            extras.setdefault(found["extra"], []).append(found["package"])
    return extras


def _extra(name: str, packages: list[str]) -> Finding:
    missing = [package for package in packages if not _version(package)]
    if missing:
        return Finding("note", f"extra {name}", f"{', '.join(missing)} not installed; pip install 'hamiltone[{name}]'")
    return Finding("ok", f"extra {name}", "installed")


def _accelerator() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("note", "gpu", "not known without torch")
    import torch

    if torch.cuda.is_available():
        return Finding("ok", "gpu", ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())))
    return Finding("note", "gpu", "none; full-size networks take long on a CPU, width 0.25 and below is fine")
