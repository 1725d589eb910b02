"""Results of a run on a GPU: a JSON file that grows as they come, and is gone on with."""

import json
import platform
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from hamiltone import __version__
from hamiltone.files import atomic_write

RESULTS = "results.json"


class Results:
    """Entries by part and name; each is written at once, those that are there are not computed again.

    Args:
        folder: where ``results.json`` lies or goes.
        machine: what the numbers hold for.
        seconds: how long all of it may take, from now on.
    """

    def __init__(self, folder: Path, machine: dict[str, Any], seconds: float) -> None:
        self._path = folder / RESULTS
        self._end = time.monotonic() + seconds
        content = json.loads(self._path.read_text(encoding="utf-8")) if self._path.is_file() else {}
        self._content: dict[str, Any] = content if content.get("machine") == machine else {"machine": machine}

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self._end - time.monotonic()

    def add(self, part: str, name: str, call: Callable[[], Any], leaving: float = 0.0) -> None:
        """Compute an entry, or note why it failed; nothing where less time is left than is to be left for others."""
        entries = self._content.setdefault(part, {})
        if "value" in entries.get(name, {}) or self.left <= leaving:
            return
        started = time.monotonic()
        try:
            entry = {"value": call()}
        except Exception as error:
            told = f"{type(error).__name__}: {error}".splitlines()[0]
            entry = {"error": told, "trace": traceback.format_exc(limit=-3)}
        finally:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        entries[name] = entry | {"seconds": round(time.monotonic() - started, 2)}
        atomic_write(self._path, json.dumps(self._content, indent=1) + "\n")
        print(f"{part}: {name}: {entry.get('error') or entry['value']}", flush=True)


def machine(device: torch.device, *, tiny: bool) -> dict[str, Any]:
    """What results hold for."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "device": name,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "hamiltone": __version__,
        "tiny": tiny,
    }
