"""What all tests share: a cache of their own, one thread, where real speech lies, and files that FFmpeg writes."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

import hamiltone

os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that tests start; small tensors gain nothing from more
torch.set_num_threads(1)

_NOBODY = 65534


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


@pytest.fixture
def plain_user() -> Iterator[Path]:
    """A folder of a user who may not write everywhere, whom the test is meanwhile, also where root runs it."""
    package = Path(hamiltone.__file__).resolve()
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid():
            yield Path(name)
            return
        # What is imported meanwhile must be readable, too: the package, its tests, and what came with Python or by pip.
        places = (package, Path(name), Path(__file__), Path(np.__file__), Path(os.__file__).resolve())
        if not all(above.stat().st_mode & stat.S_IXOTH for place in places for above in place.parents):
            pytest.skip("root alone may enter the folder of the package, of its tests, or of Python")
        try:
            os.chown(name, _NOBODY, -1)
            os.setresuid(_NOBODY, _NOBODY, 0)
        except (OSError, AttributeError) as error:
            pytest.skip(f"root cannot become another user here: {error}")
        try:
            yield Path(name)
        finally:
            os.setresuid(0, 0, 0)


@pytest.fixture(scope="session")
def encode() -> Callable[..., Path]:
    """Write samples (sample, channel) with PyAV: ``encode(path, samples, rate, codec, format, options)``."""
    av = pytest.importorskip("av", reason="PyAV (the extra media) is not installed")

    def written(
        path: Path,
        samples: np.ndarray,
        rate: int,
        codec: str,
        form: str,
        options: Mapping[str, str] | None = None,
        *,
        picture: bool = False,
    ) -> Path:
        layout = {1: "mono", 2: "stereo"}[samples.shape[1]]
        with av.open(str(path), "w", format=form, options=dict(options or {})) as container:
            video = container.add_stream("mpeg4", rate=5, width=32, height=32, pix_fmt="yuv420p") if picture else None
            stream = container.add_stream(codec, rate=rate, layout=layout, options={"strict": "-2"})
            if codec.startswith("wma"):
                stream.bit_rate = 64_000
            if video is not None:
                for number in range(5):
                    image = np.full((32, 32, 3), 20 * number, np.uint8)
                    container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
                container.mux(video.encode(None))
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples.T, dtype=np.float32), format="fltp", layout=layout
            )
            frame.sample_rate, frame.pts = rate, 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return written
