"""What a report need not load."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("verb", ["write_report(folder)", "app(['report', str(folder)], standalone_mode=False)"])
def test_a_report_needs_no_torch(made, verb):
    made.recogniser()
    folder = made.write()
    program = f"""
import sys
from pathlib import Path
from hamiltone.cli import app
from hamiltone.report import write_report
folder = Path({str(folder)!r})
{verb}
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    assert (folder / "report.html").is_file()
