import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hamiltone.files import atomic_path, atomic_write, cache_folder, locked


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_file_replaces_a_file(tmp_path: Path) -> None:
    atomic_write(tmp_path / "deep" / "a.txt", "first")
    atomic_write(tmp_path / "deep" / "a.txt", b"second")
    assert (tmp_path / "deep" / "a.txt").read_bytes() == b"second"
    assert listing(tmp_path) == ["deep", "deep/a.txt"]


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    for content in ("one", "two"):
        with atomic_path(tmp_path / "model") as draft:
            draft.mkdir()
            (draft / content).write_text(content)
    assert listing(tmp_path) == ["model", "model/two"]


@pytest.mark.parametrize("make_folder", [False, True])
def test_a_failure_leaves_what_was_there(tmp_path: Path, make_folder: bool) -> None:
    atomic_write(tmp_path / "kept", "kept")
    with pytest.raises(RuntimeError, match="stop"), atomic_path(tmp_path / "kept") as draft:
        if make_folder:
            draft.mkdir()
            (draft / "half").write_text("half")
        else:
            draft.write_text("half")
        raise RuntimeError("stop")
    assert (tmp_path / "kept").read_text() == "kept"
    assert listing(tmp_path) == ["kept"]


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a", "old")
    script = (
        "import sys, time; from pathlib import Path; from hamiltone.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as draft:\n"
        "    draft.write_text('half'); print('writing', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "a")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert (tmp_path / "a").read_text() == "old"


def test_a_lock_is_exclusive_and_dies_with_its_holder(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from hamiltone.files import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "x")], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    waiter = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "x")], stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    assert waiter.poll() is None
    os.killpg(holder.pid, signal.SIGKILL)
    holder.wait()
    assert waiter.stdout is not None
    assert waiter.stdout.readline() == "held\n"
    waiter.kill()
    waiter.wait()
    holder.stdout.close()
    waiter.stdout.close()
    with locked(tmp_path / "x"):
        pass


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a folder that takes no file, of Linux")
def test_a_lock_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(FileNotFoundError), locked(Path("/proc/x"), said.append):
        pass
    assert said == []


def test_the_cache_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAMILTONE_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder("a", "b") == tmp_path / "elsewhere" / "a" / "b"
    assert cache_folder("a", "b").is_dir()


def test_a_file_replaces_no_folder_and_a_folder_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").write_text("mine")
    with pytest.raises(IsADirectoryError, match="no file may replace"):
        atomic_write(tmp_path / "folder", "new")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError, match="no folder may replace"), atomic_path(tmp_path / "file") as draft:
        draft.mkdir()
    assert (tmp_path / "folder" / "kept").read_text() == (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "x.txt")
    for text in ("first", "second"):
        atomic_write(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink()
        assert [path.read_text() for path in (tmp_path / "elsewhere").iterdir()] == [text]


def test_pipes_and_devices_are_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError, match="is a device or a pipe"):
        atomic_write(tmp_path / "pipe", "x")
    assert (tmp_path / "pipe").is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize("call", ["open", "fsync"])
def test_folders_that_cannot_be_synced_stop_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """As on Windows, which opens no folder, and on file systems that sync none: stand-ins for both."""
    was, folders = getattr(os, call), []

    def refusing(what, *more):
        if stat.S_ISDIR(os.stat(what).st_mode):  # noqa: PTH116 - of a path or of a descriptor
            folders.append(what)
            raise PermissionError(errno.EACCES, "Permission denied")
        return was(what, *more)

    monkeypatch.setattr(os, call, refusing)
    with atomic_path(tmp_path / "model") as draft:
        draft.mkdir()
        (draft / "weights").write_text("w")
    atomic_write(tmp_path / "a", "whole")
    monkeypatch.undo()
    assert len(folders) == 3  # the draft, and the parent of each
    assert listing(tmp_path) == ["a", "model", "model/weights"]
    assert (tmp_path / "a").read_text() == "whole"


def test_a_file_that_cannot_be_synced_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic_write(tmp_path / "a", "whole")
    assert listing(tmp_path) == []


def test_a_locked_folder_is_named_by_the_destination(plain_user: Path) -> None:
    locked_folder = plain_user / "locked"
    locked_folder.mkdir(mode=0o500)
    with pytest.raises(PermissionError) as failure:
        atomic_write(locked_folder / "a.txt", "x")
    assert failure.value.filename == str(locked_folder / "a.txt")
    with pytest.raises(PermissionError) as failure, atomic_path(locked_folder / "model") as draft:
        draft.mkdir()
    assert failure.value.filename == str(locked_folder / "model")


def test_an_error_names_the_destination_and_not_the_draft(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as failure, atomic_path(tmp_path / "m") as draft:
        draft.mkdir()
        (draft / "deep" / "w").write_bytes(b"")
    assert failure.value.filename == str(tmp_path / "m" / "deep" / "w")


def test_a_folder_that_cannot_be_replaced_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if self.name.endswith(".draft"):
            raise OSError(5, "the disk errs", str(self))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError, match="the disk errs"), atomic_path(tmp_path / "model") as draft:
        draft.mkdir()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "old").exists()
