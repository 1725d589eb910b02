"""Places named in settings, and the error of settings."""

import os
import re
from pathlib import Path

from hamiltone.errors import HamiltoneError


class SettingsError(HamiltoneError):
    """Settings that cannot be read or do not hold together."""


def expand(text: str, key: str) -> Path:
    """A folder named in the settings, with ``~`` and the environment's $NAMES replaced.

    Raises:
        SettingsError: a name that the environment does not have.
    """
    expanded = os.path.expandvars(text)
    if missing := re.search(r"\$\{?(\w+)", expanded):
        name = missing.group(1)
        raise SettingsError(
            f"{key}: {text} needs the environment's {name}, which is not set; set it, or give {key}=FOLDER"
        )
    try:
        return Path(expanded).expanduser().resolve()
    except (RuntimeError, ValueError) as error:
        raise SettingsError(f"{key}: {text!r} is no folder's name: {error}") from None
