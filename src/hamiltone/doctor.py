"""Diagnosis of an installation: packages, extras, processor, memory, disk, folders; a report that can be shown."""

import importlib.util
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import psutil

from hamiltone import __version__
from hamiltone.extensions import VARIABLE, ExtensionError, load_extensions
from hamiltone.files import cache_folder

_SHOWN = re.compile(r"(OMP|MKL|OPENBLAS|GOMP|KMP|CUDA|TORCH|PYTORCH)_\w+")
_SHORT = re.compile(r"[\w.,:+-]{1,20}")
_STEPS = 12
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
    """Look at Python, packages, extras, extensions, processor, memory, disk and the folders that settings name."""
    findings = [
        Finding("ok" if sys.version_info >= (3, 11) else "missing", "python", platform.python_version()),
        Finding("ok", "hamiltone", __version__),
        *(_package(name) for name in _NEEDED),
        *(_extra(name, packages) for name, packages in _extras().items()),
        _voices(),
        *_extensions(),
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
    try:
        if "sounddevice" in packages:
            importlib.import_module("sounddevice")
    except OSError as error:  # the package is there, and the library that it calls is not
        return Finding("note", f"extra {name}", f"installed, and cannot be used: {error}; install PortAudio")
    return Finding("ok", f"extra {name}", "installed")


def _extensions() -> list[Finding]:
    """Whether what the variable names can be imported; nothing where it names nothing."""
    if not os.environ.get(VARIABLE):
        return []
    try:
        found = load_extensions()
    except ExtensionError as error:
        return [Finding("missing", "extensions", str(error))]
    return [Finding("ok", "extensions", ", ".join(found))]


def _voices() -> Finding:
    there = importlib.util.find_spec("resemblyzer") is not None
    what = "weights for predict --by-voice" if there else "pip install --no-deps resemblyzer==0.1.4, for --by-voice"
    return Finding("ok" if there else "note", "voices", what)


def _accelerator() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("note", "gpu", "not known without torch")
    import torch

    if torch.cuda.is_available():
        return Finding("ok", "gpu", ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())))
    return Finding("note", "gpu", "none; full-size networks take long on a CPU, width 0.25 and below is fine")


def report() -> str:
    """What an issue needs to know of this machine: no path, no name of a user or of the machine.

    Versions, threads, the libraries that multiply, memory and disk, the variables that set threads, and a tiny training
    from a sound file to a saved model that is loaded again.
    """
    private = {"cache", "speech"}
    lines = [f"system          {platform.system()} {platform.release()}, {platform.machine()}, {' '.join(_libc())}"]
    lines += [f"{found.mark:<8}{found.what:<20}{found.text}" for found in examine() if found.what not in private]
    lines += [f"disk            {_free(place)} GiB free for {name}" for name, place in _disks().items()]
    for name in sorted(filter(_SHOWN.fullmatch, os.environ)):
        value = os.environ[name]
        lines.append(f"variable        {name}={value if _SHORT.fullmatch(value) else '(not shown)'}")
    for name, part in (("threads", _threads), ("training", _training)):
        try:
            lines += [f"{name:<16}{line}" for line in part()]
        except Exception as error:  # what fails is what the report is for
            lines.append(f"{name:<16}FAILED: {type(error).__name__}: {_without_paths(str(error))}")
    return "\n".join(lines) + "\n"


def _libc() -> list[str]:
    return [part for part in platform.libc_ver() if part]


def _disks() -> dict[str, Path]:
    disks = {"temporary files": Path(tempfile.gettempdir())}
    try:
        return disks | {"the cache": cache_folder()}
    except OSError:
        return disks


def _free(place: Path) -> int:
    return shutil.disk_usage(place).free >> 30


def _without_paths(text: str) -> str:
    return re.sub(r"\S*[/\\]\S*", "(a path)", " ".join(text.split()))[:300]


def _threads() -> list[str]:
    """How many threads torch has, and which libraries for linear algebra are loaded."""
    import threadpoolctl
    import torch

    from hamiltone.machine import computes_bf16
    from hamiltone.study import usable_cores

    pools = [
        " ".join(str(pool[key]) for key in ("internal_api", "version", "architecture", "num_threads") if pool.get(key))
        for pool in threadpoolctl.threadpool_info()
    ]
    bf16 = "fast" if computes_bf16(torch.device("cpu")) else "slow"
    torchs = (
        f"{torch.get_num_threads()} of {usable_cores()} cores, {torch.backends.cpu.get_cpu_capability()}, bf16 {bf16}"
    )
    mkl, mkldnn = torch.backends.mkl.is_available(), torch.backends.mkldnn.is_available()
    return [f"torch: {torchs}, MKL {mkl}, oneDNN {mkldnn}", *sorted({f"library: {pool} threads" for pool in pools})]


def _training() -> list[str]:
    """Learn to tell two tones apart: decode, train, save, load."""
    import numpy as np
    import soundfile
    import torch

    from hamiltone.audio import FRAME_SAMPLES, SAMPLE_RATE, load_audio
    from hamiltone.networks import DerivativesFront, Recognizer, load_recognizer, save_bundle, vgg
    from hamiltone.speech import Spectrogram

    began = time.perf_counter()
    times = np.arange(FRAME_SAMPLES) / SAMPLE_RATE
    with tempfile.TemporaryDirectory(prefix="hamiltone-doctor-") as folder, torch.random.fork_rng(devices=[]):
        path, frames = Path(folder) / "tone.wav", []
        for hertz in (300, 2000):
            soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * times), SAMPLE_RATE)
            frames.append(torch.from_numpy(load_audio(path)))
        waveforms, labels = torch.stack(frames), torch.arange(2)
        torch.manual_seed(0)
        front = DerivativesFront(Spectrogram(scale="decibel", normalisation="none"))
        network = vgg(11, "quaternion", 2, width=1 / 16, hidden=16, input_shape=front.shape, pool="mean", dropout=0.0)
        model = Recognizer(front, network, ["low", "high"])
        adam = torch.optim.Adam(network.parameters(), lr=3e-3)
        losses = []
        for _ in range(_STEPS):
            adam.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(waveforms), labels)
            loss.backward()
            adam.step()
            losses.append(loss.item())
        save_bundle(model, Path(folder) / "model")
        with torch.no_grad():
            same = torch.equal(load_recognizer(Path(folder) / "model")(waveforms), model.eval()(waveforms))
    verdict = "ok" if losses[-1] < losses[0] and same else "WRONG"
    seconds = time.perf_counter() - began
    again = "the same" if same else "ANOTHER"
    return [
        f"{verdict}: loss {losses[0]:.4f} to {losses[-1]:.4f} in {_STEPS} steps, {again} when loaded, {seconds:.1f} s"
    ]
