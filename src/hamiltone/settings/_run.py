"""The settings of one run: everything that decides its result, as typed models."""

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, model_validator

from hamiltone.audio import AugmentationSettings, FrameSettings
from hamiltone.corpus_settings import CorpusSettings, SplitKind, SplitSettings
from hamiltone.extensions import hint, load_extensions
from hamiltone.files import content_key
from hamiltone.settings_model import Settings

from ._fronts import AnyFront, RHEmoFrontSettings
from ._networks import AnyNetwork, VGGSettings
from ._optimisation import OptimisationSettings

AGGREGATIONS = ("gram", "centred_gram", "pooled", "none", "mean", "sum", "max", "product")
BATCH_DISTANCES = ("linear_cka", "debiased_linear_cka")
DISTANCES = ("squared_cosine", "negative_sigmoid_mse", *BATCH_DISTANCES)
"""What ``hamiltone.antitransfer`` has of itself; to import it would load torch."""

Task = Literal["emotion", "speaker", "word", "rh-emo"]


class RHEmoSettings(Settings):
    """RH-Emo's training: beta = 0 is its first stage (reconstruction only)."""

    beta: float = Field(default=0.0, ge=0, description="weight of the heads' terms; 0.01 in the second stage")
    beta_vad: float = Field(default=100.0, ge=0, description="weight of valence, arousal and dominance among them")
    hidden: PositiveInt = Field(default=4096, description="size of the heads")
    dropout: float = Field(default=0.5, ge=0, lt=1, description="probability in the heads")
    affect_table: str | None = Field(
        default=None,
        description="emotion -> valence, arousal, dominance, where no ratings are",
        examples=["russell-mehrabian-1977"],
    )


class AntiTransferSettings(Settings):
    """Anti-transfer (equation 1): from which orthogonal network, at which layers, how strongly."""

    orthogonal: str = Field(description="the run of the orthogonal task", examples=["runs/word"])
    layers: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = Field(
        description="the convolutions whose maps are compared, counted from 1; several are summed", examples=[[9]]
    )
    beta: float = Field(default=1.0, ge=0, description="beta of equation 1, the weight of the term")
    aggregation: str = Field(
        default="gram",
        description="of a map: gram, centred_gram (over times and bins), pooled (over them), none; "
        "mean, sum, max, product (over channels); or an extension's",
    )
    distance: str = Field(
        default="squared_cosine",
        description="of each frame: squared_cosine, negative_sigmoid_mse; over the batch: linear_cka, "
        "debiased_linear_cka, which need no common channels; or an extension's",
    )
    before_activation: bool = Field(default=False, description="the maps before their ReLU")
    from_epoch: PositiveInt = Field(
        default=1, description="the first epoch with the term; earlier ones are not kept as the best", examples=[10]
    )
    targets: Literal["stored", "live"] = Field(
        default="stored", description="the frozen network's side computed once (half precision), or in each step"
    )
    stored_layers: tuple[PositiveInt, ...] = Field(
        default=(), description="layers of other runs whose targets are stored in the same pass", examples=[[2, 9]]
    )

    @model_validator(mode="after")
    def _known(self) -> "AntiTransferSettings":
        for key, name, known in (
            ("aggregation", self.aggregation, AGGREGATIONS),
            ("distance", self.distance, DISTANCES),
        ):
            if name not in known and not load_extensions():
                raise ValueError(f"{key} {name!r} is none of {', '.join(known)}; {hint()}")
        if self.before_activation and self.aggregation == "product":
            raise ValueError("aggregation 'product' needs maps after their ReLU: leave before_activation out")
        return self

    def identity(self) -> dict[str, Any]:
        """What decides the result; what older versions had not is part of it where it is not at its default."""
        content = self.model_dump(mode="json", exclude={"orthogonal", "stored_layers"})
        for name in ("before_activation", "from_epoch"):
            if content[name] == type(self).model_fields[name].default:
                content.pop(name)
        return content

    @model_validator(mode="before")
    @classmethod
    def _named_beta(cls, content: Any) -> Any:
        if isinstance(content, dict) and "weight" in content:
            raise ValueError("weight is called beta, as in equation 1: write anti_transfer.beta")
        return content


class TrackingSettings(Settings):
    """Trackers that are told losses, measures, settings and the confusion matrix as a run goes on; none by default."""

    to: tuple[Literal["tensorboard", "mlflow", "wandb", "trackio"], ...] = Field(
        default=(), description="which; each needs the extra of its name", examples=[["tensorboard"]]
    )
    project: str = Field(default="hamiltone", min_length=1, description="the experiment or project there")


class RunSettings(Settings):
    """Settings in, record out: the same settings, versions and machine give the same bytes.

    ``name``, ``out``, ``tracking``, ``training.checkpoint_seconds``, ``anti_transfer.stored_layers`` change no result
    and are no part of a run's identity.
    """

    name: str = Field(min_length=1, description="what reports call the run", examples=["baseline"])
    task: Task = Field(default="emotion", description="what is learned; speaker and word are orthogonal tasks")
    out: str = Field(min_length=1, description="the run's folder", examples=["runs/baseline"])
    seed: int = Field(default=0, ge=0, lt=2**63, description="of first weights, shuffling, dropout, augmentation")
    threads: int = Field(
        default=2, ge=1, le=1024, description="of each process; part of a run's identity: sums depend on it"
    )
    processes: int = Field(
        default=1, ge=1, le=1024, description="how many processes (GPUs) share each batch; so does this"
    )
    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="auto (a CUDA GPU where there is one), cpu, cuda, cuda:1 or mps",
        examples=["cuda:1"],
    )
    label: Literal["speaker", "session"] | None = Field(
        default=None, description="what speaker recognition recognises", examples=["session"]
    )
    init_from: str | None = Field(
        default=None, description="the run whose weights this one starts from", examples=["runs/at-speaker"]
    )
    leaks: Literal["refuse", "report"] = Field(
        default="refuse", description="when a run this one rests on was trained on recordings that this one tests on"
    )
    corpus: CorpusSettings = Field(description="which recordings")
    split: SplitSettings = Field(default=SplitSettings(), description="how they are parted")
    frames: FrameSettings = Field(default=FrameSettings(), description="how they become frames of 4 s")
    augmentation: AugmentationSettings = Field(default=AugmentationSettings(), description="what is changed at random")
    front: AnyFront = Field(default=RHEmoFrontSettings(), description="what stands before the network")
    network: AnyNetwork = Field(default=VGGSettings(), description="what is trained")
    rh_emo: RHEmoSettings | None = Field(default=None, description="of task rh-emo")
    anti_transfer: AntiTransferSettings | None = Field(default=None, description="of recognisers with anti-transfer")
    training: OptimisationSettings = Field(default=OptimisationSettings(), description="optimizer, and when to stop")
    tracking: TrackingSettings = Field(default=TrackingSettings(), description="who else is told of it")

    @model_validator(mode="after")
    def _agree(self) -> "RunSettings":
        for forbidden, why in chain(self._disagreements(), self._training_disagreements()):
            if forbidden:
                raise ValueError(why)
        return self

    def _disagreements(self) -> Iterator[tuple[bool, str]]:
        rh_emo, front = self.task == "rh-emo", self.front
        if rh_emo:
            yield bool(self.anti_transfer), "anti_transfer is for task emotion: leave it out of an RH-Emo training"
            own = not front.source and front.kind == "rh-emo"
            yield not own, "an RH-Emo training makes its own front: leave front.kind and front.source out"
            odd = own and getattr(front, "normalisation", None) not in (None, "unit")
            yield odd, "an RH-Emo gives back values of 0 to 1: leave front.normalisation out"
        else:
            yield self.rh_emo is not None, "rh_emo is for task rh-emo: leave it out"
            missing = front.learned and not front.source
            advice = "the run that trained it; or name another kind, as front.kind=log-mel"
            yield missing, f"front.kind {front.kind} needs front.source, {advice}"
        orthogonal = self.task in ("speaker", "word")
        with_term = orthogonal and self.anti_transfer is not None
        yield with_term, "anti_transfer is for task emotion: an orthogonal network is trained without"
        yield (
            self.processes > 1 and (rh_emo or front.trainable or self.network.trains_batch_norms),
            "processes are several, but batch norms that are trained (network.norm, RH-Emo's, or what "
            "trains_batch_norms of the network's settings says) take the whole batch: leave processes out",
        )
        one = self.processes > 1 and (self.device == "mps" or ":" in self.device)
        yield one, f"processes are several, but device {self.device} is one: say cuda or cpu"
        choice = self.anti_transfer
        yield (
            self.processes > 1 and choice is not None and choice.distance in BATCH_DISTANCES,
            "processes are several, but this anti_transfer.distance takes the whole batch: leave processes out",
        )
        yield (
            choice is not None and choice.from_epoch > self.training.epochs,
            "anti_transfer.from_epoch is after the last of training.epochs: there would be no anti-transfer",
        )
        yield (
            bool(self.label) and self.task != "speaker",
            "label is for task speaker: the other tasks have one label each",
        )
        trainable = front.trainable and not front.learned
        yield trainable, "front.trainable is for front.kind rh-emo: other fronts have nothing to train"
        twice = bool(front.statistics) and (bool(front.source) or rh_emo)
        yield twice, "front.statistics is for a front without source: leave one of the two out"
        outside = self.split.folds is not None and self.split.fold >= self.split.folds
        yield outside, f"split.fold counts from 0: {self.split.fold} is none of {self.split.folds} folds"
        chosen = self.split.fold > 0 and self.split.file is None
        without = chosen and self.split_kind in ("column", "70-20-10")
        yield without, f"split.fold is {self.split.fold}, but split.kind {self.split_kind} has no folds: leave it out"
        untold = chosen and self.split_kind in ("actor", "random", "stratified") and self.split.folds is None
        yield untold, f"split.fold is {self.split.fold}, but of how many? Say split.folds, or leave split.fold out"

    def _training_disagreements(self) -> Iterator[tuple[bool, str]]:
        rh_emo, front = self.task == "rh-emo", self.front
        yield (
            self.training.speaker_reversal > 0 and self.task != "emotion",
            "training.speaker_reversal is for task emotion: leave it out",
        )
        yield (
            self.processes > self.training.batch,
            f"processes are {self.processes}, more than training.batch, {self.training.batch}, has frames",
        )
        selecting = self.training.with_validation and self.training.keep != "last"
        yield selecting, "training.with_validation needs training.keep = last: what was trained on cannot select"
        mixed = bool(self.training.mixup or self.training.label_smoothing)
        yield rh_emo and mixed, "training.mixup and training.label_smoothing are for classes, not for task rh-emo"
        yield (
            bool(self.training.mixup) and front.trainable,
            "training.mixup mixes what a front gives, which is not being trained then: leave front.trainable out",
        )
        yield (
            bool(self.training.mixup or self.training.balance) and self.processes > 1,
            "training.mixup and training.balance draw from whole batches: leave processes out",
        )

    @property
    def column(self) -> str:
        """The column of the table of utterances that holds the labels."""
        if self.task == "speaker":
            return self.label or "speaker"
        return "word" if self.task == "word" else "emotion"

    @property
    def labelled(self) -> bool:
        """Whether labels are needed: all clips serve an RH-Emo that only reconstructs."""
        return self.task != "rh-emo" or (self.rh_emo is not None and self.rh_emo.beta > 0)

    @property
    def split_kind(self) -> SplitKind:
        """By speaker, or by recording: orthogonal tasks have all speakers and words in all parts."""
        return self.split.kind or ("random" if self.task in ("speaker", "word") else "actor")

    @property
    def changing_input(self) -> bool:
        """Whether what a network sees of a recording changes each epoch, so that nothing behind it can be stored."""
        mixed = self.training.mixup > 0  # which gives each example another partner each time
        return self.frames.random_offset or self.front.trainable or self.augmentation.changes or mixed

    def untracked(self) -> "RunSettings":
        """The same without trackers."""
        return self.model_copy(update={"tracking": TrackingSettings()})

    def identity(self) -> dict[str, Any]:
        """The settings that decide the result, without the places where things lie."""
        content = self.model_dump(mode="json", exclude={"name", "out", "tracking"})
        content["training"] = self.training.identity()
        content["network"] = self.network.identity()
        content["corpus"] = self.corpus.identity()
        content["split"] = self.split.identity() | {"kind": self.split_kind}
        if not self.augmentation.changes:
            content.pop("augmentation")  # without it, a run is the one that it was before there was any
        elif not self.augmentation.response_db:
            content["augmentation"].pop("response_db")
        content["init_from"] = bool(self.init_from)
        content["front"]["source"] = bool(self.front.source)
        if content["front"].get("speeds") == [1.0]:
            content["front"].pop("speeds")  # likewise
        if statistics := self.front.statistics:
            content["front"]["statistics"]["corpus"] = statistics.corpus.identity()
            content["front"]["statistics"]["split"] = statistics.split.identity()
        if self.anti_transfer:
            content["anti_transfer"] = self.anti_transfer.identity()
        return content

    def key(self) -> str:
        """The hash of :meth:`identity`."""
        return content_key(self.identity())
