"""From a recording to its emotion."""

from ._errors import ServiceError
from ._onnx import ONNX_FILE, export_onnx
from ._predictor import FrameScores, Prediction, Predictor

__all__ = ["ONNX_FILE", "FrameScores", "Prediction", "Predictor", "ServiceError", "export_onnx"]
