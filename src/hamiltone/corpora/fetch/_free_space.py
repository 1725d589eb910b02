"""Free space on a disk."""

import shutil
from pathlib import Path

from ..utterances import CorpusError

_SPARE = 64 << 20
_MIB = 1 << 20


def check_room(folder: Path, needed: int) -> None:
    """See that a disk has so many bytes free, and some to spare.

    Raises:
        CorpusError: it has fewer.
    """
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE:
        raise CorpusError(
            f"{folder}: {free / _MIB:,.0f} MiB are free, {(needed + _SPARE) / _MIB:,.0f} MiB are needed; "
            "make room, or name another --out"
        )
