"""The embedded corpus: words spoken by eSpeak NG's voices with the prosody of four emotions. Not people."""

import io
import json
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr

from hamiltone.files import atomic_path, cache_folder, content_key, file_key, locked

from ..espeak import SPEAK, ask_espeak
from ..recordings import absolute_path
from ..utterances import CorpusError, Utterances
from ._corpus import Corpus

VOICES = ("f1", "f2", "f3", "f4", "m1", "m2", "m7", "m8")
"""The speakers: eSpeak NG's variants of its American English voice, half female, half male."""

WORDS = ("garden", "morning", "music", "paper", "river", "seven", "window", "yellow")
"""What is spoken."""

EMOTIONS = ("neutral", "happy", "sad", "angry")
"""How it is spoken."""

NOTE = "synthetic voices (eSpeak NG), not people"

_RATE = 16000
_TAKES = 2
_SEED = 20240
_LEAD_SECONDS = (0.04, 0.16)
_NOISE_DBFS = -66.0
_LISTING = "utterances.json"


class _Prosody(NamedTuple):
    pitch: float  # eSpeak's scale, 0..100
    range: float  # eSpeak's scale, 0..100
    rate: float  # words per minute
    level: float  # dB
    valence: float  # 1..5, as are the next two
    arousal: float
    dominance: float


_MEANS = {
    "neutral": _Prosody(45, 45, 165, -9, 3.0, 2.2, 3.0),
    "happy": _Prosody(68, 85, 180, -7, 4.2, 3.8, 3.6),
    "sad": _Prosody(30, 20, 130, -15, 1.8, 1.8, 2.0),
    "angry": _Prosody(55, 65, 200, -3, 1.7, 4.2, 4.1),
}
_CLIP_SPREAD = _Prosody(7, 10, 9, 1.5, 0.4, 0.4, 0.4)
_VOICE_SPREAD = _Prosody(4, 6, 5, 1, 0, 0, 0)
_LEAST = _Prosody(0, 0, 90, -30, 1, 1, 1)
_MOST = _Prosody(100, 100, 260, 0, 5, 5, 5)


def load_synthetic(root: Path | None, *, make: bool = True) -> Utterances:
    """Load the synthetic corpus; on first use it is made (seconds): 8 voices x 8 words x 4 emotions x 2 takes.

    The recipe: a clip is one word of ``WORDS`` by one voice of ``VOICES``. An emotion is a mean pitch, pitch range,
    rate and level; every voice adds a seeded habit of its own and every take a seeded deviation, so that emotions
    overlap. Ratings of valence, arousal and dominance (1 to 5) are an emotion's means with a seeded deviation. The
    word stands between short pauses over faint noise. 16 kHz, mono, 16-bit FLAC; the bytes depend on the recipe and
    on the versions of the libraries alone.

    Args:
        root: the folder to make it in (in a subfolder named by the recipe's key); the user's cache when None.
        make: make it where it is not there or no longer whole; else that is an error, and nothing is written.

    Returns:
        512 utterances ``VOICE_WORD_EMOTION_TAKE`` with speaker, sex, word, emotion, valence, arousal, dominance and
        text.

    Raises:
        CorpusError: espeakng-loader is not installed, eSpeak NG fails, the folder cannot be written, or it does not
            hold the corpus and nothing may be made.
    """
    try:
        espeakng_loader = import_module("espeakng_loader")
    except ImportError as error:
        raise CorpusError("the synthetic corpus needs eSpeak NG: pip install 'hamiltone[synthetic]'") from error
    clips = _designed_clips()
    key = content_key({"clips": clips, "recipe": _recipe(), "espeakng-loader": version("espeakng-loader")})
    try:
        folder = (cache_folder("synthetic") if root is None else absolute_path("synthetic", root)) / key[:16]
        if not make:
            rows = _listing(folder)
            if rows is None:
                raise CorpusError(f"synthetic: {folder} does not hold the whole corpus: a run makes it there")
        else:
            with locked(folder):
                rows = _listing(folder)
                if rows is None:
                    speech, rate = _spoken(clips, espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
                    with atomic_path(folder) as draft:
                        rows = _write(draft, clips, speech, rate)
    except OSError as error:
        raise CorpusError(f"synthetic: cannot make the corpus: {error}") from error
    rows = [
        row | {"path": str(folder / row["path"]), "sex": {"f": "female", "m": "male"}[row["speaker"][0]]}
        for row in rows
    ]
    return Utterances.from_rows(rows, corpus="synthetic", root=folder, note=NOTE, classes={"emotion": EMOTIONS})


def _recipe() -> dict[str, Any]:
    """What shapes the bytes beside the plan."""
    return {
        "version": 1,
        "rate": _RATE,
        "seed": _SEED,
        "lead": list(_LEAD_SECONDS),
        "noise": _NOISE_DBFS,
        "speaker": file_key(SPEAK),
    }


def _designed_clips() -> list[dict[str, Any]]:
    """Every clip's labels and prosody."""
    rng = np.random.default_rng(_SEED)
    clips = []
    for voice in VOICES:
        habit = rng.standard_normal(len(_CLIP_SPREAD)) * _VOICE_SPREAD
        for word in WORDS:
            for emotion in EMOTIONS:
                for take in range(1, _TAKES + 1):
                    deviation = rng.standard_normal(len(_CLIP_SPREAD)) * _CLIP_SPREAD
                    values = np.clip(np.array(_MEANS[emotion]) + habit + deviation, _LEAST, _MOST)
                    prosody = _Prosody(*values.round(2).tolist())
                    name = f"{voice}_{word}_{emotion}_{take}"
                    clips.append(
                        {"utterance": name, "speaker": voice, "word": word, "emotion": emotion} | prosody._asdict()
                    )
    return clips


def _spoken(clips: list[dict[str, Any]], library: str, data: str) -> tuple[list[np.ndarray], int]:
    """Let another process speak all clips: their samples (-1..1) and the rate."""
    phrases = [
        {
            "voice": f"en-us+{clip['speaker']}",
            "text": clip["word"],
            "pitch": round(clip["pitch"]),
            "range": round(clip["range"]),
            "rate": round(clip["rate"]),
        }
        for clip in clips
    ]
    answer = ask_espeak(SPEAK, {"library": library, "data": data, "phrases": phrases}, "synthetic")
    head, _, samples = answer.partition(b"\n")
    described = json.loads(head)
    speech = np.frombuffer(samples, dtype=np.int16).astype(np.float64) / 32768
    return np.split(speech, np.cumsum(described["lengths"])[:-1]), described["rate"]


def _write(folder: Path, clips: list[dict[str, Any]], speech: list[np.ndarray], rate: int) -> list[dict[str, Any]]:
    rows = []
    for number, (clip, samples) in enumerate(zip(clips, speech, strict=True)):
        path = folder / clip["speaker"] / f"{clip['utterance']}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([_SEED, number])
        content = io.BytesIO()
        soundfile.write(content, _recording(samples, rate, clip["level"], rng), _RATE, format="FLAC", subtype="PCM_16")
        path.write_bytes(content.getvalue())
        labels = ("utterance", "speaker", "word", "emotion", "valence", "arousal", "dominance")
        rows.append(
            {name: clip[name] for name in labels} | {"text": clip["word"], "path": f"{clip['speaker']}/{path.name}"}
        )
    (folder / _LISTING).write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return rows


def _recording(samples: np.ndarray, rate: int, level: float, rng: np.random.Generator) -> np.ndarray:
    """Bring the voice to 16 kHz and its level, between pauses, over noise."""
    voice = soxr.resample(samples, rate, _RATE) * 10 ** (level / 20)
    before, after = (rng.uniform(*_LEAD_SECONDS, size=2) * _RATE).astype(int)
    clip = np.pad(voice, (before, after))
    clip += rng.standard_normal(clip.size) * 10 ** (_NOISE_DBFS / 20)
    return np.clip(clip, -1.0, 1.0)


def _listing(folder: Path) -> list[dict[str, Any]] | None:
    """The rows of a corpus made earlier, or None where it is absent or no longer whole."""
    try:
        rows = json.loads((folder / _LISTING).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return rows if all((folder / row["path"]).is_file() for row in rows) else None


SYNTHETIC = Corpus(
    "synthetic",
    load_synthetic,
    "none: the corpus is made on first use",
    licence="none: voices of eSpeak NG",
    listed=lambda root: load_synthetic(root, make=root is None),
)
