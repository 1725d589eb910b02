"""Leaks between the parts of a split: the same audio, the same people, the same sentences."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ..recordings import segments_of
from ..splits import PARTS, Protocol, Split, protocol_of
from ..utterances import Report, Utterances
from ._copies import find_copies
from ._fingerprints import fingerprints


@dataclass(frozen=True)
class Pair:
    """Two utterances with the same audio, or nearly.

    Attributes:
        utterances: both.
        parts: the part of each.
        different: the share of the fingerprints' bits that differ: 0 for the same sound, about 0.5 for any two.
        shift_seconds: by how much later the sound stands in the second.
    """

    utterances: tuple[str, str]
    parts: tuple[str, str]
    different: float
    shift_seconds: float


@dataclass(frozen=True)
class Audit:
    """What the parts of a split have in common.

    Attributes:
        corpus: the corpus' name.
        kind: how it was split: "random" or "actor".
        scheme: by which scheme, where the kind alone does not tell (``Split.scheme``).
        hash: the split's.
        clips: part -> how many utterances.
        protocol: shared speakers, sentences and recordings.
        pairs: utterances with the same audio, or nearly, wherever they are.
    """

    corpus: str
    kind: str
    scheme: str | None
    hash: str
    clips: dict[str, int]
    protocol: Protocol
    pairs: tuple[Pair, ...]

    @property
    def leaks(self) -> list[Pair]:
        """The pairs whose two utterances lie in different parts."""
        return [pair for pair in self.pairs if pair.parts[0] != pair.parts[1]]

    @property
    def leaking(self) -> bool:
        """Whether audio of one part is in another, too."""
        return bool(self.leaks or self.protocol.recordings)

    def shared(self, kind: str) -> dict[str, list[str] | None]:
        """The "speakers" or "texts" that two parts share: "train and test" -> names, sorted; None: not known."""
        values = self.protocol.speakers if kind == "speakers" else self.protocol.texts
        untold = {part for part in PARTS if self.clips.get(part) and not values[part]}
        return {
            f"{part} and {other}": None if untold & {part, other} else sorted(values[part] & values[other])
            for part, other in combinations(PARTS, 2)
        }

    def as_json(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return {
            "corpus": self.corpus,
            "split": {"kind": self.kind, "scheme": self.scheme, "hash": self.hash, "clips": self.clips},
            "protocol": self.protocol.line,
            "speaker_independent": self.protocol.speaker_independent,
            "text_independent": self.protocol.text_independent,
            "shared_speakers": self.shared("speakers"),
            "shared_texts": self.shared("texts"),
            "recordings_in_several_parts": list(self.protocol.recordings),
            "leaks": [vars(pair) for pair in self.leaks],
            "copies_within_a_part": [vars(pair) for pair in self.pairs if pair.parts[0] == pair.parts[1]],
            "leaking": self.leaking,
        }


def audit(utterances: Utterances, split: Split, *, report: Report | None = None) -> Audit:
    """Look for leaks between the parts of a split.

    Audio is compared by fingerprints, so that a copy is found whatever its gain, format or rate, also when it is
    shifted or cut a little; another take of the same sentence by the same speaker is no copy.

    Args:
        utterances: all that the split divides.
        split: of them.
        report: told of progress.

    Raises:
        CorpusError: the split divides another corpus, or a recording cannot be read.
        AudioError: a recording cannot be decoded.
    """
    protocol = protocol_of(utterances, split)
    part_of = {name: part for part in PARTS for name in split.parts[part]}
    names = utterances.table["utterance"].tolist()
    segments = segments_of(utterances)
    prints = fingerprints(segments, report or _unheard)
    pairs = [
        Pair(
            utterances=(names[copy.first], names[copy.second]),
            parts=(part_of[names[copy.first]], part_of[names[copy.second]]),
            different=copy.different,
            shift_seconds=copy.shift_seconds,
        )
        for copy in find_copies(prints, segments)
    ]
    return Audit(
        corpus=utterances.corpus,
        kind=split.kind,
        scheme=split.scheme,
        hash=split.hash,
        clips={part: len(split.parts[part]) for part in PARTS},
        protocol=protocol,
        pairs=tuple(pairs),
    )


def _unheard(_what: str, _done: int, _total: int) -> None:
    pass
