"""What all tests share: a cache of their own, one thread, and where real speech lies."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that tests start; small tensors gain nothing from more
torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is read from or left in the user's cache; what one test computes serves the others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HAMILTONE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def speech_data() -> Path:
    """The folder of real recordings; a test that needs it is skipped where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("HAMILTONE_DATA", default))
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"no real speech at {folder}: set HAMILTONE_DATA")
    return folder
