"""The base of all settings models."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Settings: unknown keys are refused, values do not change, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
