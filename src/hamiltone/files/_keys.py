"""Keys made of content: equal content, equal key; nothing else counts."""

import hashlib
import json
from pathlib import Path
from typing import Any

_BLOCK = 1 << 20


def content_key(content: Any) -> str:
    """SHA-256 (hexadecimal) of JSON-like content, whatever the order of its keys.

    Raises:
        TypeError: content that JSON cannot hold; NaN and infinities are a ``ValueError``.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_key(path: Path) -> str:
    """SHA-256 (hexadecimal) of a file's bytes."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
