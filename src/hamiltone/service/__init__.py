"""From a recording to its emotion: from Python, and as a service with a page."""

from ._about import about_model
from ._limits import Limits
from ._predictor import FrameScores, Prediction, Predictor
from ._serving import ServiceError, read_token, serve

__all__ = [
    "FrameScores",
    "Limits",
    "Prediction",
    "Predictor",
    "ServiceError",
    "about_model",
    "read_token",
    "serve",
]
