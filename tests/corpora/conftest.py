"""Made recordings, and the synthetic corpus made once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hamiltone.corpora import Utterances, load_corpus

Record = Callable[..., Path]


@pytest.fixture(scope="session")
def record() -> Record:
    """Write a short recording of noise; its content is the seed's."""

    def write(path: Path, seed: int = 0, samples: int = 400, rate: int = 16000) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).integers(-9000, 9000, samples, dtype=np.int16)
        soundfile.write(path, noise, rate, subtype="PCM_16")
        return path

    return write


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory, record: Record) -> list[str]:
    """Thirty recordings of different content; the last two are identical."""
    folder = tmp_path_factory.mktemp("pool")
    return [str(record(folder / f"{number:02}.flac", seed=min(number, 28))) for number in range(30)]


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Utterances:
    """The synthetic corpus in a cache of its own."""
    pytest.importorskip("espeakng_loader")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HAMILTONE_CACHE", str(tmp_path_factory.mktemp("cache")))
        return load_corpus("synthetic")
