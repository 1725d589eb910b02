"""The protocol of a split: whether tested people, sentences and recordings are heard in training, too."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from ..utterances import TEXT, Utterances
from ._split import PARTS, Split

_KINDS = ("speaker", "text")


@dataclass(frozen=True)
class Protocol:
    """What the parts of a split have in common.

    Attributes:
        speakers: part -> its speakers.
        texts: part -> its sentences, as words in lower case without signs.
        recordings: the recordings (by their identity: content where it is known, else path) that lie in several parts.
        nameless: how many utterances have no speaker.
        textless: how many utterances have no text.
    """

    speakers: Mapping[str, frozenset[str]]
    texts: Mapping[str, frozenset[str]]
    recordings: tuple[str, ...]
    nameless: int
    textless: int

    @property
    def speaker_independent(self) -> bool:
        """Whether no speaker who is tested is heard in training or validation, as far as all are known."""
        return self._independent(self.speakers, self.nameless)

    @property
    def text_independent(self) -> bool:
        """Whether no sentence that is tested is heard in training or validation, as far as all are known."""
        return self._independent(self.texts, self.textless)

    @property
    def line(self) -> str:
        """The protocol in one line: its name, then the numbers."""
        known = [
            ("speaker", self.speakers, self.nameless, "speakers"),
            ("text", self.texts, self.textless, "texts"),
        ]
        names, numbers = [], []
        for kind, values, missing, plural in known:
            tested, trained, validated = (values[part] for part in ("test", "train", "validation"))
            if not tested:
                names.append(f"{plural} are not known")
                continue
            name = _name(kind, tested & trained, tested & validated)
            names.append(f"{name} as far as {plural} are known" if missing and name == f"{kind}-independent" else name)
            told = f"of {len(tested)} test {plural if len(tested) != 1 else kind}, "
            told += f"{len(tested & trained)} in training, {len(tested & validated)} in validation"
            clips = "clip" if missing == 1 else "clips"
            numbers.append(told + (f" ({missing} {clips} without {kind})" if missing else ""))
        if several := len(self.recordings):
            numbers.append(f"{several} recording{' lies' if several == 1 else 's lie'} in several parts")
        if names[:2] == [f"not {kind}-independent" for kind in _KINDS]:
            names = ["neither speaker-independent nor text-independent"]
        return ", ".join(names) + (f": {'; '.join(numbers)}" if numbers else "")

    def _independent(self, values: Mapping[str, frozenset[str]], missing: int) -> bool:
        tested = values["test"]
        return not missing and bool(tested) and not tested & (values["train"] | values["validation"])


def _name(kind: str, trained: Collection[str], validated: Collection[str]) -> str:
    if trained:
        return f"not {kind}-independent"
    return f"{kind}-independent in training but not in validation" if validated else f"{kind}-independent"


def protocol_of(utterances: Utterances, split: Split, contents: Mapping[str, str] | None = None) -> Protocol:
    """Say which protocol a split is, by the table alone: no audio is read.

    Args:
        utterances: all that the split divides.
        split: of them.
        contents: path -> what identifies the recording's content, where that is known: recordings with the same are
            the same.

    Raises:
        CorpusError: the split divides another corpus.
    """
    parts = {part: chosen.table for part, chosen in split.apply(utterances).items()}
    texts = {part: _texts(table) for part, table in parts.items()}
    known = contents or {}
    identities = {part: {known.get(str(path), str(path)) for path in table["path"]} for part, table in parts.items()}
    several = {name for part, other in combinations(PARTS, 2) for name in identities[part] & identities[other]}
    return Protocol(
        speakers={part: frozenset(table["speaker"].dropna()) for part, table in parts.items()},
        texts={part: frozenset(found.dropna()) for part, found in texts.items()},
        recordings=tuple(sorted(map(str, several))),
        nameless=sum(int(table["speaker"].isna().to_numpy().sum()) for table in parts.values()),
        textless=sum(int(found.isna().to_numpy().sum()) for found in texts.values()),
    )


def _texts(table: pd.DataFrame) -> pd.Series:
    """What is said, so that spelling and signs do not tell sentences apart; the word where there is no text."""
    said = table["text"].fillna(table["word"]).astype(TEXT).str.casefold().str.replace(r"[^\w\s']|_", " ", regex=True)
    said = said.str.replace(r"\s+", " ", regex=True).str.strip()
    return said.where(said != "")
