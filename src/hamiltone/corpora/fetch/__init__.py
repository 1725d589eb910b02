"""Archives of corpora: where they lie, downloading, and unpacking with distrust."""

from ._cached_archives import is_readable_archive, unpacked
from ._fetching import fetch
from ._sources import Archive, Source
from ._unpacking import ArchiveLimits, unpack

__all__ = ["Archive", "ArchiveLimits", "Source", "fetch", "is_readable_archive", "unpack", "unpacked"]
