"""eSpeak NG in a process of its own: its C library keeps global state and may end its process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ..utterances import CorpusError

SPEAK = Path(__file__).with_name("_speak.py")
"""The script that speaks phrases."""

SPELL = Path(__file__).with_name("_spell.py")
"""The script that tells how words are pronounced."""

_SECONDS = 300


def ask_espeak(script: Path, request: dict[str, Any], what: str) -> bytes:
    """What a script that drives the library answers to a request.

    Args:
        script: run by path, with the request as JSON on its standard input.
        request: fit for JSON.
        what: for errors, what it is asked for.

    Raises:
        CorpusError: no answer in time, or a failure.
    """
    # "-I": nothing of the user's environment or working folder is imported there.
    command = [sys.executable, "-I", "-X", "utf8", str(script)]
    content = json.dumps(request).encode()
    try:
        answer = subprocess.run(command, input=content, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise CorpusError(f"{what}: eSpeak NG gave no answer in {_SECONDS} s") from error
    if answer.returncode:
        reason = answer.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise CorpusError(f"{what}: eSpeak NG failed (exit code {answer.returncode}): {reason[0]}")
    return answer.stdout
