"""IEMOCAP: acted and improvised English dialogues, 10 speakers in 5 sessions, categories and ratings."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..recordings import audio_files, corpus_folder, folder_levels, not_this_corpus, subfolders, text_files
from ..utterances import HIGHEST, LOWEST, RATINGS, CorpusError, Utterances
from ._corpus import Corpus, Whole, part_of

_EMOTIONS = ("neutral", "anger", "happiness", "sadness")
_PAPER4 = {"neu": "neutral", "ang": "anger", "hap": "happiness", "sad": "sadness"}
_MERGED4 = _PAPER4 | {"exc": "happiness"}
_TREE = "SessionN/sentences/wav/DIALOGUE/UTTERANCE.wav or .flac"
_SESSION = re.compile(r"Session([1-5])")
_NAME = re.compile(r"(Ses0([1-5])[FM]_\w+)_([FM])\w+", re.ASCII)  # dialogue, session; who speaks this turn
_EVALUATION = re.compile(r"\[[^\]]*\]\s+(\S+)\s+(\S+)\s+\[([^,\]]*),([^,\]]*),([^,\]]*)\]\s*")
_TEXT = re.compile(r"(\S+)\s*\[[^\]]*\]\s*:\s*(\S.*)")
_CLIPS, _SPEAKERS = 10039, 10
_COUNTS = {"neutral": 1708, "anger": 1103, "happiness": 595, "sadness": 1084}
_WHOLE = Whole(_CLIPS, _SPEAKERS, by_class=_COUNTS)
_WHOLE_MERGED = Whole(_CLIPS, _SPEAKERS, by_class=_COUNTS | {"happiness": 1636})  # 595 and 1041 of excitement


class _Evaluation(NamedTuple):
    label: str = ""
    ratings: tuple[float, float, float] = (math.nan, math.nan, math.nan)


def load_iemocap(root: Path | None) -> Utterances:
    """Load IEMOCAP (Busso et al. 2008, doi:10.1007/s10579-008-9076-6) with the paper's four classes.

    Every clip is there; those of other categories have no emotion. Of the whole corpus, 4,490 have one: neutral 1708,
    anger 1103, happiness 595, sadness 1084.

    Args:
        root: ``IEMOCAP_full_release`` with ``Session1`` to ``Session5``, or a folder above it, or one session.

    Returns:
        One row per turn ``SessionN/sentences/wav/DIALOGUE/UTTERANCE``: ``utterance`` is the file's stem, ``speaker``
        the session and who speaks this turn ("Ses01F"), ``sex``, ``session`` "1" to "5", ``emotion`` and the mean
        ratings of valence, arousal and dominance from ``dialog/EmoEvaluation``, ``text`` from
        ``dialog/transcriptions`` (missing where there is none). Ratings beyond the scale of 1 to 5 are
        brought to its end; the note counts them, turns without evaluation, and evaluations without recording.

    Raises:
        CorpusError: no such folder, no such recordings, an audio file with another name, no evaluation at all, or
            one that cannot be read or that contradicts another.
    """
    return _load("iemocap", root, _PAPER4, "")


def load_iemocap_merged4(root: Path | None) -> Utterances:
    """Load IEMOCAP as ``load_iemocap``, with excitement counted as happiness: 5,531 clips of four classes.

    The corpus' name stays ``iemocap``, because what one of the two has heard the other has heard; the note tells.
    """
    return _load("iemocap-merged4", root, _MERGED4, "excitement counted as happiness")


def _load(name: str, root: Path | None, emotions: Mapping[str, str], remark: str) -> Utterances:
    folder = corpus_folder(name, root)
    rows, evaluated, beyond = [], set(), 0
    for session in _sessions(folder):
        evaluations = _evaluations(name, session)
        texts = _texts(name, session)
        evaluated |= evaluations.keys()
        for path in _recordings(session):
            match = _NAME.fullmatch(path.stem)
            if match is None or match[1] != path.parent.name or match[2] != session.name[-1]:
                raise CorpusError(f"{name}: {path} is not named as in {_TREE}: rename or remove the file")
            evaluation = evaluations.get(path.stem, _Evaluation())
            beyond += sum(rating < LOWEST or rating > HIGHEST for rating in evaluation.ratings)
            rows.append(
                {
                    "utterance": path.stem,
                    "path": str(path),
                    "speaker": f"Ses0{match[2]}{match[3]}",
                    "sex": {"F": "female", "M": "male"}[match[3]],
                    "session": match[2],
                    "emotion": emotions.get(evaluation.label),
                    "text": texts.get(path.stem),
                }
                | dict(zip(RATINGS, np.clip(evaluation.ratings, LOWEST, HIGHEST).tolist(), strict=True))
            )
    if not rows:
        raise not_this_corpus("IEMOCAP", folder, _TREE)
    heard = {row["utterance"] for row in rows}
    if not heard & evaluated:
        raise CorpusError(
            f"{name}: no recording below {folder} has an evaluation: "
            "expected SessionN/dialog/EmoEvaluation/DIALOGUE.txt as distributed"
        )
    part = part_of(rows, _WHOLE)
    remarks = [
        part,
        remark,
        _count(len(heard - evaluated), "recordings have no evaluation"),
        _count(len(evaluated - heard), "evaluations have no recording"),
        _count(beyond, "ratings beyond the scale of 1 to 5 brought to its end"),
    ]
    note = "; ".join(filter(None, remarks))
    classes = {"emotion": _EMOTIONS}
    return Utterances.from_rows(rows, corpus="iemocap", root=folder, note=note, part=part, classes=classes)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number else ""


def _sessions(folder: Path) -> list[Path]:
    for level in folder_levels(folder):
        sessions = [item for item in level if _SESSION.fullmatch(item.name) and (item / "sentences" / "wav").is_dir()]
        if sessions:
            return sessions
    return []


def _recordings(session: Path) -> Iterator[Path]:
    for dialogue in subfolders(session / "sentences" / "wav"):
        yield from audio_files(dialogue)


def _evaluations(name: str, session: Path) -> dict[str, _Evaluation]:
    evaluations: dict[str, _Evaluation] = {}
    for path in text_files(session / "dialog" / "EmoEvaluation", ".txt"):
        for number, line in enumerate(_lines(name, path), start=1):
            if not line.startswith("["):
                continue
            match = _EVALUATION.fullmatch(line)
            ratings = None if match is None else _ratings(match.groups()[2:])
            if match is None or ratings is None:
                raise CorpusError(
                    f"{name}: {path} line {number} is not '[START - END] UTTERANCE LABEL [V, A, D]': fetch it again"
                )
            evaluation = _Evaluation(match[2], ratings)
            if str(evaluations.setdefault(match[1], evaluation)) != str(evaluation):
                raise CorpusError(f"{name}: {path} line {number} contradicts another evaluation of {match[1]}")
    return evaluations


def _ratings(values: tuple[str, ...]) -> tuple[float, float, float] | None:
    try:
        valence, arousal, dominance = map(float, values)
    except ValueError:
        return None
    return None if math.inf in map(abs, (valence, arousal, dominance)) else (valence, arousal, dominance)


def _texts(name: str, session: Path) -> dict[str, str]:
    """Turn -> what is said; lines of another form, such as laughter between turns, name no turn."""
    lines = (line for path in text_files(session / "dialog" / "transcriptions", ".txt") for line in _lines(name, path))
    return {match[1]: match[2].strip() for match in map(_TEXT.fullmatch, lines) if match}


def _lines(name: str, path: Path) -> list[str]:
    # Comments and transcripts were typed by many hands: what is not UTF-8 is Latin-1.
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"{name}: {path} cannot be read ({error.strerror})") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.splitlines()


IEMOCAP = Corpus(
    "iemocap",
    load_iemocap,
    f"{_TREE}, and SessionN/dialog/EmoEvaluation/DIALOGUE.txt",
    _WHOLE,
    "IEMOCAP's own, on request, for research",
    "is given to those who sign its licence: ask for it at https://sail.usc.edu/iemocap/iemocap_release.htm",
    common={"anger": "angry", "happiness": "happy", "sadness": "sad"},
    words=True,
)

IEMOCAP_MERGED4 = replace(
    IEMOCAP, name="iemocap-merged4", load=load_iemocap_merged4, whole=_WHOLE_MERGED, source=None, words=False
)
