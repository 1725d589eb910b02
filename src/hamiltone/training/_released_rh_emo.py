"""Released weights of RH-Emo, as a run that others can rest on."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from hamiltone.files import content_key, file_key, locked
from hamiltone.networks import AXES, RHEmo, SpectrogramFront, TrainedRHEmo
from hamiltone.records import RECORD, RunRecord
from hamiltone.settings import RunSettings, settings_from

from . import _released_worker as worker
from ._batches import Part
from ._determinism import deterministic
from ._display import TrainingDisplay
from ._errors import TrainingError
from ._loop import History
from ._models import make_front
from ._preparation import prepare_frames
from ._rh_emo_results import rh_emo_results
from ._run import finish_run, make_run

CLASSES = ("neutral", "anger", "happiness", "sadness", "other")
"""Of the released discrete axis."""

_CHECKED_FRAMES = 64
_PATIENCE = 600.0


def import_rh_emo(
    file: Path | str,
    settings: RunSettings,
    out: Path | str,
    *,
    heads: bool = False,
    command: str = "",
    quiet: bool = False,
) -> RunRecord:
    """Make released RH-Emo weights a finished run: its folder is a ``front.source``, or an ``init_from`` to go on from.

    The file, a pickled state dict, is read in a process of its own that unpickles tensors alone, and only under the
    names and in the shapes that RH-Emo has. The spectrogram runs backwards in time, as those weights know it, and is
    divided by the maximum of the settings' training part. How well the weights reconstruct the test part is in the
    record, and where they do it better with time or frequency turned over, a note says so.

    Args:
        file: the released weights.
        settings: of the recogniser to come: corpus, split, frames, seed and threads count.
        out: the run's folder.
        heads: keep the four heads, too (half a gigabyte), which a recogniser does not need.
        command: how it was started, for the record.
        quiet: show no progress.

    Raises:
        HamiltoneError: a file that holds something else, recordings that cannot be read, or a folder that is taken.
    """
    tensors = read_released(file)
    rh_emo = released_rh_emo(tensors, heads=heads)
    asked = settings.model_dump(mode="json", include={"corpus", "split", "frames", "seed", "threads"})
    asked["split"]["kind"] = settings.split_kind
    front = {"scale": "linear", "normalisation": "unit", "time_reversed": True}
    content = asked | {"name": Path(out).name, "task": "rh-emo", "out": str(out), "device": "cpu", "front": front}
    settings = settings_from(content, where="import-rh-emo")
    with deterministic(settings.threads), TrainingDisplay(settings.name, quiet=quiet) as display:
        run = make_run(settings, Path(out), command, 1)
        run = replace(run, key=content_key({"run": run.key, "weights": file_key(Path(file))}))
        run.notes.append("released weights of RH-Emo, trained by its authors on IEMOCAP: not trained here")
        with locked(run.out):
            if (run.out / RECORD).is_file():
                raise TrainingError(f"{run.out}: holds a run; name another --out")
            prepared = prepare_frames(settings, run.dataset, display.report, run.recordings)
            run.notes.extend(prepared.notes)
            fitted = make_front(settings, run.lineage, prepared.frames, run.dataset)
            assert isinstance(fitted, SpectrogramFront)  # an RH-Emo's is
            model = TrainedRHEmo(fitted.spectrogram, rh_emo, CLASSES if heads else ()).eval()
            stored = prepared.inputs(fitted, "spectrogram")
            parts = [prepared.part(name, stored, ()) for name in ("train", "validation", "test")]
            run.notes.extend(turned_over(rh_emo, _some_frames(parts[0])))
            bare = released_rh_emo(tensors, heads=False).eval()  # the classes of the heads are not those of the corpus
            results = rh_emo_results(bare, parts, (), torch.device("cpu"), settings.training.batch)
            history = History([], 0, "epochs", [0.0], [0.0], 0, torch.device("cpu"))
            return finish_run(run, parts, model, history, results)


def read_released(file: Path | str) -> dict[str, Tensor]:
    """The tensors of a released RH-Emo by their names there, read in a restricted process.

    Raises:
        TrainingError: no such file, one that is too large, or that holds something else.
    """
    file = Path(file)
    if not file.is_file():
        raise TrainingError(f"{file}: no such file; name the released weights")
    if file.stat().st_size > worker.MOST_BYTES:
        raise TrainingError(
            f"{file}: has {file.stat().st_size >> 20} MiB, more than RH-Emo's weights; name another file"
        )
    with TemporaryDirectory(prefix="hamiltone-") as folder:
        out = Path(folder) / "weights.safetensors"
        ask = [sys.executable, "-I", str(Path(worker.__file__)), str(file.resolve()), str(out)]
        try:
            done = subprocess.run(ask, capture_output=True, timeout=_PATIENCE, check=False)
            answer = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError):
            answer = {"mistake": "cannot be read in the memory and time that RH-Emo's weights need"}
        if mistake := answer.get("mistake"):
            raise TrainingError(f"{file}: {mistake}; name a file of released RH-Emo weights")
        return {name: tensor.clone() for name, tensor in load_file(out).items()}


def released_rh_emo(tensors: dict[str, Tensor], *, heads: bool = True) -> RHEmo:
    """An RH-Emo with released weights; with its heads, where they have some and they are asked for.

    Quaternion weights are stacked as they are, [r, i, j, k].
    """
    last = tensors.get("classifier_discrete.6.weight") if heads else None
    with torch.random.fork_rng(devices=[]):  # making a network draws weights, which are replaced at once
        rh_emo = RHEmo() if last is None else RHEmo(last.shape[0], hidden=last.shape[1])
    state: dict[str, Tensor] = {}
    for n in (1, 2, 3):
        state |= {f"encoder.conv{n}.{part}": tensors[f"conv{n}.{part}"] for part in ("weight", "bias")}
        parts = [tensors[f"t_conv{n}.{part}_weight"] for part in "rijk"]
        state[f"decoder.transposed{n}.weight"] = torch.cat(parts)
        state[f"decoder.transposed{n}.bias"] = tensors[f"t_conv{n}.bias"]
    for n in (1, 2):
        names = ("weight", "bias", "running_mean", "running_var")
        state |= {f"encoder.norm{n}.{part}": tensors[f"conv{n}_bn.{part}"] for part in names}
        theirs = ("gamma", "beta", "moving_mean", "moving_var")
        for ours, name in zip(names, theirs, strict=True):
            state[f"decoder.norm{n}.{ours}"] = tensors[f"tconv{n}_bn.{name}"].flatten()
        for side in ("encoder", "decoder"):
            state[f"{side}.norm{n}.num_batches_tracked"] = torch.tensor(0)  # which is missing there, and not used
    if last is not None:
        for axis in AXES:
            prefix = f"classifier_{axis}."
            state |= {
                f"heads.{axis}.{name.removeprefix(prefix)}": tensors[name]
                for name in tensors
                if name.startswith(prefix)
            }
    rh_emo.load_state_dict(state, strict=True)
    return rh_emo.eval()


@torch.no_grad()
def turned_over(rh_emo: RHEmo, spectrograms: Float[Tensor, "frame 1 512 128"]) -> list[str]:
    """A note where weights reconstruct spectrograms better with an axis turned over: they were trained otherwise."""
    ways = {"as they are": (), "with time turned over": (2,), "with frequency turned over": (3,)}
    losses = {}
    for way, axes in ways.items():
        target = spectrograms.flip(axes).clamp(0, 1)
        guess = rh_emo.decoder(rh_emo.encoder(target))
        losses[way] = functional.binary_cross_entropy(guess, target).item()
    best = min(losses, key=losses.__getitem__)
    if best == "as they are":
        return []
    told = ", ".join(f"{way} {loss:.4f}" for way, loss in losses.items())
    return [f"these weights reconstruct the training part better {best} (BCE {told}): were they trained so?"]


def _some_frames(part: Part) -> Float[Tensor, "frame 1 512 128"]:
    step = max(1, len(part) // _CHECKED_FRAMES)
    return part.batch(torch.arange(0, len(part), step).numpy()[:_CHECKED_FRAMES]).x
