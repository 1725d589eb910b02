"""Saved models of strangers: whatever a folder holds, it is a model or one line, within bounded memory and time."""

import json
import os
import random
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

from hamiltone.files import file_key
from hamiltone.networks import (
    BundleError,
    DerivativesFront,
    Ensemble,
    Recognizer,
    RHEmo,
    SpectrogramFront,
    TrainedRHEmo,
    bundle_card,
    bundle_licence,
    load_bundle,
    load_recognizer,
    save_bundle,
    vgg,
)
from hamiltone.service import about_model, model_info
from hamiltone.speech import FRAME_SAMPLES, Spectrogram
from tests.reliability._endurance import endure, mutated

CONFIG, WEIGHTS = "config.json", "model.safetensors"
FACTS = {"title": "tiny", "corpus": "ravdess", "results": ["uar 0.25"], "heard": {"ravdess": 3}, "versions": {"a": "1"}}
HOSTILE: list[Any] = [
    *(None, True, 0, -1, 3, 10**9, 10**15, 10**40, 0.5, -0.0, 1e308, "", "x", "x" * 5000, "\x1b[2J\x07", [], {}, [[]]),
    *("../../../etc/passwd", "/etc/passwd", "os:system", "__class__", [10**9] * 3, [0, 0, 0], {"kind": "ensemble"}),
    *("vgg", "residual", "ensemble", "rh-emo", "log-mel", "real", "quaternion", [1, 2, 3], ["a", "a"], [1.5], "nan"),
    {"kind": "residual", "channels": [10**6] * 6, "stem": 10**6},
    {"kind": "ensemble", "members": [{"kind": "vgg", "depth": 19}] * 2000},
    {"kind": "ensemble", "members": [{"kind": "ensemble", "members": [{"kind": "vgg"}] * 60}] * 60},
]
TEXTS = [
    *(b"", b"{", b"[" * 200_000, b'{"a":' * 100_000, b"9" * 100_000, b"null", b"[]", b'"\\ud800"', b"\xff\xfe{\0}\0"),
    *(b" " * (5 << 20), b'{"kind": NaN}', b'{"kind": "recogniser", "format": 2}', b"\x80\x04\x95cos\nsystem\n"),
]


def tiny(pool: str = "mean") -> Recognizer:
    front = DerivativesFront(Spectrogram(normalisation="none"))
    network = vgg(11, "quaternion", 3, width=1 / 16, hidden=4, input_shape=front.shape, pool=pool)
    return Recognizer(front, network, ["calm", "angry", "sad"])


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("bundles")
    plain = SpectrogramFront(Spectrogram(scale="decibel", normalisation="standard"))
    plain.fit([torch.randn(2, FRAME_SAMPLES)])
    real = Recognizer(plain, vgg(11, "real", 2, width=1 / 64, hidden=4, input_shape=plain.shape), "ab")
    front = DerivativesFront(Spectrogram(normalisation="none"))
    several = Recognizer(front, Ensemble.of([tiny().network, tiny().network]), ["calm", "angry", "sad"])
    spectrogram = Spectrogram().fit([torch.randn(2, FRAME_SAMPLES)])
    models = [real, tiny(), several, TrainedRHEmo(spectrogram, RHEmo(2, hidden=2), ("a", "b"))]
    for number, model in enumerate(models):
        save_bundle(model, folder / str(number), FACTS, licence="For tests.\n")
    return sorted(folder.iterdir())


def places(content: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value within JSON."""
    for key, value in content.items() if isinstance(content, dict) else enumerate(content):
        yield (*before, key)
        if isinstance(value, dict | list):
            yield from places(value, (*before, key))


def hostile(random: random.Random) -> Any:
    """A value of its own: none that is changed along with others."""
    return json.loads(json.dumps(random.choice(HOSTILE)))


def edit_json(content: Any, random: random.Random) -> None:
    for _ in range(random.choice((1, 1, 2, 3))):
        if not (ways := list(places(content))):
            return
        *way, last = random.choice(ways)
        owner = content
        for key in way:
            owner = owner[key]
        if random.random() < 0.15:
            del owner[last]
        elif isinstance(owner, dict) and random.random() < 0.1:
            owner[random.choice(("pickle", "../x", "kind", "source", ""))] = hostile(random)
        else:
            owner[last] = hostile(random)


def change_config(folder: Path, random: random.Random) -> None:
    path = folder / CONFIG
    if random.random() < 0.1:
        path.write_bytes(random.choice(TEXTS))
    elif random.random() < 0.3:
        path.write_bytes(mutated(path.read_bytes(), random))
    else:
        content = json.loads(path.read_text())
        edit_json(content, random)
        path.write_text(json.dumps(content))


def change_header(folder: Path, random: random.Random) -> None:
    """Another head before the same tensors."""
    content = (folder / WEIGHTS).read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    head = json.loads(content[8 : 8 + size])
    name = random.choice(list(head))
    match random.randrange(6):
        case 0:
            edit_json(head, random)
        case 1:
            head[name] = {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}
        case 2:
            head[random.choice(("../../x", "a" * 100_000, "\x1b[2J"))] = head.pop(name)
        case 3:
            head[name] = head[name] | {"dtype": random.choice(("F64", "C64", "I8", "F8_E4M3", "BOOL", "U64"))}
        case 4:
            head["__metadata__"] = {"a": "x" * 100_000}
        case 5:
            size = random.choice((0, 1, size - 1, size + 1, 1 << 26, (1 << 63) - 1, (1 << 64) - 1))
            (folder / WEIGHTS).write_bytes(struct.pack("<Q", size) + content[8:])
            return
    text = json.dumps(head).encode()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text + content[8 + size :])


def change_tensors(folder: Path, random: random.Random) -> None:
    """Other tensors, in a file that is whole."""
    tensors = load_file(folder / WEIGHTS)
    name = random.choice(list(tensors))
    match random.randrange(5):
        case 0:
            tensors[name] = torch.full_like(tensors[name].float(), random.choice((np.nan, np.inf, -np.inf, 3e38)))
        case 1:
            tensors[name] = tensors[name].flatten()[:-1].contiguous()
        case 2:
            tensors[name] = tensors[name].to(random.choice((torch.int64, torch.complex64, torch.float16, torch.bool)))
        case 3:
            del tensors[name]
        case 4:
            tensors["more"] = torch.zeros(3)
    (folder / WEIGHTS).write_bytes(save(tensors))


def change_weights(folder: Path, random: random.Random) -> None:
    (folder / WEIGHTS).write_bytes(mutated((folder / WEIGHTS).read_bytes(), random, head=4000))


def change_file(folder: Path, random: random.Random) -> None:
    """What is no file where one should be."""
    path = folder / random.choice((CONFIG, WEIGHTS, "README.md", "LICENCE"))
    path.unlink()
    match random.randrange(7):
        case 0:
            os.mkfifo(path)
        case 1:
            path.mkdir()
        case 2:
            path.symlink_to(random.choice(("/dev/zero", "/etc/passwd", "/nowhere", "..", "/proc/self/environ")))
        case 3:
            path.symlink_to(path.name)
        case 4:
            with path.open("wb") as file:
                file.truncate(1 << 40)
        case 5:
            path.write_bytes(random.choice(TEXTS))
        case 6:
            pass


CHANGES = [change_config, change_config, change_header, change_tensors, change_weights, change_file]


def attempt(bundles: list[Path], work: Path) -> Callable[[random.Random], str]:
    """Load a bundle after changes, and use what is loaded; whatever is opened lies in its folder."""
    frame = torch.rand(1, FRAME_SAMPLES, generator=torch.Generator().manual_seed(0)) - 0.5
    own = (str(work), sys.prefix, sys.base_prefix, str(Path(__file__).parents[2]))
    watched: list[str] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str) and not arguments[0].startswith(own):
            watched.append(arguments[0])
        if event in {"os.system", "subprocess.Popen", "socket.connect", "pickle.find_class"}:
            watched.append(event)

    hooked: list[int] = []

    def once(random: random.Random) -> str:
        if not hooked:
            sys.addaudithook(watch)
            hooked.append(1)
        folder = work / "m"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(random.choice(bundles), folder)
        change = random.choice(CHANGES)
        change(folder, random)
        if change is not change_file and random.random() < 0.8:  # so that it comes as far as to what is behind the hash
            try:
                content = json.loads((folder / CONFIG).read_bytes())
                content["weights"] = file_key(folder / WEIGHTS)
                (folder / CONFIG).write_text(json.dumps(content))
            except (ValueError, TypeError, RecursionError):
                pass
        watched.clear()
        try:
            model = load_bundle(folder)
            assert all(isinstance(text, str) for text in (bundle_card(folder), bundle_licence(folder)))
            json.dumps(model_info(folder), allow_nan=False)
            if isinstance(model, Recognizer):
                json.dumps(about_model(folder), allow_nan=False)
                assert model.recognize([frame]).overall.isfinite().all()
        finally:
            assert not watched, watched
        return change.__name__

    return once


def checked(bundles: list[Path], work: Path, seeds: range) -> int:
    ends = endure(seeds, attempt(bundles, work), megabytes=512, seconds=60)
    assert ends["BundleError"] > len(seeds) / 2
    assert ends["change_config"] > len(seeds) / 100  # some changes do no harm: the others are not refused wholesale
    return ends["BundleError"]


def test_changed_bundles(bundles: list[Path], tmp_path: Path) -> None:
    checked(bundles, tmp_path, range(300))


@pytest.mark.soak
def test_10_000_changed_bundles(bundles: list[Path], tmp_path: Path, record_property) -> None:
    refused = checked(bundles, tmp_path, range(1000, 11_000))
    record_property("changed bundles", 10_000)
    record_property("of these refused (the others load, and give finite scores)", refused)


def changed(folder: Path, **values: Any) -> Path:
    config = json.loads((folder / CONFIG).read_text())
    config |= {"weights": file_key(folder / WEIGHTS)} | values
    (folder / CONFIG).write_text(json.dumps(config))
    return folder


@pytest.fixture
def folder(bundles: list[Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundles[1], tmp_path / "model"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_named(folder: Path, value: float) -> None:
    tensors = load_file(folder / WEIGHTS)
    tensors["network.features.0.weight"].view(-1)[3] = value
    (folder / WEIGHTS).write_bytes(save(tensors))
    with pytest.raises(BundleError, match=r"network\.features\.0\.weight holds NaN or infinities"):
        load_bundle(changed(folder))


def test_weights_whose_scores_are_no_numbers_are_told(folder: Path) -> None:
    tensors = {name: torch.full_like(tensor, 3e38) for name, tensor in load_file(folder / WEIGHTS).items()}
    (folder / WEIGHTS).write_bytes(save(tensors))
    model = load_recognizer(changed(folder))
    with pytest.raises(BundleError, match="scores that are no numbers"):
        model.recognize([torch.rand(1, FRAME_SAMPLES)])


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, "README.md", "LICENCE"])
def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path: Path, name: str) -> None:
    """Else the first line of any file of the machine would be told as a licence, by the service to everybody."""
    secret = tmp_path / "secret"
    secret.write_bytes((folder / name).read_bytes())
    (folder / name).unlink()
    (folder / name).symlink_to(secret)
    with pytest.raises(BundleError, match="is a link that leads out of the model's folder"):
        [read(folder) for read in (load_bundle, bundle_card, bundle_licence)]


def test_what_the_hugging_face_hub_downloads_is_loaded(bundles: list[Path], tmp_path: Path) -> None:
    """Its files are links to blobs beside the folder."""
    snapshot = tmp_path / "models--a--b" / "snapshots" / "0f"
    (tmp_path / "models--a--b" / "blobs").mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for file in bundles[1].iterdir():
        shutil.copy(file, tmp_path / "models--a--b" / "blobs" / file_key(file))
        (snapshot / file.name).symlink_to(Path("../../blobs") / file_key(file))
    assert load_recognizer(snapshot).labels == ("calm", "angry", "sad")


def test_a_description_of_a_huge_network_makes_none(folder: Path) -> None:
    """Two hidden layers of 100,000 would take 40 GB."""
    network = json.loads((folder / CONFIG).read_text())["network"]

    def load(random: random.Random) -> str:
        load_bundle(changed(folder, network=network | {"hidden": 100_000}))
        return "loaded"

    assert endure([0], load, megabytes=64) == {"BundleError": 1}


@pytest.mark.parametrize("shape", [[], [4], [4, 64], [0, 0, 0], ["4", 64, 64], [4, 64, 10**40], None])
def test_a_shape_that_is_none_is_told(folder: Path, shape: Any) -> None:
    network = json.loads((folder / CONFIG).read_text())["network"]
    with pytest.raises(BundleError, match="describes no model"):
        load_bundle(changed(folder, network=network | {"input_shape": shape}))


def test_labels_that_act_on_a_terminal_are_refused(folder: Path) -> None:
    with pytest.raises(BundleError, match="control characters"):
        load_bundle(changed(folder, labels=["calm", "\x1b]0;owned\x07", "sad"]))
    persian = "نمی\u200cخندم"  # a sign that joins nothing is no control
    assert load_recognizer(changed(folder, labels=["calm", persian, "sad"])).labels[1] == persian
    with pytest.raises(BundleError, match="names a class twice"):
        save_bundle(Recognizer(tiny().front, tiny().network, "aab"), folder)
