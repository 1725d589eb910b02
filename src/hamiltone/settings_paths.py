"""Places named in settings and tables, and the error of settings."""

import os
import re
import unicodedata
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
            f"{key}: {text} needs the environment's {name}, which is not set; set it (export {name}=FOLDER), or write "
            "a folder instead"
        )
    try:
        return Path(lying_path(str(Path(expanded).expanduser()))).resolve()
    except (RuntimeError, ValueError) as error:
        raise SettingsError(f"{key}: {text!r} is no folder's name: {error}") from None


def lying_path(path: str) -> str:
    """A path as it lies on the disk, whose names may be composed ("é" in one sign) or decomposed; else as written.

    Names are UTF-8 there, whatever the locale.
    """
    if path.isascii() or os.path.lexists(path):
        return path
    folder, name = os.path.split(path)
    if not name:
        return path
    folder = lying_path(folder)
    forms = (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
    places = [os.path.join(folder, os.fsdecode(form.encode(errors="surrogateescape"))) for form in forms]  # noqa: PTH118
    return next(filter(os.path.lexists, places), places[0])
