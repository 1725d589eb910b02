"""What may be wrong with the classes of a column, and with their parts in a split."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations

from ..utterances import Utterances
from ._split import PARTS, Split

_NAMED = ("speaker", "emotion")  # words may differ by a letter
_LEAST_LETTERS = 4
_MOST_CLASSES = 200  # each pair of them is compared
_TOLD = 5


def class_remarks(utterances: Utterances, column: str) -> list[str]:
    """Tell classes whose names differ so little that they may be one, and emotions that one recording alone has.

    Two names differ little when they are the same without case, spaces and signs, or, of emotions, by one letter.

    Args:
        utterances: of any corpora.
        column: of classes: "emotion", "speaker", "word".

    Returns:
        A line each.
    """
    counts = Counter(utterances.table[column].dropna())
    remarks = [
        f"{column} {one!r} ({counts[one]}) and {other!r} ({counts[other]}) may be one: correct it, or map one by labels"
        for one, other in (_alike(column, sorted(counts)) if column in _NAMED else ())
    ]
    recordings: dict[str, set[str]] = defaultdict(set)
    for label, path in zip(utterances.table[column], utterances.table["path"], strict=True):
        recordings[label].add(path)
    single = [label for label in sorted(counts) if len(recordings[label]) == 1]
    if single and column == "emotion":
        stands = "stands in one recording" if len(single) == 1 else "stand in one recording each"
        remarks.append(f"{column} {_listed(single)} {stands}")
    return remarks


def split_remarks(utterances: Utterances, split: Split, column: str) -> list[str]:
    """Tell classes that training does not hear, and those that training alone hears.

    Args:
        utterances: those that are split.
        split: of them.
        column: of the classes that are learned.

    Returns:
        A line each.
    """
    part_of = {name: part for part in PARTS for name in split.parts[part]}
    parts: dict[str, Counter[str]] = defaultdict(Counter)
    for name, label in zip(utterances.table["utterance"], utterances.table[column], strict=True):
        if isinstance(label, str) and name in part_of:
            parts[label][part_of[name]] += 1
    unheard = sorted(label for label in parts if not parts[label]["train"])
    untested = sorted(label for label in parts if set(parts[label]) == {"train"})
    remarks = []
    if unheard:
        where = ", ".join(part for part in PARTS if any(parts[label][part] for label in unheard))
        number = sum(parts[label].total() for label in unheard)
        remarks.append(
            f"{column} {_listed(unheard)} {_are(unheard)} not in the training part ({_recordings(number)} in {where}), "
            "and cannot be learned; split otherwise, or leave it out by labels"
        )
    if untested:
        number = _recordings(sum(parts[label].total() for label in untested))
        remarks.append(
            f"{column} {_listed(untested)} {_are(untested)} in the training part alone ({number}): not tested"
        )
    return remarks


def _alike(column: str, labels: list[str]) -> Iterator[tuple[str, str]]:
    plain = {label: "".join(filter(str.isalnum, label.casefold())) or label for label in labels}
    if column != "emotion" or len(labels) > _MOST_CLASSES:
        by_plain = defaultdict(list)
        for label in labels:
            by_plain[plain[label]].append(label)
        yield from ((same[0], other) for same in by_plain.values() for other in same[1:])
        return
    for one, other in combinations(labels, 2):
        first, second = sorted((plain[one], plain[other]), key=len)
        if len(first) >= _LEAST_LETTERS:
            alike = _one_letter_apart(first, second)
        else:  # sad and mad are two, sad and sadd may be one
            alike = len(first) > 1 and len(second) == len(first) + 1 and second.startswith(first)
        if first == second or alike:
            yield one, other


def _one_letter_apart(one: str, other: str) -> bool:
    """Whether one letter is changed, added or left out."""
    if len(one) > len(other):
        one, other = other, one
    same = next((place for place, letter in enumerate(one) if letter != other[place]), len(one))
    return len(other) - len(one) <= 1 and one[same + (len(one) == len(other)) :] == other[same + 1 :]


def _are(labels: list[str]) -> str:
    return "is" if len(labels) == 1 else "are"


def _recordings(number: int) -> str:
    return "1 recording" if number == 1 else f"{number} recordings"


def _listed(labels: list[str]) -> str:
    more = f" and {len(labels) - _TOLD} more" if len(labels) > _TOLD else ""
    return ", ".join(map(repr, labels[:_TOLD])) + more
