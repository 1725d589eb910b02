"""The models of a run: its front, its recogniser or RH-Emo, with all that earlier runs give to them."""

import copy
from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hamiltone.antitransfer import AntiTransferLoss, Targets, freeze, stored_form
from hamiltone.audio import FRAME_SAMPLES
from hamiltone.corpora import affect_targets
from hamiltone.extensions import failures_told, load_extensions
from hamiltone.networks import (
    Front,
    Network,
    Recognizer,
    RHEmo,
    SpectrogramFront,
    TrainedRHEmo,
    build_front,
    build_network,
    check_front,
    check_network,
    spectrogram_from,
)
from hamiltone.settings import Dataset, RHEmoSettings, RunSettings, SpectrogramSettings

from ._batches import rows_of_part
from ._errors import TrainingError
from ._lineage import EarlierRun, Lineage, check_same_input, front_from, recognizer_of
from ._objectives import Classification, Reconstruction
from ._stored_frames import Frames, waveform_batches

MakeTargets = Callable[[Network], Mapping[int, Targets]]
"""The stored side of anti-transfer, made of a frozen network."""


def make_front(settings: RunSettings, lineage: Lineage, frames: Frames, dataset: Dataset) -> Front:
    """The front of an earlier run, or one that is fitted on the training part of ``dataset``; RH-Emo's is bare.

    Raises:
        TrainingError: an earlier run's front does not fit, masks are asked for that the front does not take, or a
            training part without clips.
        ExtensionError: a front that would not be the same once it is saved.
    """
    front = _made_front(settings, lineage, frames, dataset)
    _check_masks(settings, front)
    return front


def _made_front(settings: RunSettings, lineage: Lineage, frames: Frames, dataset: Dataset) -> Front:
    # RH-Emo's second stage goes on from the first, whose weights belong to the first one's spectrogram; and a trainable
    # RH-Emo has gone on learning in the run that this one starts from.
    goes_on = lineage.start if settings.task == "rh-emo" or settings.front.trainable else None
    if earlier := goes_on or lineage.source:
        front = front_from(earlier, trainable=settings.front.trainable)
        _check_agreement(settings, front, earlier)
        return _bare(front) if settings.task == "rh-emo" else front
    if settings.task == "rh-emo" and isinstance(settings.front, SpectrogramSettings):
        front = SpectrogramFront(spectrogram_from(settings.front))  # the encoder is RH-Emo's, which trains it
    else:
        front = build_front(settings.front)
    rows = rows_of_part("train", dataset.split.parts["train"], dataset.utterances, frames)
    with failures_told(f"front.kind {front.kind}: {type(front).__name__}.fit"):
        front.fit(waveform_batches(frames, rows))
    check_front(front)  # rather than after a training
    return front


def make_rh_emo(
    settings: RunSettings, lineage: Lineage, front: Front, dataset: Dataset
) -> tuple[TrainedRHEmo, Reconstruction, Float[Tensor, "utterance 3"] | None]:
    """An RH-Emo, its loss and, with heads, the affect targets of all utterances."""
    choice = settings.rh_emo or RHEmoSettings()
    with_heads = choice.beta > 0
    rh_emo = RHEmo(len(dataset.labels) if with_heads else None, hidden=choice.hidden, dropout=choice.dropout)
    if lineage.start is not None and isinstance(lineage.start.model, TrainedRHEmo):
        # Heads are new in the second stage: the first has none.
        earlier = lineage.start.model.rh_emo
        rh_emo.encoder.load_state_dict(earlier.encoder.state_dict(), strict=True)
        rh_emo.decoder.load_state_dict(earlier.decoder.state_dict(), strict=True)
    affect = torch.from_numpy(affect_targets(dataset.utterances, choice.affect_table)) if with_heads else None
    bare = _bare(front)
    model = TrainedRHEmo(bare.spectrogram, rh_emo, dataset.labels if with_heads else ())
    return model, Reconstruction(rh_emo, bare, choice), affect


def make_recognizer(
    settings: RunSettings, lineage: Lineage, front: Front, labels: Sequence[str], make_targets: MakeTargets
) -> tuple[Recognizer, Classification]:
    """A recogniser and its loss; ``make_targets`` serves anti-transfer with stored targets.

    Raises:
        TrainingError: an earlier run's network does not fit, or a network that several processes cannot share.
        ExtensionError: a network that fails, or gives other scores than are asked for.
    """
    try:
        with failures_told(f"network.kind {settings.network.kind}: making it", beside=(ValueError,)):
            network = build_network(settings.network, front.shape, len(labels))
    except ValueError as error:
        raise TrainingError(f"network: {error}") from None
    check_network(network)
    norms = [name for name, module in network.named_modules() if isinstance(module, _BatchNorm)]
    if norms and settings.processes > 1:
        raise TrainingError(
            f"processes are several, but batch norms ({norms[0]}) take the whole batch: leave processes out "
            f"({type(network.config).__name__}.trains_batch_norms should say so)"
        )
    if lineage.start is not None:
        _start_from(network, lineage.start, labels)
    recognizer = Recognizer(front, network, labels, frame_rule=settings.frames.last)
    anti_transfer = None
    if lineage.orthogonal is not None:
        check_same_input(lineage, front)
        anti_transfer = _make_anti_transfer(settings, lineage.orthogonal, recognizer, make_targets)
    first_epoch = settings.anti_transfer.from_epoch if settings.anti_transfer else 1
    return recognizer, Classification(recognizer, anti_transfer, settings.training, first_epoch)


def count_parameters(model: Recognizer | TrainedRHEmo) -> dict[str, int]:
    """How many parameters a model has, and how many of them are trained."""

    def count(module: nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    if isinstance(model, Recognizer):
        return {"trained": trained, "network": count(model.network), "front": count(model.front)}
    return {"trained": trained, "encoder": count(model.rh_emo.encoder), "decoder": count(model.rh_emo.decoder)}


def _make_anti_transfer(
    settings: RunSettings, orthogonal: EarlierRun, recognizer: Recognizer, make_targets: MakeTargets
) -> AntiTransferLoss:
    load_extensions()  # which may define the aggregation or the distance
    choice = settings.anti_transfer
    assert choice is not None  # the lineage has an orthogonal run only where the settings name one
    frozen = recognizer_of(orthogonal).network
    ours, theirs = recognizer.network.settings(), frozen.settings()
    compared = ("kind", *recognizer.network.config.structure)
    if differing := [name for name in compared if ours[name] != theirs.get(name)]:
        raise TrainingError(
            f"anti_transfer.orthogonal: {orthogonal.folder} has a network of another structure "
            f"({', '.join(f'{name} {theirs.get(name)} instead of {ours[name]}' for name in differing)}); "
            "train it with the same network settings as this run"
        )
    can_be = stored_form(choice.aggregation, choice.distance) is not None and not recognizer.network.config.maps_vary
    stored = choice.targets == "stored" and can_be and not settings.changing_input
    try:
        return AntiTransferLoss(
            make_targets(freeze(frozen)) if stored else frozen,
            layers=list(choice.layers),
            weight=choice.beta,
            aggregation=choice.aggregation,
            distance=choice.distance,
            before_activation=choice.before_activation,
        ).attach(recognizer.network)
    except ValueError as error:
        raise TrainingError(f"anti_transfer: {error}") from None


def _bare(front: Front) -> SpectrogramFront:
    """The spectrogram of a front, which is what an RH-Emo stands on."""
    if not isinstance(front, SpectrogramFront):
        raise TrainingError(f"front.kind {front.kind} has no spectrogram, and RH-Emo is trained on one: take another")
    return SpectrogramFront(front.spectrogram)


def _check_masks(settings: RunSettings, front: Front) -> None:
    if not (settings.augmentation.time_masks or settings.augmentation.frequency_masks):
        return
    try:
        with torch.no_grad():
            copy.deepcopy(front).eval()(torch.zeros(1, FRAME_SAMPLES), masked=torch.zeros(1, 512, 128).bool())
    except ValueError as error:
        raise TrainingError(
            f"augmentation: masks do not go with front.kind {front.kind} ({type(front).__name__}: {error}); "
            "leave time_masks and frequency_masks out"
        ) from None


def _check_agreement(settings: RunSettings, front: Front, earlier: EarlierRun) -> None:
    for name, has in front.settings().items():
        asked = getattr(settings.front, name)
        if name not in ("kind", "trainable") and asked is not None and asked != has:
            raise TrainingError(
                f"front.{name}: {asked} is asked for, but the front of {earlier.folder} has {has}; "
                "leave it out, or take another run"
            )


def _start_from(network: Network, start: EarlierRun, labels: Sequence[str]) -> None:
    """Take over all weights; of another set of classes, all but the last layer's."""
    earlier = recognizer_of(start)
    weights = dict(earlier.network.state_dict())
    if tuple(labels) != earlier.labels:
        last = f"{network.config.last_hidden}."
        weights |= {name: value for name, value in network.state_dict().items() if name.startswith(last)}
    try:
        network.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise TrainingError(f"init_from: the network of {start.folder} has another shape: {error}") from None
