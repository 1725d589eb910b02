"""Verbs that look, plan and tell load no torch, so that they answer at once; the end of each is at once, too."""

import subprocess
import sys
from pathlib import Path

import pytest

QUICKSTART = Path(__file__).resolve().parents[2] / "configs" / "study" / "quickstart.toml"
CODE = """
import sys
sys.argv = ["hamiltone", *sys.argv[1:]]
from hamiltone.cli import app
try:
    app()
except SystemExit as end:
    assert not end.code, end.code
assert not {"torch", "accelerate"} & sys.modules.keys()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["settings", "training"],
        ["corpus", "check", "synthetic"],
        ["study", "plan", str(QUICKSTART)],
    ],
    ids=lambda arguments: arguments[0],
)
def test_torch_is_not_loaded(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


ENDLESS = """
import sys
from hamiltone._command import main

class Cycle:
    def __init__(self):
        self.itself = self
    def __del__(self):
        print("searched for garbage")

kept = Cycle()
sys.argv = ["hamiltone", "--version"]
main()
"""


def test_the_end_searches_for_no_garbage() -> None:
    done = subprocess.run([sys.executable, "-c", ENDLESS], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
