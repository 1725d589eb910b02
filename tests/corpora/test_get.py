"""Corpora fetched from a server that stalls, cuts, refuses and corrupts."""

import hashlib
import io
import shutil
import tarfile
import zipfile
from collections import Counter, namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from hamiltone.corpora import CORPORA, Archive, CorpusError, Source, get_corpus, load_corpus, source_of
from hamiltone.corpora.fetch import _download as download  # its waits are cut short

HALF = 3000


@dataclass
class Server:
    """What it serves, by path; what it does wrong, in turn; and what it was asked for."""

    address: str = ""
    content: dict[str, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    done: Event = field(default_factory=Event)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            state.asked.append((self.path, wanted))
            fault = state.faults.pop(0) if state.faults else ""
            content = state.content.get(self.path)
            if fault.isdecimal() or content is None:
                self.send_error(int(fault or 404))
                return
            begin = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and fault != "whole" else 0
            if begin >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206 if begin else 200)
            if begin:
                start = begin + 1 if fault == "elsewhere" else begin
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - begin))
            self.end_headers()
            if fault in ("cut", "stall"):
                self.wfile.write(content[begin : begin + HALF])
                self.wfile.flush()
                if fault == "stall":
                    state.done.wait(20)
            else:
                self.wfile.write(content[begin:])

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        state.address = f"http://127.0.0.1:{http.server_port}"
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        state.done.set()
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_WAIT", 0.0)
    monkeypatch.setattr(download, "_TIMEOUT", (5.0, 0.3))


def recording(seed: int) -> bytes:
    """Bytes that do not shrink when packed."""
    return b"".join(hashlib.sha256(f"{seed} {number}".encode()).digest() for number in range(200))


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


Serve = Callable[..., bytes]


@pytest.fixture
def serve(server: Server, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Put a small archive in the place of a corpus' own, and its checksum with it."""

    def put(name: str, content: bytes, part: str | None = None, published: bytes | None = None) -> bytes:
        source = source_of(name)
        true = hashlib.sha256(published or content).hexdigest()

        def small(archive: Archive) -> Archive:
            if archive.part != (part or source.default[0]):
                return archive
            server.content[f"/{archive.name}"] = content
            return replace(archive, checksum=f"sha256:{true}", size=len(published or content))

        source = replace(source, archives=tuple(map(small, source.archives)))
        monkeypatch.setitem(CORPORA, name, replace(CORPORA[name], source=source))
        return content

    return put


@pytest.fixture
def ravdess(serve: Serve) -> bytes:
    return serve(
        "ravdess", zipped({f"Actor_01/03-01-0{number}-01-01-01-01.wav": recording(number) for number in (1, 2)})
    )


def get(server: Server, out: Path, name: str = "ravdess", **options: Any) -> Path:
    return get_corpus(name, out, accept_licence=True, mirror=f"{server.address}/", **options)


def visible(folder: Path) -> set[str]:
    """What is in a folder, but locks."""
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_a_corpus_is_fetched_unpacked_and_loads(server: Server, ravdess: bytes, tmp_path: Path):
    told: list[tuple[str, int, int]] = []
    folder = get(server, tmp_path, report=lambda *step: told.append(step))
    assert folder == tmp_path / "ravdess"
    assert visible(tmp_path) == {"ravdess"}
    assert list(load_corpus("ravdess", folder).table["emotion"]) == ["neutral", "calm"]
    assert (folder / "Actor_01/03-01-02-01-01-01-01.wav").read_bytes() == recording(2)
    assert ("fetching", len(ravdess), len(ravdess)) in told
    assert told[-1][:2] == ("unpacking", 2 * len(recording(1)))
    assert get(server, tmp_path) == folder
    assert len(server.asked) == 1


def test_an_archive_that_a_killed_process_left_is_removed(server: Server, ravdess: bytes, tmp_path: Path):
    get(server, tmp_path)
    (archive,) = source_of("ravdess").archives
    (tmp_path / f".{archive.name}").write_bytes(ravdess)
    get(server, tmp_path)
    assert visible(tmp_path) == {"ravdess"}


def test_a_cut_download_goes_on_where_it_broke_off(server: Server, ravdess: bytes, tmp_path: Path):
    server.faults = ["cut", "503", "cut"]
    get(server, tmp_path)
    ranges = [None, f"bytes={HALF}-", f"bytes={HALF}-", f"bytes={2 * HALF}-"]
    assert [asked for _, asked in server.asked] == ranges
    assert visible(tmp_path) == {"ravdess"}


def test_the_progress_says_that_a_server_is_asked_again(server: Server, ravdess: bytes, tmp_path: Path):
    told: list[tuple[str, int, int]] = []
    server.faults = ["503", "stall", "cut"]
    get(server, tmp_path, report=lambda *step: told.append(step))
    again = [step for step in told if "asking again" in step[0]]
    assert [what.rpartition("; ")[2] for what, _, _ in again] == [
        f"asking again, {number} of 6" for number in (2, 3, 4)
    ]
    assert again[0][0].startswith("the server answers 503")
    assert [step[1:] for step in again] == [(0, len(ravdess)), (HALF, len(ravdess)), (2 * HALF, len(ravdess))]


def test_a_download_goes_on_after_the_end_of_the_process(server: Server, ravdess: bytes, tmp_path: Path):
    server.faults = ["cut", *["503"] * 10]
    with pytest.raises(CorpusError, match=r"answers 503 .* \(6 tries, 0 MiB are kept\); the same command goes on"):
        get(server, tmp_path)
    assert visible(tmp_path) == {".Audio_Speech_Actors_01-24.zip.part"}
    server.faults = []
    get(server, tmp_path)
    assert server.asked[-1][1] == f"bytes={HALF}-"
    assert visible(tmp_path) == {"ravdess"}


def test_a_server_that_knows_no_ranges_sends_all_again(server: Server, ravdess: bytes, tmp_path: Path):
    server.faults = ["cut", "whole"]
    assert (get(server, tmp_path) / "Actor_01").is_dir()


def test_another_part_than_was_asked_for_is_not_taken(server: Server, ravdess: bytes, tmp_path: Path):
    server.faults = ["cut", "elsewhere"]
    assert (get(server, tmp_path) / "Actor_01").is_dir()
    assert Counter(server.asked)["/Audio_Speech_Actors_01-24.zip", f"bytes={HALF}-"] == 2


@pytest.mark.parametrize("more", [b"", b"more"])
def test_a_partial_file_that_is_whole_or_too_long(server: Server, ravdess: bytes, tmp_path: Path, more: bytes):
    (tmp_path / ".Audio_Speech_Actors_01-24.zip.part").write_bytes(ravdess + more)
    assert (get(server, tmp_path) / "Actor_01").is_dir()
    assert len(server.asked) == (2 if more else 1)


def test_a_server_that_stalls_is_left(server: Server, ravdess: bytes, tmp_path: Path):
    server.faults = ["stall"]
    assert (get(server, tmp_path) / "Actor_01").is_dir()
    assert [asked for _, asked in server.asked] == [None, f"bytes={HALF}-"]
    server.faults = ["stall"] * 10
    shutil.rmtree(tmp_path / "ravdess")
    server.content["/Audio_Speech_Actors_01-24.zip"] = ravdess
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(download, "_TRIES", 2)
        with pytest.raises(CorpusError, match=r"does not answer in time|broke off"):
            get(server, tmp_path)


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_refusal_is_final(server: Server, ravdess: bytes, tmp_path: Path, code: int):
    server.faults = [str(code)]
    with pytest.raises(CorpusError, match=f"the server answers {code} .*name a --mirror"):
        get(server, tmp_path)
    assert len(server.asked) == 1
    assert visible(tmp_path) == set()


def test_no_server_is_one_line(server: Server, ravdess: bytes, tmp_path: Path):
    with pytest.raises(CorpusError, match="no connection to the server"):
        get_corpus("ravdess", tmp_path, accept_licence=True, mirror="http://127.0.0.1:1")


def test_a_corrupted_archive_is_refused_and_removed(server: Server, serve: Serve, ravdess: bytes, tmp_path: Path):
    corrupt = bytearray(ravdess)
    corrupt[100] ^= 1
    serve("ravdess", bytes(corrupt), published=ravdess)
    with pytest.raises(CorpusError, match=r"is not the file that was published \(sha256 differs\); it was removed"):
        get(server, tmp_path)
    assert visible(tmp_path) == set()
    serve("ravdess", ravdess)
    assert (get(server, tmp_path) / "Actor_01").is_dir()


def test_a_file_of_another_size_is_not_fetched(server: Server, serve: Serve, ravdess: bytes, tmp_path: Path):
    serve("ravdess", b"an error page", published=ravdess)
    with pytest.raises(CorpusError, match=f"has 13 bytes instead of {len(ravdess)}: this is another file"):
        get(server, tmp_path)
    assert visible(tmp_path) == set()


def test_too_little_space_is_seen_first(
    server: Server, ravdess: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 30, 0, (64 << 20) + 4 * len(ravdess)))
    with pytest.raises(CorpusError, match=r"MiB are free, .* MiB are needed; make room, or name another --out"):
        get(server, tmp_path)
    assert server.asked == []


def test_a_hostile_archive_leaves_nothing(server: Server, serve: Serve, tmp_path: Path):
    serve("ravdess", zipped({"Actor_01/03-01-01-01-01-01-01.wav": recording(0), "../evil": b"evil"}))
    with pytest.raises(CorpusError, match="leads out of the folder"):
        get(server, tmp_path / "out")
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "out" / "ravdess").exists()
    assert not (tmp_path / "out" / "evil").exists()
    assert not list((tmp_path / "out").glob("*.draft"))


def test_parts_of_librispeech_come_one_by_one(server: Server, serve: Serve, tmp_path: Path):
    for part in ("dev-clean", "test-other"):
        members = {
            "LibriSpeech/LICENSE.TXT": b"licence",
            f"LibriSpeech/{part}/84/1/84-1-0000.flac": recording(0),
            f"LibriSpeech/{part}/84/1/84-1.trans.txt": b"84-1-0000 GO",
        }
        serve("librispeech", tarred(members), part)
    folder = get(server, tmp_path, "librispeech", parts=["dev-clean"])
    get(server, tmp_path, "librispeech", parts=["dev-clean", "test-other"])
    assert [path for path, _ in server.asked] == ["/dev-clean.tar.gz", "/test-other.tar.gz"]
    assert {path.name for path in (folder / "LibriSpeech").iterdir()} == {"LICENSE.TXT", "dev-clean", "test-other"}
    assert visible(tmp_path) == {"librispeech"}
    with pytest.raises(CorpusError, match="librispeech: has no part 'dev'"):
        get(server, tmp_path, "librispeech", parts=["dev"])


def test_the_folder_around_fsdd_is_taken_off(server: Server, serve: Serve, tmp_path: Path):
    serve("fsdd", tarred({"free-spoken-digit-dataset-1.0.9/recordings/7_theo_0.wav": recording(0)}))
    assert list(load_corpus("fsdd", get(server, tmp_path, "fsdd")).table["word"]) == ["seven"]


def test_another_archive_with_the_right_checksum_is_refused(server: Server, serve: Serve, tmp_path: Path):
    serve("fsdd", tarred({"recordings/7_theo_0.wav": recording(0)}))
    with pytest.raises(CorpusError, match=r"holds no free-spoken-digit-dataset-1\.0\.9; its checksum is the published"):
        get(server, tmp_path, "fsdd")
    assert not (tmp_path / "fsdd").exists()


def test_a_published_archive_that_cannot_be_unpacked_need_not_be_fetched_again(
    server: Server, serve: Serve, tmp_path: Path
):
    serve("fsdd", b"no archive at all, but with the right checksum")
    for _ in range(2):
        with pytest.raises(
            CorpusError, match=r"is no zip or tar .*fetching it again does not help: unpack it yourself"
        ):
            get(server, tmp_path, "fsdd")
    assert len(server.asked) == 1


def test_the_licence_comes_first(server: Server, ravdess: bytes, tmp_path: Path):
    with pytest.raises(CorpusError, match=r"CC BY-NC-SA 4\.0.*zenodo.*--accept-licence"):
        get_corpus("ravdess", tmp_path, accept_licence=False, mirror=server.address)
    assert server.asked == []
    with pytest.raises(CorpusError, match="is no address of a mirror"):
        get_corpus("ravdess", tmp_path, accept_licence=True, mirror="file:///etc")


@pytest.mark.parametrize("name", ["crema_d", "iemocap"])
def test_what_cannot_be_fetched_says_where_to_go(name: str):
    with pytest.raises(CorpusError, match=rf"{name}: .*https://"):
        source_of(name)
    with pytest.raises(CorpusError, match=f"'{name}s' cannot be fetched: there are .*ravdess"):
        source_of(f"{name}s")


def test_sources_are_complete():
    sources = {name: corpus.source for name, corpus in CORPORA.items() if isinstance(corpus.source, Source)}
    assert set(sources) == {"emodb", "fsdd", "librispeech", "ravdess", "speech_commands", "tess"}
    archives = [archive for source in sources.values() for archive in source.archives]
    assert len({archive.name for archive in archives}) == len(archives)
    for archive in archives:
        algorithm, _, digest = archive.checksum.partition(":")
        assert len(digest) == {"md5": 32, "sha256": 64}[algorithm]
        assert int(digest, 16) > 0
        assert archive.url.startswith("https://")
    for name, source in sources.items():
        assert source.chosen(name, ()), name
