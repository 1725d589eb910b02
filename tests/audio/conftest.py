"""Sound files that FFmpeg writes."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest


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
