"""The decoding processes that this process has started."""

from contextlib import suppress

import psutil


def living_decoders() -> set[psutil.Process]:
    """Those that live. Some may be of earlier tests: whoever counts takes away those that were there before."""
    living = set()
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # it has ended since, or nobody has asked yet how it did
            if "_decoding_worker.py" in " ".join(child.cmdline()):
                living.add(child)
    return living
