"""Atomic writes, content keys, the cache folder, and locks between processes."""

from ._atomic import atomic_path, atomic_write
from ._cache import cache_folder, locked
from ._keys import content_key, file_key

__all__ = ["atomic_path", "atomic_write", "cache_folder", "content_key", "file_key", "locked"]
