"""From a recording to its emotion."""

from ._predictor import FrameScores, Prediction, Predictor

__all__ = ["FrameScores", "Prediction", "Predictor"]
