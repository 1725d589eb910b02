"""Stored targets: the frozen network's side of the anti-transfer loss, computed once, under a content key."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from hamiltone import __version__
from hamiltone.antitransfer import GramTargets, Targets, frozen_maps
from hamiltone.corpora import Report
from hamiltone.files import atomic_path, cache_folder, content_key, locked, remove_leftovers, rows_file
from hamiltone.networks import Network, weights_key
from hamiltone.records import extension_keys

from ._loop import put_channels_last

_VERSION = 1
_BATCH = 20
_ROWS, _SHAPE = "rows.npy", "shape.json"


class Form(NamedTuple):
    """What is stored of a map."""

    kind: type[Targets]
    aggregation: str
    before_activation: bool


_EQUATION_1 = Form(GramTargets, "gram", False)


def stored_targets(
    features: npt.NDArray[np.float32],
    features_key: str,
    network: Network,
    layers: Sequence[int],
    *,
    others: Sequence[int],
    device: torch.device,
    report: Report,
    form: Form = _EQUATION_1,
) -> Mapping[int, Targets]:
    """What a frozen network makes of all frames at some layers, memory-mapped (equation 1's G_p, in half precision).

    A row of the targets is a row of ``features``. ``others`` are layers that are stored in the same pass, if one is
    needed, since other runs will want them. ``form`` says what is stored of a map.
    """
    key = content_key(
        {
            "version": _VERSION,
            "features": features_key,
            "network": weights_key(network),
            "shape": network.settings(),
            "torch": torch.__version__,
            "hamiltone": __version__,
            "processor": torch.backends.cpu.get_cpu_capability(),
            **extension_keys(),
            "threads": torch.get_num_threads(),
            "device": device.type,
            **({} if form == _EQUATION_1 else {"form": [form.aggregation, form.before_activation]}),
        }
    )
    folder = cache_folder("targets") / key
    with locked(folder):
        missing = [layer for layer in sorted({*layers, *others}) if not _intact(_place(folder, layer), form)]
        if set(missing) & set(layers):
            places = {layer: _place(folder, layer) for layer in missing}
            for place in places.values():
                remove_leftovers(place)
            _compute(features, network, places, device, report, form)
    return {layer: _load(_place(folder, layer), form) for layer in layers}


def _place(folder: Path, layer: int) -> Path:
    return folder / f"layer-{layer:02d}"


def _intact(place: Path, form: Form) -> bool:
    try:
        _load(place, form)
    except (OSError, ValueError, EOFError):
        return False  # not there, or cut by a full disk: it is made anew
    return True


def _load(place: Path, form: Form) -> Targets:
    shape = tuple(json.loads((place / _SHAPE).read_text(encoding="utf-8")))
    # Mapped copy-on-write: torch warns of arrays that cannot be written, and nothing writes here.
    return form.kind(torch.from_numpy(np.load(place / _ROWS, mmap_mode="c")), shape, form.aggregation)


def _compute(
    features: npt.NDArray[np.float32],
    network: Network,
    places: Mapping[int, Path],
    device: torch.device,
    report: Report,
    form: Form,
) -> None:
    put_channels_last(network.to(device))
    with ExitStack() as stack:
        drafts = {layer: stack.enter_context(atomic_path(place)) for layer, place in places.items()}
        files: dict[int, BinaryIO] = {}
        for first in range(0, len(features), _BATCH):
            batch = torch.from_numpy(features[first : first + _BATCH].copy()).to(device)
            batch = batch.contiguous(memory_format=torch.channels_last)
            maps = frozen_maps(network, batch, layers=list(drafts), before_activation=form.before_activation)
            for layer, draft in drafts.items():
                targets = form.kind.of(maps[layer], aggregation=form.aggregation)
                values = targets.values.cpu().numpy()
                if layer not in files:
                    draft.mkdir()
                    (draft / _SHAPE).write_text(json.dumps(targets.shape), encoding="utf-8")
                    size = (len(features), values.shape[1])
                    files[layer] = stack.enter_context(rows_file(draft / _ROWS, size, values.dtype))
                files[layer].write(values.tobytes())
            report("computing targets", first + len(batch), len(features))
