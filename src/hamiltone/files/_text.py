"""Texts as people save them: UTF-8 or UTF-16, with or without a byte order mark, never in the locale's encoding."""

import codecs
from pathlib import Path

MISSING = frozenset({"", "nan", "NaN", "None", "<NA>"})
"""As pandas and Python write what is not there."""

_BY_MARK = {
    codecs.BOM_UTF32_LE: "utf-32",  # before the mark of UTF-16, which it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(path: Path) -> str:
    """The text of a file, as :func:`decoded_text` finds it.

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it is in another encoding.
    """
    return decoded_text(path.read_bytes())


def decoded_text(content: bytes) -> str:
    """The text that bytes hold: UTF-8, unless a byte order mark, or a zero among the first two bytes, tells otherwise.

    Byte order marks are left out wherever they stand: programs that append to a file write another one.

    Raises:
        UnicodeDecodeError: it is in another encoding.

    >>> decoded_text("zł".encode("utf-16")) == decoded_text("zł".encode("utf-16-le")) == decoded_text("zł".encode())
    True
    """
    encoding = next((encoding for mark, encoding in _BY_MARK.items() if content.startswith(mark)), None)
    if encoding is None:
        first, second = content[:1] == b"\0", content[1:2] == b"\0"
        encoding = "utf-16-be" if first else "utf-16-le" if second else "utf-8"
    return content.decode(encoding).replace("\ufeff", "")
