"""The command from its first moment on: to interrupt it is one line, even while modules are being imported."""

import atexit
import gc
import os
import sys
from importlib.metadata import PackageNotFoundError, requires

from hamiltone.interruption import end_when_asked, was_asked


def main() -> None:
    """Run ``hamiltone``; see ``hamiltone.cli.main`` for its exit codes."""
    end_when_asked()
    # What is left at the end goes with the process: to search it for garbage would take a third of a second with torch.
    atexit.register(gc.freeze)
    # Threads that spin while they wait for one another burn the time that the awaited ones lack on a busy machine,
    # where two of them then take many times as long as one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from hamiltone.cli import main as run  # noqa: PLC0415 - takes a while, and may be interrupted

        run()
    except ModuleNotFoundError as error:
        if not _needed(error.name or ""):
            raise
        told = f"{error.name} is not installed; pip install hamiltone brings all that it needs"
        print(f"hamiltone: {told}", file=sys.stderr)
        sys.exit(2)
    except BaseException as error:
        # An import that is interrupted may fail with any error.
        if isinstance(error, SystemExit) or not was_asked():
            raise
        print("hamiltone: interrupted", file=sys.stderr)
        sys.exit(130)


def _needed(module: str) -> bool:
    """Whether a module is one of those that the command is installed with, extras apart."""
    try:
        needed = [name for name in requires("hamiltone") or () if "extra ==" not in name]
    except PackageNotFoundError:  # run from its source alone
        return False
    called = {"sklearn": "scikit-learn", "yaml": "pyyaml"}.get(module, module).replace("_", "-")
    return any(name.startswith(called) for name in needed)
