"""One run of a study as a job: carried out in a process of its own, wherever that is."""

import contextlib
import os
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hamiltone.errors import HamiltoneError, system_line
from hamiltone.settings import RunSettings, settings_from

LOG = "log.txt"


@dataclass(frozen=True)
class Job:
    """What a process needs to carry out a run.

    Attributes:
        folder: of the run, below the study's output folder.
        settings: of the run, as JSON, with paths relative to the output folder.
        needs: the folders of the runs that it rests on.
        files: the files below the output folder that its settings name.
        threads: how many processor cores each of its processes keeps busy.
        processes: how many processes it has.
        probe: whether its layers are probed afterwards.
        command: how the study was started, for the record.
        side_by_side: how many runs go at once on a machine, for the record.
        memory: bytes that it is expected to take, or None where nothing like it was measured.
    """

    folder: str
    settings: dict[str, Any]
    needs: tuple[str, ...]
    files: tuple[str, ...]
    threads: int
    processes: int
    probe: bool
    command: str
    side_by_side: int
    memory: int | None = None

    @property
    def takes_gpus(self) -> bool:
        """Whether it computes on whichever GPUs it is given, rather than on a named device."""
        return self.settings.get("device", RunSettings.model_fields["device"].default) in ("auto", "cuda")


@dataclass(frozen=True)
class Outcome:
    """How a job ended; ``reason`` is one line."""

    state: Literal["done", "failed"]
    reason: str = ""


def carry_out(job: Job, root: Path) -> Outcome:
    """Train (and probe) one run below ``root``; what it says goes to ``log.txt`` in its folder, and so do crashes."""
    from hamiltone.training import probe, train  # noqa: PLC0415 - needs torch, which planning does without

    os.chdir(root)
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Appending, as descriptor 2 does in a process of its own, where libraries write to the same file.
    log = (folder / LOG).open("a", buffering=1, encoding="utf-8", errors="backslashreplace")
    with log, contextlib.redirect_stderr(log):
        try:
            settings = settings_from(job.settings, where=job.folder)
            train(settings, command=job.command, side_by_side=job.side_by_side)
            if job.probe:
                probe(folder, command=job.command)
        except HamiltoneError as error:
            return Outcome("failed", str(error))
        except OSError as error:  # a full disk, a folder that may not be written
            return Outcome("failed", system_line(error))
        except Exception as error:
            traceback.print_exc()
            text = " ".join(f"{type(error).__name__}: {error}".split())
            return Outcome("failed", f"crashed: {text[:300]} (the traceback is in {job.folder}/{LOG})")
    return Outcome("done")
