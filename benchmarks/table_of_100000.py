"""Time and memory that a table of 100,000 utterances takes to be read, split and planned.

``python -m benchmarks.table_of_100000 [ROWS]`` writes as many segments of 500 short recordings of noise (200 speakers,
6 emotions) into a temporary folder, and plans a study of six folds of actors on them.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from hamiltone.corpora import load_corpus, split_by_speaker, split_random
from hamiltone.study import Study, plan_study

RECORDINGS, SPEAKERS = 500, 200
EMOTIONS = ("anger", "disgust", "fear", "happy", "neutral", "sad")


def write_table(folder: Path, rows: int) -> Path:
    """A table whose rows are segments of one second."""
    generator = np.random.default_rng(0)
    seconds = -(-rows // RECORDINGS)
    for number in range(RECORDINGS):
        noise = generator.integers(-9000, 9000, 100 * seconds, dtype=np.int16)
        soundfile.write(folder / f"{number:03}.flac", noise, 100)
    lines = ["path,speaker,emotion,start,end"]
    for row in range(rows):
        recording, second = row % RECORDINGS, row // RECORDINGS
        emotion = EMOTIONS[generator.integers(len(EMOTIONS))]
        lines.append(f"{recording:03}.flac,s{recording % SPEAKERS:03},{emotion},{second},{second + 1}")
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def study_on(table: Path) -> Study:
    """Recognisers without anti-transfer in six folds, ten seeds."""
    return Study.model_validate(
        {
            "name": "large",
            "corpora": {"table": {"root": str(table)}},
            "splits": [{"kind": "actor", "folds": 6}],
            "methods": ["none"],
            "seeds": list(range(10)),
            "run": {"front": {"kind": "spectrogram"}, "network": {"algebra": "real"}},
            "networks": {"real": {}},
        }
    )


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = write_table(Path(folder), rows)
        before = peak()
        utterances = timed("read", lambda: load_corpus("table", table))
        timed("random split", lambda: split_random(utterances))
        timed("actor split", lambda: split_by_speaker(utterances))
        plan = timed("plan of a study", lambda: plan_study(study_on(table), Path(folder) / "out"))
        print(f"{len(utterances):,} utterances, {len(plan.states)} runs planned")
        print(f"memory: {before:.0f} MiB before, {peak():.0f} MiB at the peak")


def timed(what, work):
    start = time.perf_counter()
    result = work()
    print(f"{what}: {time.perf_counter() - start:.1f} s")
    return result


def peak() -> float:
    """The most memory so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
