import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamiltone.files import content_key, file_key

json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_like, min_size=2))
def test_the_order_of_keys_does_not_count(content: dict) -> None:
    assert content_key(content) == content_key(dict(reversed(content.items())))


@given(json_like, json_like)
def test_other_content_has_another_key(one: object, other: object) -> None:
    assert one == other or content_key(one) != content_key(other)


def test_numbers_that_are_equal_and_written_otherwise_have_other_keys() -> None:
    assert len({content_key(one) for one in (1, 1.0, True, "1", [1])}) == 5


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        content_key(float("nan"))
    with pytest.raises(TypeError):
        content_key(object())


def test_the_key_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 8192 + b"x"
    (tmp_path / "f").write_bytes(content)
    assert file_key(tmp_path / "f") == hashlib.sha256(content).hexdigest()
