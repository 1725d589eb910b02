"""Archives with what no corpus has in them: nothing leaves the folder, nothing grows without bounds."""

import io
import stat
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.corpora import CorpusError
from hamiltone.corpora.fetch import ArchiveLimits, unpack

LIMITS = ArchiveLimits(files=100, size=100_000, ratio=50)
Make = Callable[[Path, list[tuple[str, bytes]]], None]


def make_zip(path: Path, members: list[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings(action="ignore"):  # of names that stand twice
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def make_tar(path: Path, members: list[tuple[str, bytes]]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


BOTH = pytest.mark.parametrize("make", [make_zip, make_tar])


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder: Path, archive: Path, message: str, limits: ArchiveLimits = LIMITS) -> None:
    """The archive is refused, and nothing lies beside the folder that it was unpacked to."""
    with pytest.raises(CorpusError, match=message):
        unpack(archive, folder / "deep" / "out", limits)
    assert {path.name for path in folder.iterdir()} == {"deep", archive.name}
    assert [path.name for path in (folder / "deep").iterdir()] == ["out"]


@BOTH
def test_files_and_folders_come_out(tmp_path: Path, make: Make):
    members = [("a/b/c.txt", b"c"), ("./d.txt", bytes(range(250)) * 12), ("a/e.txt", b"")]
    make(tmp_path / "x", members)
    told: list[tuple[str, int, int]] = []
    unpack(tmp_path / "x", tmp_path / "out", LIMITS, lambda *step: told.append(step))
    assert files(tmp_path / "out") == {"a/b/c.txt": b"c", "d.txt": bytes(range(250)) * 12, "a/e.txt": b""}
    assert told[-1] == ("unpacking", 3001, 0)


@BOTH
@pytest.mark.parametrize("name", ["../x", "a/../../x", "a/../../../../x", ".."])
def test_no_path_leads_out(tmp_path: Path, make: Make, name: str):
    make(tmp_path / "x", [("fine", b""), (name, b"evil")])
    refused(tmp_path, tmp_path / "x", "leads out of the folder")


@BOTH
@pytest.mark.parametrize("name", ["/x", "//host/share/x", "C:/x", "C:x", "a\\..\\..\\x", "a:stream"])
def test_no_path_is_absolute(tmp_path: Path, make: Make, name: str):
    make(tmp_path / "x", [(name, b"evil")])
    refused(tmp_path, tmp_path / "x", "has no relative path")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_tar_has_no_links_and_devices(tmp_path: Path, kind: bytes):
    with tarfile.open(tmp_path / "x", "w") as archive:
        entry = tarfile.TarInfo("way")
        entry.type, entry.linkname = kind, "/etc"
        archive.addfile(entry)
        inside = tarfile.TarInfo("way/passwd")
        archive.addfile(inside)
    refused(tmp_path, tmp_path / "x", "'way' is a link or a device")


def test_a_zip_has_no_links(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        entry = zipfile.ZipInfo("way")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc")
    refused(tmp_path, tmp_path / "x", "'way' is a link or a device")


def test_a_zip_is_not_encrypted(tmp_path: Path):
    make_zip(tmp_path / "x", [("a", b"secret")])
    content = bytearray((tmp_path / "x").read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "x").write_bytes(content)
    refused(tmp_path, tmp_path / "x", "'a' is encrypted")


@BOTH
def test_many_files_are_refused(tmp_path: Path, make: Make):
    make(tmp_path / "x", [(f"{number}", b"") for number in range(101)])
    refused(tmp_path, tmp_path / "x", "holds more than 100 files")


@BOTH
def test_large_files_are_refused(tmp_path: Path, make: Make):
    make(tmp_path / "x", [("a", b"a" * 60_000), ("b", b"b" * 60_000)])
    refused(tmp_path, tmp_path / "x", "holds more than 100000 bytes", ArchiveLimits(100, 100_000, 10_000))


def test_a_bomb_is_refused_before_it_grows(tmp_path: Path):
    make_zip(tmp_path / "x", [("a", b"a"), ("bomb", bytes(90_000))])
    refused(tmp_path, tmp_path / "x", "holds more than 50 times its own size", replace(LIMITS, plain=10_000))
    assert set(files(tmp_path / "deep")) <= {"out/a"}


@BOTH
def test_long_silence_is_no_bomb(tmp_path: Path, make: Make):
    """Zeros pack a thousand times smaller in a zip, and more in others."""
    make(tmp_path / "x", [("silence.wav", bytes(3_000_000))])
    assert (tmp_path / "x").stat().st_size < 3_000_000 / 900
    unpack(tmp_path / "x", tmp_path / "out", ArchiveLimits())
    assert files(tmp_path / "out") == {"silence.wav": bytes(3_000_000)}


def test_a_zip_that_understates_itself_is_cut(tmp_path: Path):
    make_zip(tmp_path / "x", [("a", bytes(range(256)) * 100)])
    content = bytearray((tmp_path / "x").read_bytes())
    central = content.index(b"PK\1\2")
    for place in (22, central + 24):
        content[place : place + 4] = (100).to_bytes(4, "little")
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(CorpusError, match=r"cannot be|can be read"):
        unpack(tmp_path / "x", tmp_path / "out", LIMITS)
    assert all(len(content) <= 100 for content in files(tmp_path / "out").values())


def test_a_zip_whose_parts_lie_before_its_beginning_is_refused(tmp_path: Path):
    make_zip(tmp_path / "x", [("a", b"content")])
    content = bytearray((tmp_path / "x").read_bytes())
    place = content.index(b"PK\5\6") + 16  # where the list of the parts is said to begin
    content[place : place + 4] = (int.from_bytes(content[place : place + 4], "little") + 100).to_bytes(4, "little")
    (tmp_path / "x").write_bytes(content)
    refused(tmp_path, tmp_path / "x", "cannot be unpacked|can be read")


@BOTH
@pytest.mark.parametrize("second", ["a.wav", "A.WAV", "./a.wav"])
def test_no_name_stands_twice(tmp_path: Path, make: Make, second: str):
    make(tmp_path / "x", [("a.wav", b"one"), (second, b"two")])
    refused(tmp_path, tmp_path / "x", "stands twice")


@BOTH
def test_a_file_that_is_a_folder_too_is_refused(tmp_path: Path, make: Make):
    make(tmp_path / "x", [("a", b"file"), ("a/b", b"in it")])
    refused(tmp_path, tmp_path / "x", "cannot be unpacked")


@BOTH
@settings(max_examples=60, deadline=None)
@given(keep=st.floats(0, 1), junk=st.binary(max_size=20))
def test_a_damaged_archive_is_one_line(make: Make, keep: float, junk: bytes):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        make(path, [("a", b"a" * 500), ("b/c", bytes(range(256)))])
        content = path.read_bytes()
        path.write_bytes(content[: int(keep * len(content))] + junk)
        try:
            unpack(path, Path(folder) / "out", LIMITS)
        except CorpusError as error:
            assert "\n" not in str(error)
        else:
            assert files(Path(folder) / "out").items() <= {"a": b"a" * 500, "b/c": bytes(range(256))}.items()


@BOTH
@settings(max_examples=60, deadline=None)
@given(names=st.lists(st.text(st.sampled_from("ab./\\:\0 "), max_size=8), max_size=4))
def test_whatever_the_names_nothing_leaves_the_folder(make: Make, names: list[str]):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        make(path, [(name, b"x") for name in names])
        try:
            unpack(path, Path(folder) / "deep" / "out", LIMITS)
        except CorpusError as error:
            assert "\n" not in str(error)
        assert {item.name for item in Path(folder).iterdir()} == {"x", "deep"}
        assert [item.name for item in (Path(folder) / "deep").iterdir()] == ["out"]
