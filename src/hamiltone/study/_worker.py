"""The process that carries out one job of the local executor: ``python -m hamiltone.study._worker``.

The job comes as a line of JSON on standard input, the outcome goes as one to standard output. Standard input then stays
open as long as the study lives: its end means that the study was killed, and nobody would wait for the outcome.
"""

import json
import os
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from ._job import Job, carry_out


def main() -> None:
    """Carry out the job."""
    # What a run or an extension prints goes to the log with all else, and fills no pipe that nobody reads yet.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_study, daemon=True).start()
    outcome = carry_out(Job(**request["job"]), Path(request["root"]))
    print(json.dumps(asdict(outcome)), file=answer, flush=True)


def _end_with_the_study() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
