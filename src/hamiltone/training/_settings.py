"""The settings of one run: everything that decides its result, as typed models."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from hamiltone.corpora import CorpusSettings, SplitKind, SplitSettings
from hamiltone.files import content_key
from hamiltone.networks import FrontKind
from hamiltone.speech import Augmentation, NoiseColour

Task = Literal["emotion", "speaker", "word", "rh-emo"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FrameSettings(_Model):
    """How recordings become frames of 4 s."""

    last: Literal["drop_short", "keep", "drop"] = Field(
        default="drop_short", description="what becomes of a last frame"
    )
    silent_peak: float = Field(
        default=0.005, ge=0, description="recordings whose peak is below are left out, and named"
    )
    random_offset: bool = Field(default=False, description="put short recordings at a random time, anew each epoch")


class AugmentationSettings(_Model):
    """What is changed at random in the training part, anew each epoch; off by default (docs/augmentation.md)."""

    shift_seconds: float = Field(default=0.0, description="moved in its frame by at most as much, to either side")
    speed: tuple[float, float] | None = Field(default=None, description="played so many times as fast, least to most")
    gain_db: tuple[float, float] | None = Field(default=None, description="gain, from least to most")
    snr_db: tuple[float, float] | None = Field(default=None, description="speech over added noise, least to most")
    noise: tuple[NoiseColour, ...] = Field(default=("white", "pink"), description="kinds of noise; one is drawn")
    time_masks: int = Field(default=0, description="how many stretches of time of the spectrogram are hidden")
    time_mask_width: int = Field(default=50, description="how long each is at most, in columns of 8 ms")
    frequency_masks: int = Field(default=0, description="how many bands are hidden")
    frequency_mask_width: int = Field(default=16, description="how wide each is at most, in bins of 62.5 Hz")

    @model_validator(mode="after")
    def _in_range(self) -> "AugmentationSettings":
        self.choice()
        return self

    def choice(self) -> Augmentation:
        """The same, as what ``augment`` takes.

        Raises:
            ValueError: values out of range.
        """
        return Augmentation(**dict(self))


class StatisticsSettings(_Model):
    """Whose training part gives the spectrogram's normalisation, where it is not the run's own."""

    corpus: CorpusSettings
    split: SplitSettings = SplitSettings()


class FrontSettings(_Model):
    """What stands before the network: the spectrogram; upon it its derivatives, or an RH-Emo trained before."""

    kind: FrontKind = "rh-emo"
    source: str | None = Field(default=None, description="the run whose fitted spectrogram and RH-Emo are taken over")
    scale: Literal["linear", "decibel"] | None = Field(
        default=None, description="linear, unless the source has another"
    )
    normalisation: Literal["unit", "standard"] | None = Field(
        default=None, description="unit for RH-Emo, else standard"
    )
    statistics: StatisticsSettings | None = Field(
        default=None, description="normalise as a recogniser of that corpus and split does, for orthogonal tasks"
    )
    time_reversed: bool | None = Field(default=None, description="no, unless the source has it so")
    trainable: bool = Field(default=False, description="train the RH-Emo encoder along with the network")


class NetworkSettings(_Model):
    """The VGG."""

    depth: Literal[11, 13, 16, 19] = 16
    algebra: Literal["real", "quaternion"] = "quaternion"
    width: PositiveFloat = 1.0
    hidden: PositiveInt | None = None
    pool: Literal["adaptive", "flatten", "mean"] = "flatten"
    norm: Literal["none", "batch"] = Field(default="none", description="behind each convolution, before its ReLU")
    dropout: float = Field(default=0.5, ge=0, lt=1)


class RHEmoSettings(_Model):
    """RH-Emo's training: beta = 0 is its first stage (reconstruction only)."""

    beta: float = Field(default=0.0, ge=0)
    beta_vad: float = Field(default=100.0, ge=0)
    hidden: PositiveInt = Field(default=4096, description="size of the heads")
    dropout: float = Field(default=0.5, ge=0, lt=1)
    affect_table: str | None = Field(
        default=None, description="emotion -> valence, arousal, dominance, where no ratings are"
    )


class AntiTransferSettings(_Model):
    """Anti-transfer (equation 1): from which orthogonal network, at which layers, how strongly."""

    orthogonal: str = Field(description="the run of the orthogonal task")
    layers: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    weight: float = Field(default=1.0, ge=0, description="beta of equation 1")
    aggregation: Literal["gram", "none", "mean", "sum", "max", "product"] = "gram"
    distance: Literal["squared_cosine", "negative_sigmoid_mse"] = "squared_cosine"
    targets: Literal["stored", "live"] = Field(
        default="stored", description="the frozen network's side computed once (half precision), or in each step"
    )
    stored_layers: tuple[PositiveInt, ...] = Field(
        default=(), description="layers of other runs whose targets are stored in the same pass"
    )


class OptimisationSettings(_Model):
    """Adam, and when to stop."""

    learning_rate: float = Field(default=1e-5, gt=0, le=1)
    schedule: Literal["constant", "cosine"] = Field(
        default="constant", description="cosine: rises over a tenth of all epochs, then falls to nothing"
    )
    weight_decay: float = Field(default=0.0, ge=0)
    batch: PositiveInt = 20
    epochs: PositiveInt = 500
    patience: PositiveInt = Field(default=20, description="epochs without a better validation loss before stopping")
    monitor: Literal["cross_entropy", "loss"] = Field(
        default="cross_entropy", description="loss counts the AT term, too"
    )
    precision: Literal["no", "bf16"] = "no"
    channels_last: bool = Field(default=True, description="keep feature maps with channels innermost, which is faster")
    checkpoint_seconds: PositiveFloat = Field(default=300.0, description="how often to save in mid-epoch")


class RunSettings(_Model):
    """Settings in, record out: the same settings, versions and machine give the same bytes.

    ``name``, ``out``, ``training.checkpoint_seconds`` and ``anti_transfer.stored_layers`` do not change the result and
    are no part of a run's identity.
    """

    name: str = Field(min_length=1)
    task: Task = "emotion"
    out: str = Field(min_length=1)
    seed: int = Field(default=0, ge=0, lt=2**63)
    threads: PositiveInt = Field(default=2, description="of each process; part of a run's identity: sums depend on it")
    processes: PositiveInt = Field(default=1, description="how many processes (GPUs) share each batch; so does this")
    device: Literal["cpu", "auto"] = "auto"
    label: Literal["speaker", "session"] | None = Field(default=None, description="what speaker recognition recognises")
    init_from: str | None = Field(default=None, description="the run whose weights this one starts from")
    leaks: Literal["refuse", "report"] = Field(
        default="refuse", description="when a run this one rests on was trained on recordings that this one tests on"
    )
    corpus: CorpusSettings
    split: SplitSettings = SplitSettings()
    frames: FrameSettings = FrameSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    front: FrontSettings = FrontSettings()
    network: NetworkSettings = NetworkSettings()
    rh_emo: RHEmoSettings | None = None
    anti_transfer: AntiTransferSettings | None = None
    training: OptimisationSettings = OptimisationSettings()

    @model_validator(mode="after")
    def _agree(self) -> "RunSettings":
        for forbidden, why in self._disagreements():
            if forbidden:
                raise ValueError(why)
        return self

    def _disagreements(self) -> Iterator[tuple[bool, str]]:
        rh_emo, upon_rh_emo = self.task == "rh-emo", self.front.kind == "rh-emo"
        if rh_emo:
            yield bool(self.anti_transfer), "anti_transfer is for task emotion: leave it out of an RH-Emo training"
            own = not self.front.source and upon_rh_emo
            yield not own, "an RH-Emo training makes its own front: leave front.kind and front.source out"
        else:
            yield self.rh_emo is not None, "rh_emo is for task rh-emo: leave it out"
            missing = upon_rh_emo and not self.front.source
            yield missing, "front.kind rh-emo needs front.source, the run that trained RH-Emo"
        orthogonal = self.task in ("speaker", "word")
        with_term = orthogonal and self.anti_transfer is not None
        yield with_term, "anti_transfer is for task emotion: an orthogonal network is trained without"
        yield (
            self.processes > 1 and (rh_emo or self.front.trainable or self.network.norm == "batch"),
            "processes are several, but batch norms that are trained (network.norm, RH-Emo's) take the whole batch: "
            "leave processes out",
        )
        yield (
            self.processes > self.training.batch,
            f"processes are {self.processes}, more than training.batch, {self.training.batch}, has frames",
        )
        yield (
            bool(self.label) and self.task != "speaker",
            "label is for task speaker: the other tasks have one label each",
        )
        trainable = self.front.trainable and not upon_rh_emo
        yield trainable, "front.trainable is for front.kind rh-emo: other fronts have nothing to train"
        twice = bool(self.front.statistics) and (bool(self.front.source) or rh_emo)
        yield twice, "front.statistics is for a front without source: leave one of the two out"
        outside = self.split.folds is not None and self.split.fold >= self.split.folds
        yield outside, f"split.fold counts from 0: {self.split.fold} is none of {self.split.folds} folds"
        chosen = self.split.fold > 0 and self.split.file is None
        without = chosen and self.split_kind in ("column", "70-20-10")
        yield without, f"split.fold is {self.split.fold}, but split.kind {self.split_kind} has no folds: leave it out"
        untold = chosen and self.split_kind in ("actor", "random", "stratified") and self.split.folds is None
        yield untold, f"split.fold is {self.split.fold}, but of how many? Say split.folds, or leave split.fold out"

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
    def normalisation(self) -> Literal["unit", "standard"]:
        """The spectrogram's normalisation: 0..1 for RH-Emo, mean and deviation for a bare spectrogram."""
        return self.front.normalisation or ("unit" if self.front.kind == "rh-emo" else "standard")

    @property
    def augments(self) -> bool:
        """Whether the training part is augmented."""
        return self.augmentation.choice().changes

    @property
    def stores_targets(self) -> bool:
        """Whether the frozen network's side of equation 1 is computed once: not where its input changes each epoch."""
        choice = self.anti_transfer
        changing = self.frames.random_offset or self.front.trainable or self.augments
        return (
            choice is not None
            and choice.targets == "stored"
            and not changing
            and (choice.aggregation, choice.distance) == ("gram", "squared_cosine")
        )

    def identity(self) -> dict[str, Any]:
        """The settings that decide the result, without the places where things lie."""
        content = self.model_dump(mode="json", exclude={"name": True, "out": True, "training": {"checkpoint_seconds"}})
        content["corpus"] = self.corpus.identity()
        content["split"].pop("file")
        content["split"]["kind"] = self.split_kind
        if not self.augments:
            content.pop("augmentation")  # without it, a run is the one that it was before there was any
        content["init_from"] = bool(self.init_from)
        content["front"]["source"] = bool(self.front.source)
        if statistics := self.front.statistics:
            content["front"]["statistics"]["corpus"] = statistics.corpus.identity()
            content["front"]["statistics"]["split"].pop("file")
        if self.anti_transfer:
            content["anti_transfer"].pop("orthogonal")
            content["anti_transfer"].pop("stored_layers")
        return content

    def key(self) -> str:
        """The hash of :meth:`identity`."""
        return content_key(self.identity())
