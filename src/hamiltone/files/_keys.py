"""Content keys: SHA-256 of JSON-like content and of files."""

import hashlib
import json
from pathlib import Path
from typing import Any


def content_key(content: Any) -> str:
    """SHA-256 (hexadecimal) of JSON-like content, whatever the order of its keys.

    Raises:
        TypeError: content that JSON cannot hold; NaN and infinities are a ``ValueError``.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()  # paths in a locale without Unicode


def file_key(path: Path) -> str:
    """SHA-256 (hexadecimal) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
