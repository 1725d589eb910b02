"""Texts in the encodings that people save them in; the locale's never counts."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hamiltone
from hamiltone.files import decoded_text, read_text

TEXT = "path,emotion\r\na.wav,zły\r\n"
WRITTEN = {
    "UTF-8": TEXT.encode(),
    "UTF-8 of Notepad": TEXT.encode("utf-8-sig"),
    "UTF-16 of Excel": TEXT.encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "UTF-16 without a mark, big end first": TEXT.encode("utf-16-be"),
    "UTF-16, a mark a line": b"".join(line.encode("utf-16") for line in TEXT.splitlines(keepends=True)),
    "UTF-32": TEXT.encode("utf-32"),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_one_text_in_every_encoding(tmp_path: Path, written: str):
    path = tmp_path / "text"
    path.write_bytes(WRITTEN[written])
    assert read_text(path) == TEXT


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")))
def test_every_text_survives_with_a_mark_and_in_utf8(text: str):
    assert decoded_text(text.encode()) == decoded_text(text.encode("utf-8-sig")) == text
    assert decoded_text(text.encode("utf-16")) == decoded_text(text.encode("utf-32")) == text


def test_other_encodings_are_refused():
    with pytest.raises(UnicodeDecodeError):
        decoded_text("zły;smutny".encode("iso8859-2"))


def in_the_locale(path: Path) -> Iterator[str]:
    """Calls of a module that read or write text in the locale's encoding."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or any(keyword.arg == "encoding" for keyword in node.keywords):
            continue
        called = ast.unparse(node.func)
        binary = any("b'" in ast.unparse(argument) for argument in node.args)
        read = called.endswith(".read_text") and not node.args
        opened = called == "open" or (called.endswith(".open") and called not in ("os.open", "tarfile.open", "av.open"))
        if read or called.endswith(".write_text") or (opened and not binary):
            yield f"{path.name}:{node.lineno}"


def test_no_module_reads_or_writes_text_in_the_locales_encoding(tmp_path: Path):
    package = Path(str(hamiltone.__file__)).parent
    assert [place for path in package.rglob("*.py") for place in in_the_locale(path)] == []
    lines = [
        "p.read_text()",
        'p.write_text("a")',
        'p.open("w")',
        "open(p)",
        'p.open("wb")',
        'open(p, encoding="utf-8")',
    ]
    (tmp_path / "wrong.py").write_text("\n".join(lines), encoding="utf-8")
    assert list(in_the_locale(tmp_path / "wrong.py")) == [f"wrong.py:{number}" for number in range(1, 5)]
