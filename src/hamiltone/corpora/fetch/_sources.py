"""Archives with known checksums, and the source that they are fetched from."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from ..utterances import CorpusError


@dataclass(frozen=True)
class Archive:
    """One file to fetch.

    Attributes:
        part: the name that users call it by.
        url: where it lies.
        checksum: algorithm and hexadecimal digest, as pooch writes them.
        size: bytes; None where nobody has published it.
        growth: at most so many times as large it is when unpacked.
        inside: what is taken of it, as a path within it; "" is all.
        place: where that comes to lie, as a path within the corpus' folder; "" is the folder itself.
        file: its name, where that is not the last part of ``url``.
    """

    part: str
    url: str
    checksum: str
    size: int | None
    growth: float
    inside: str = ""
    place: str = ""
    file: str = ""

    @property
    def name(self) -> str:
        """The file's name; no other archive's is the same."""
        return self.file or PurePosixPath(self.url).name

    def address(self, mirror: str | None = None) -> str:
        """Where it is fetched from: below a mirror's address by its name, or else where it lies."""
        return self.url if mirror is None else f"{mirror.rstrip('/')}/{self.name}"


@dataclass(frozen=True)
class Source:
    """A corpus that anyone may fetch who accepts its licence.

    Attributes:
        title: its full name.
        licence: what the licence is called, and what it asks.
        page: where licence and corpus are described.
        archives: its parts.
        default: the parts that are fetched when none is named.
    """

    title: str
    licence: str
    page: str
    archives: tuple[Archive, ...]
    default: tuple[str, ...]

    def chosen(self, corpus: str, parts: tuple[str, ...]) -> list[Archive]:
        """The archives of some parts; of the default ones when none is named.

        Raises:
            CorpusError: an unknown part.
        """
        by_part = {archive.part: archive for archive in self.archives}
        if unknown := [part for part in parts if part not in by_part]:
            raise CorpusError(f"{corpus}: has no part {unknown[0]!r}: there are {', '.join(by_part)}")
        return [by_part[part] for part in dict.fromkeys(parts or self.default)]
