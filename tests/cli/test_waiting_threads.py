"""Threads of the command sleep while they wait for one another."""

import os
import subprocess
import sys

SCRIPT = """
import os, sys
from hamiltone._command import main
sys.argv = ["hamiltone", "--version"]
try:
    main()
except SystemExit:
    pass
print(os.environ["OMP_WAIT_POLICY"])
"""


def policy(**environment: str) -> str:
    bare = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=bare | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()[-1]


def test_they_sleep_unless_told_otherwise() -> None:
    assert policy() == "PASSIVE"
    assert policy(OMP_WAIT_POLICY="ACTIVE") == "ACTIVE"
