"""How well recordings are grouped by voice: ``predict --by-voice`` on corpora whose speakers are known.

    HAMILTONE_DATA=FOLDER python -m benchmarks.voices

Of each corpus four speakers are drawn ten times, and all their recordings grouped. Told are the voices that are found,
the share of the recordings that are in one, the share of these that are of the speaker who has most of their voice, and
the adjusted Rand index (1: as the speakers are, 0: as by chance).
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score

from hamiltone.corpora import load_corpus
from hamiltone.service import recordings_by_voice

from .pages import markdown_table

CORPORA = ("ravdess", "emodb", "nemo", "tess")
SPEAKERS, DRAWS = 4, 10


def measured(corpus: str, root: Path) -> Iterator[tuple[int, int, float, float, float]]:
    """Of each draw: its speakers, the voices found, and shares and index as told above."""
    table = load_corpus(corpus, root).table
    names = sorted(set(table["speaker"]))
    count = min(SPEAKERS, len(names))
    for draw in range(DRAWS if count < len(names) else 1):
        drawn = np.random.default_rng(draw).choice(names, count, replace=False).tolist()
        chosen = table.loc[table["speaker"].isin(drawn)]
        speaker = dict(zip(map(Path, chosen["path"]), chosen["speaker"], strict=True))
        found = recordings_by_voice(speaker)
        voices = {name: [speaker[path] for path in paths] for name, paths in found.items() if name}
        in_one = sum(map(len, voices.values()))
        right = sum(Counter(its).most_common(1)[0][1] for its in voices.values())
        pairs = [(who, name) for name, its in voices.items() for who in its]
        yield count, len(voices), in_one / len(speaker), right / in_one, adjusted_rand_score(*zip(*pairs, strict=True))


def main() -> None:
    """Print the table."""
    rows = []
    for corpus in CORPORA:
        means = np.mean([*measured(corpus, Path(os.environ["HAMILTONE_DATA"]) / corpus)], axis=0)
        speakers, voices, in_one, right, index = means
        rows.append([corpus, f"{speakers:g}", f"{voices:.1f}", f"{in_one:.2f}", f"{right:.2f}", f"{index:.2f}"])
    print(markdown_table(["corpus", "speakers", "voices", "in a voice", "of its speaker", "Rand index"], rows))


if __name__ == "__main__":
    main()
