"""SpeechBrain's quaternion layers in an interpreter of their own, for turns with ours."""

import json
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from ._results import BenchmarkError

_SCRIPT = Path(__file__).with_name("_speechbrain_server.py")


class SpeechBrain:
    """SpeechBrain's layers behind another Python interpreter; a context manager that ends the process.

    Args:
        python: the interpreter.
        threads: of torch over there.

    Attributes:
        versions: of SpeechBrain and its torch.

    Raises:
        BenchmarkError: the interpreter does not start, or SpeechBrain cannot be imported there.
    """

    def __init__(self, python: Path, threads: int) -> None:
        self._python = python
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 (lives as long as the process)
        try:
            self._process = subprocess.Popen(
                [str(python), str(_SCRIPT), str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
        except OSError as error:
            self._errors.close()
            raise BenchmarkError(f"--against {python}: {error.strerror}; give the path of a Python") from None
        self.versions: dict[str, str] = self._answer()

    def build(self, layer: Literal["conv2d", "linear"], shape: tuple[int, ...], out: int, *, first: bool) -> None:
        """Make a layer for inputs of ``shape``: (batch, feature), or (batch, height, width, channel)."""
        self._ask({"layer": layer, "shape": list(shape), "out": out, "first": first})

    def seconds(self, mode: Literal["training", "evaluation"]) -> float:
        """Run the layer once."""
        return self._ask({"mode": mode})["seconds"]

    def __enter__(self) -> "SpeechBrain":
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer says why
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            last = (self._errors.read().strip().splitlines() or ["it ended without a word"])[-1]
            self._end()
            raise BenchmarkError(
                f"--against {self._python}: {last}; docs/performance.md tells how to make that environment"
            )
        return json.loads(line)
