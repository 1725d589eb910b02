"""The description of a corpus: all that is known of it, in one object."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..fetch import Source
from ..utterances import Utterances

COMMON_EMOTIONS = (
    *("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"),  # as RAVDESS calls them
    "boredom",
)
"""What emotions are called that several corpora have."""


@dataclass(frozen=True)
class Whole:
    """A corpus as its authors published it; a number that is not known for certain is not here.

    Attributes:
        clips: how many recordings.
        speakers: how many people.
        by_speaker: speaker -> recordings, of all of them or of none.
        column: what ``by_class`` counts: "emotion" or "word".
        by_class: class -> recordings, of all classes or of none.
        people: what the speakers are called.
    """

    clips: int
    speakers: int
    by_speaker: Mapping[str, int] = field(default_factory=dict)
    column: str = "emotion"
    by_class: Mapping[str, int] = field(default_factory=dict)
    people: str = "speakers"

    def part(self, clips: int, speakers: int) -> str:
        """Say which part of the corpus so many are; "" when it is whole."""
        if (clips, speakers) == (self.clips, self.speakers):
            return ""
        return f"{clips} of {self.clips} clips, {speakers} of {self.speakers} {self.people}"


def fitting_version(versions: Sequence[Whole], clips: int, speakers: int) -> Whole:
    """The version that has exactly so many clips and speakers; the last one where none has."""
    return next((version for version in versions if not version.part(clips, speakers)), versions[-1])


def part_of(rows: Sequence[Mapping[str, object]], *versions: Whole) -> str:
    """Which part of the version that fits best some rows are; "" when they are the whole of one."""
    size = len(rows), len({row["speaker"] for row in rows})
    return fitting_version(versions, *size).part(*size)


@dataclass(frozen=True)
class Corpus:
    """All that is known of a corpus.

    Attributes:
        name: what settings and the command line call it.
        load: the function from its folder (or file; None where the user names none) to its utterances; where the
            corpus has options, they are the second argument.
        tree: how it lies on the disk.
        whole: its published size; of several versions each one's, the present one last; or a function that gives it for
            the parts that were found; None where there is none.
        licence: the licence of its recordings, which holds for weights learned from them, too.
        source: where it is fetched from, or what to do instead (one line), or None.
        common: its emotions that are called otherwise among several corpora -> one of ``COMMON_EMOTIONS``.
        words: whether the corpus ``NAME-words``, its recordings cut into words, is one, too.
        options: the options that it is loaded with.
        naming_speakers: what the user can do where recordings have no speaker.
        listed: the function that loads it for a look (absent recordings among the others, nothing written), where
            ``load`` itself refuses recordings that are absent.
        recordings: of a corpus of words, the corpus that they are cut from.
    """

    name: str
    load: Callable[..., Utterances]
    tree: str
    whole: Whole | tuple[Whole, ...] | Callable[[Utterances], Whole | None] | None = None
    licence: str = "that of your own recordings"
    source: Source | str | None = None
    common: Mapping[str, str] = field(default_factory=dict)
    words: bool = False
    options: tuple[str, ...] = ()
    naming_speakers: str = "name the speakers"
    listed: Callable[..., Utterances] | None = None
    recordings: "Corpus | None" = None

    def published(self, utterances: Utterances) -> Whole | None:
        """The published size, for the version or the parts that were found; None where there is none."""
        if isinstance(self.whole, tuple):
            return fitting_version(self.whole, len(utterances), len(utterances.labels("speaker")))
        return self.whole(utterances) if callable(self.whole) else self.whole
