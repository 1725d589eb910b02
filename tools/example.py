"""The page's example, spoken by eSpeak NG: python -m tools.example."""

import json
from pathlib import Path

import espeakng_loader
import numpy as np
import soundfile
import soxr

from hamiltone.audio import SAMPLE_RATE
from hamiltone.corpora.espeak import SPEAK, ask_espeak

EXAMPLE = Path(__file__).parents[1] / "src/hamiltone/service/page/example.mp3"
_PHRASES = (  # text, pitch, its range, words per minute
    ("The train to the coast leaves at nine, from the second platform.", 50, 40, 160),
    ("No! I told you to leave it alone! Why do you never listen to me?", 60, 95, 230),
)


def main() -> None:
    """A plain sentence and a scolding one, with half a second between them."""
    names = ("voice", "text", "pitch", "range", "rate")
    request = {
        "library": espeakng_loader.get_library_path(),
        "data": espeakng_loader.get_data_path(),
        "phrases": [dict(zip(names, ("en-us+f3", *phrase), strict=True)) for phrase in _PHRASES],
    }
    head, _, samples = ask_espeak(SPEAK, request, "example").partition(b"\n")
    facts = json.loads(head)
    speech = np.frombuffer(samples, np.int16).astype(np.float32) / 32768
    pause = np.zeros(facts["rate"] // 2, np.float32)
    parts = np.split(speech, np.cumsum(facts["lengths"])[:-1])
    sound = np.concatenate([piece for part in parts for piece in (part, pause)][:-1])
    soundfile.write(EXAMPLE, soxr.resample(sound, facts["rate"], SAMPLE_RATE), SAMPLE_RATE, compression_level=0.6)


if __name__ == "__main__":
    main()
