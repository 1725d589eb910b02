"""Pace of the systems: seconds on one thread per second of sound, decoding included."""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from hamiltone.audio import load_audio
from hamiltone.files import atomic_write
from hamiltone.machine import processor
from hamiltone.networks import Ensemble, Recognizer, load_recognizer

from ._folds import Places, calibrated_name
from ._functionals import SIZES, extractor
from ._protocols import read_protocols
from ._systems import SvmSystem, read_systems

PACE = "pace.json"
SECONDS, ROUNDS = 4, 9
"""The sound is as long as the clips of the corpora; a round is one recording for each system."""


def measure_pace(places: Places) -> dict[str, float]:
    """Measure every system that can be run here, in turns, and keep the medians with the name of the processor.

    A network is one of those trained under ``places.runs``; for an answer that is averaged over several trainings it
    stands for each of them. Adapted ones are left out: what they take depends on how many recordings they adapt to.

    Raises:
        ComparisonError: openSMILE is not installed.
    """
    from ..predict import write_sound

    with tempfile.TemporaryDirectory() as name:
        sound = write_sound(Path(name) / "sound.flac", SECONDS)
        calls = _calls(places, sound)
        seconds: dict[str, list[float]] = {system: [] for system in calls}
        for turn in range(ROUNDS + 1):
            for system, call in calls.items():
                began = time.perf_counter()
                call()
                if turn:  # the first round warms
                    seconds[system].append(time.perf_counter() - began)
    factors = {system: round(statistics.median(values) / SECONDS, 6) for system, values in seconds.items()}
    told = {"processor": processor(), "factors": factors}
    atomic_write(places.results / PACE, json.dumps(told, indent=1) + "\n")
    return factors


def read_pace(folder: Path) -> Mapping[str, float]:
    """The real-time factors by system; none where nothing was measured."""
    path = folder / PACE
    return json.loads(path.read_text())["factors"] if path.is_file() else {}


def _calls(places: Places, sound: Path) -> dict[str, Callable[[], object]]:
    import torch

    from hamiltone.service import Predictor

    torch.set_num_threads(1)
    calls: dict[str, Callable[[], object]] = {}
    for name, system in read_systems(places.systems).items():
        if isinstance(system, SvmSystem):
            extract, planes = extractor(system.features), np.ones((8, SIZES[system.features]))
            calls[name] = lambda extract=extract, planes=planes: planes @ extract(load_audio(sound))
            continue
        if system.per_speaker:
            continue
        runs = system.trained_as or name
        models = (places.runs / protocol / runs for protocol in read_protocols(places.protocols))
        trained = next(
            (path for folder in models for path in sorted(folder.glob(f"*/{calibrated_name(system)}"))), None
        )
        if trained is not None:
            predictor = Predictor(_averaged(trained, len(system.seeds) if system.average else 1))
            calls[name] = lambda predictor=predictor: predictor.predict(sound)
    return calls


def _averaged(model: Path, trainings: int) -> Recognizer:
    """A recogniser as an average over so many trainings would be; how long it takes does not depend on the weights."""
    one = load_recognizer(model)
    if trainings == 1:
        return one
    member = one.network
    copies = member.config.copies if isinstance(member, Ensemble) else 1
    members = member.networks if isinstance(member, Ensemble) else [member]
    together = Ensemble.of(members * trainings, None, copies)
    return Recognizer(one.front, together, one.labels, frame_rule=one.frame_rule)
