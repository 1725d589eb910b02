"""One of several processes of a run: ``python -m hamiltone.training._worker FOLDER``, started by ``_launching``."""

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import NoReturn

from hamiltone.errors import HamiltoneError, system_line
from hamiltone.files import atomic_write
from hamiltone.settings import RunSettings

from ._launching import ORDER, failure_file
from ._processes import is_main_process
from ._run import train


def work(folder: Path) -> None:
    """Take part in the run that the order in ``folder`` names; what goes wrong is written there."""
    _obey_the_launcher()
    order = json.loads((folder / ORDER).read_text(encoding="utf-8"))
    try:
        train(RunSettings.model_validate(order["settings"]), **order["told"])
    except HamiltoneError as error:
        _fail(folder, 2, mistake=str(error))
    except OSError as error:  # a full disk, a folder that may not be written
        _fail(folder, 2, mistake=system_line(error))
    except Exception:
        _fail(folder, 1, traceback=traceback.format_exc())


def _fail(folder: Path, code: int, **what: str) -> NoReturn:
    atomic_write(failure_file(folder, int(os.environ["RANK"])), json.dumps(what))
    # Without the interpreter's own end, which can wait for the other processes.
    os._exit(code)


def _obey_the_launcher() -> None:
    """Leave interruptions to the launcher, and end when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if is_main_process():
        signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))  # half-written files are removed

    def wait_for_its_end() -> None:
        os.read(0, 1)  # blocks: nothing comes but its end
        os._exit(1)

    threading.Thread(target=wait_for_its_end, daemon=True).start()


if __name__ == "__main__":
    work(Path(sys.argv[1]))
