"""Atomic writes, texts, files of rows, content keys, the cache folder, and locks between processes."""

from ._atomic import atomic_path, atomic_write, remove_leftovers, remove_leftovers_within
from ._cache import cache_folder, locked
from ._keys import content_key, file_key
from ._rows import rows_file
from ._text import MISSING, decoded_text, read_text

__all__ = [
    "MISSING",
    "atomic_path",
    "atomic_write",
    "cache_folder",
    "content_key",
    "decoded_text",
    "file_key",
    "locked",
    "read_text",
    "remove_leftovers",
    "remove_leftovers_within",
    "rows_file",
]
