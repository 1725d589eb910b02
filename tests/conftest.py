"""What all tests share: where real speech lies."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def speech_data() -> Path:
    """The folder of real recordings; a test that needs it is skipped where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("HAMILTONE_DATA", default))
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"no real speech at {folder}: set HAMILTONE_DATA")
    return folder
