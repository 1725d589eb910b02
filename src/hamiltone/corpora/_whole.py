"""What is published of a corpus' size."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
