"""A corpus of a made-up layout, known from outside of the package under ``corpus.name = "four_moods"``.

    python examples/extending/corpus.py four-moods      # makes the clips, loads, checks and splits them
    export HAMILTONE_EXTENSIONS=examples/extending/corpus.py
    hamiltone corpus check four_moods=four-moods

"Four Moods" lies as SPEAKER/TAKE_mood.wav, as ann/07_glad.wav. What the file's name tells of a clip is read from it.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

from hamiltone.corpora import (
    Corpus,
    CorpusError,
    CorpusSettings,
    SplitSettings,
    Utterances,
    Whole,
    check_corpus,
    load_utterances,
    register_corpus,
    split_utterances,
)
from hamiltone.corpora.recordings import audio_files, corpus_folder, not_this_corpus, subfolders

MOODS = ("glad", "cross", "low", "even")
TREE = "SPEAKER/TAKE_mood.wav or .flac"
NAME = re.compile(r"(\d+)_(glad|cross|low|even)")
WHOLE = Whole(clips=32, speakers=4, by_class=dict.fromkeys(MOODS, 8))


def load_four_moods(root: Path | None) -> Utterances:
    """Load Four Moods.

    Args:
        root: the folder with one folder per speaker.

    Returns:
        One row per clip: ``utterance`` is SPEAKER/TAKE_mood, ``speaker`` the folder's name, ``emotion`` one of four.

    Raises:
        CorpusError: no such folder, no such recordings, or an audio file with another name.
    """
    folder = corpus_folder("four_moods", root)
    rows: list[Mapping[str, str]] = []
    for speaker in subfolders(folder):
        for path in audio_files(speaker):
            match = NAME.fullmatch(path.stem)
            if match is None:
                raise CorpusError(f"four_moods: {path} is not named as in {TREE}: rename or remove the file")
            name = f"{speaker.name}/{path.stem}"
            rows.append({"utterance": name, "path": str(path), "speaker": speaker.name, "emotion": match[2]})
    if not rows:
        raise not_this_corpus("Four Moods", folder, TREE)
    part = WHOLE.part(len(rows), len({row["speaker"] for row in rows}))
    return Utterances.from_rows(
        rows, corpus="four_moods", root=folder, note=part, part=part, classes={"emotion": MOODS}
    )


FOUR_MOODS = Corpus("four_moods", load_four_moods, TREE, WHOLE, licence="CC0 1.0")
register_corpus(FOUR_MOODS)


def make_clips(folder: Path) -> None:
    """Write the whole corpus: 4 speakers, 4 moods, 2 takes; half a second of noise each."""
    rng = np.random.default_rng(0)
    for speaker in ("ann", "bob", "cem", "dan"):
        (folder / speaker).mkdir(parents=True, exist_ok=True)
        for take, mood in enumerate(MOODS * 2):
            soundfile.write(folder / speaker / f"{take:02}_{mood}.wav", 0.1 * rng.standard_normal(8000), 16000)


def main(folder: Path) -> None:
    """Make the clips, and load, check and split the corpus."""
    make_clips(folder)
    utterances = load_utterances(CorpusSettings(name="four_moods", root=str(folder)))
    print(utterances)
    print(f"whole and readable: {check_corpus('four_moods', folder).sound}")
    split = split_utterances(SplitSettings(kind="actor", fractions=(0.5, 0.25, 0.25)), utterances)
    for part, chosen in split.apply(utterances).items():
        print(f"{part}: {len(chosen)} clips by {', '.join(chosen.labels('speaker'))}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "four-moods"))
