"""Settings of the optimisation: the optimizer, what keeps small data from being learned by heart, and when to stop."""

from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from hamiltone.settings_model import Settings

_OFF_AT_FIRST = (
    "optimizer",
    "keep",
    "with_validation",
    "mixup",
    "label_smoothing",
    "balance",
    "weight_average",
    "clip_gradient",
    "speaker_reversal",
)


class OptimisationSettings(Settings):
    """Optimizer, what keeps small data from being learned by heart, and when to stop."""

    optimizer: Literal["adam", "adamw"] = Field(
        default="adam", description="adamw decays weights apart from their gradients, biases and norms not at all"
    )
    learning_rate: float = Field(default=1e-5, gt=0, le=1, description="of the optimizer")
    schedule: Literal["constant", "cosine"] = Field(
        default="constant", description="cosine: rises over a tenth of all epochs, then falls to nothing"
    )
    weight_decay: float = Field(default=0.0, ge=0, description="of the optimizer")
    batch: PositiveInt = Field(default=20, description="frames in a step")
    epochs: PositiveInt = Field(default=500, description="at most")
    patience: PositiveInt = Field(default=20, description="epochs without a better validation loss before stopping")
    keep: Literal["best", "last"] = Field(
        default="best", description="the weights of which epoch; last trains all epochs, and validation decides nothing"
    )
    with_validation: bool = Field(
        default=False, description="train on the validation part, too, once all is chosen; needs keep = last"
    )
    monitor: Literal["cross_entropy", "loss"] = Field(
        default="cross_entropy", description="loss counts the AT term, too"
    )
    mixup: float = Field(
        default=0.0, ge=0, description="alpha of the beta distribution that mixes pairs of a batch; 0: none"
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="share of the target spread over all classes")
    balance: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="draw the frames of a class and corpus more often the fewer they are: 1 all alike, 0 as they are",
    )
    weight_average: float = Field(
        default=0.0, ge=0, lt=1, description="decay of a running average of the weights, which is kept; 0: none"
    )
    clip_gradient: PositiveFloat | None = Field(default=None, description="longest gradient, as a norm", examples=[5.0])
    speaker_reversal: float = Field(
        default=0.0,
        ge=0,
        description="weight of the reversed gradient of a head that recognises speakers",
        examples=[0.1],
    )
    precision: Literal["no", "bf16"] = Field(default="no", description="mixed precision")
    channels_last: bool = Field(default=True, description="keep feature maps with channels innermost, which is faster")
    checkpoint_seconds: PositiveFloat = Field(default=300.0, description="how often to save in mid-epoch")

    def identity(self) -> dict[str, Any]:
        """What decides the result; what is off is left out, as before there was any of it."""
        content = self.model_dump(mode="json", exclude={"checkpoint_seconds"})
        for name in _OFF_AT_FIRST:
            if content[name] == type(self).model_fields[name].default:
                content.pop(name)
        return content
