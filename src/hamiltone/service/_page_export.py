"""Export of the page as static files: the model runs in the browser (onnxruntime-web)."""

import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hamiltone.audio import FRAME_SAMPLES, LEAST_SAMPLES, SILENT_PEAK
from hamiltone.files import atomic_path
from hamiltone.networks import Recognizer, bundle_card, bundle_licence, load_recognizer

from ._errors import ServiceError
from ._model_facts import about_model
from ._onnx_export import ONNX_FILE, check_onnx_extra, export_onnx
from ._pictures import axis_names

RUNTIME_VERSION = "1.30.0"
"""Of onnxruntime-web, where npm fetches it."""

_FILES = Path(__file__).parent
# What the page takes of onnxruntime-web, and the names that it has there.
_RUNTIME = {"ort.mjs": "ort.wasm.bundle.min.mjs", "ort.wasm": "ort-wasm-simd-threaded.wasm"}
_MARK = "engine-onnx.js"
_LICENCE = "LICENCE.txt"  # with a suffix by which servers and browsers know it as text
_FACTS = "model.json"
_KINDS = ("page", "static_page")  # of the files that it is made of; those of the latter replace those of the former
_MADE = {ONNX_FILE, _FACTS, _LICENCE, "runtime"}
_OF_SYSTEMS = {".DS_Store", "Thumbs.db", "desktop.ini"}  # which file managers leave
_LONGEST = 600.0  # seconds of a recording, which a browser holds in memory as a whole
# The model's runtime may compile its own code, and nothing can be sent anywhere but to where the page comes from.
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; "
    "media-src 'self' blob:; connect-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'"
)


def export_page(model: Path | str, folder: Path | str, *, runtime: Path | str | None = None) -> Path:
    """Write the page as static files that any web server can hand out; the recording stays in the browser.

    The folder gets the page, ``model.onnx``, ``model.json`` (what the model is), ``runtime/``, and ``LICENCE.txt``
    where a licence lies beside the model's weights.

    Args:
        model: the folder of a saved recogniser.
        folder: where the files go; replaced where it is such a page already, and holds nothing else.
        runtime: a folder of onnxruntime-web (or its ``dist``); None: npm fetches version ``RUNTIME_VERSION``.

    Returns:
        The folder.

    Raises:
        ServiceError: the folder holds something else, the runtime is not to be had, or ``export_onnx`` fails.
        BundleError: no recogniser lies there.
    """
    folder = Path(folder)
    _check_place(folder)
    check_onnx_extra()  # before a download
    recognizer, about = load_recognizer(model), about_model(model)
    with TemporaryDirectory() as fetched, atomic_path(folder) as draft:
        found = _runtime_files(Path(runtime)) if runtime is not None else _fetched_runtime(Path(fetched))
        for kind in _KINDS:
            shutil.copytree(_FILES / kind, draft, dirs_exist_ok=True)
        for name, file in found.items():
            shutil.copyfile(file, draft / "runtime" / name)
        export_onnx(recognizer, draft / ONNX_FILE, card=bundle_card(model), features=True)
        facts = about | _page_facts(recognizer)
        if licence := bundle_licence(model):
            (draft / _LICENCE).write_text(licence, encoding="utf-8")
            facts["licence_file"] = _LICENCE
        (draft / _FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        index = draft / "index.html"
        policy = f'<meta charset="utf-8">\n    <meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        index.write_text(
            index.read_text(encoding="utf-8").replace('<meta charset="utf-8">', policy, 1), encoding="utf-8"
        )
    return folder


def _check_place(folder: Path) -> None:
    """See that nothing would be lost but an older page."""
    if folder.is_file():
        raise ServiceError(f"{folder}: is a file; name a new folder")
    there = sorted({entry.name for entry in folder.iterdir()} - _OF_SYSTEMS) if folder.is_dir() else []
    own = {entry.name for kind in _KINDS for entry in (_FILES / kind).iterdir()} | _MADE
    if there and (_MARK not in there or not own.issuperset(there)):
        if own.issuperset(there):
            raise ServiceError(f"{folder}: holds a page without {_MARK}; name a new folder")
        other = next(name for name in there if name not in own)
        raise ServiceError(f"{folder}: holds {other}, which is of no exported page, and would go; name a new folder")


def _page_facts(recognizer: Recognizer) -> dict[str, Any]:
    front = recognizer.front
    return {
        "seconds": _LONGEST,
        "frame_samples": FRAME_SAMPLES,
        "least_samples": LEAST_SAMPLES[recognizer.frame_rule],
        "silent_peak": SILENT_PEAK,
        "axes": axis_names(front),
        "columns": front.columns,
        "time_reversed": front.time_reversed,
    }


def _runtime_files(folder: Path) -> dict[str, Path]:
    """The two files of the runtime in a folder of onnxruntime-web."""
    for place in (folder, folder / "dist"):
        found = {name: place / original for name, original in _RUNTIME.items()}
        if all(file.is_file() for file in found.values()):
            return found
    wanted = " and ".join(_RUNTIME.values())
    raise ServiceError(f"{folder}: is no folder of onnxruntime-web, which has {wanted} (in dist)")


def _fetched_runtime(folder: Path) -> dict[str, Path]:
    """The same from a package that npm fetches, and checks, as it does for any project."""
    npm = shutil.which("npm")
    if npm is None:
        raise ServiceError(
            f"the page needs onnxruntime-web: name its folder with --runtime, or install npm, which fetches "
            f"version {RUNTIME_VERSION}"
        )
    package = f"onnxruntime-web@{RUNTIME_VERSION}"
    # One more try, which is some 10 s without a network; npm's own rule is more than a minute.
    command = [npm, "pack", package, "--json", "--fetch-retries=1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, encoding="utf-8")
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        raise ServiceError(f"npm cannot fetch {package} ({_npm_line(done.stdout)}); name a folder of it with --runtime")
    with tarfile.open(archives[0]) as archive:
        for original in _RUNTIME.values():
            archive.extract(f"package/dist/{original}", folder, filter="data")
    return _runtime_files(folder / "package")


def _npm_line(told: str) -> str:
    """Npm's own line on what went wrong, from its answer in JSON."""
    try:
        return json.loads(told)["error"]["summary"].strip().splitlines()[0]
    except (ValueError, LookupError, TypeError, AttributeError):
        return "no package came"
