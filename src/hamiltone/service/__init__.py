"""From a recording to its emotion: from Python, as a service with a page, and for other programs."""

from ._about import about_model
from ._csv import check_csv_path, write_csv
from ._errors import ServiceError
from ._hub import export_hub
from ._info import model_info
from ._limits import ServiceLimits, checked_limits
from ._onnx import ONNX_FILE, export_onnx
from ._page import export_page
from ._predictor import FRAME_SECONDS, FrameScores, Prediction, Predictor
from ._recordings import find_recordings
from ._serving import read_token, serve
from ._shipped import licence_notice, shipped_model

__all__ = [
    "FRAME_SECONDS",
    "ONNX_FILE",
    "FrameScores",
    "Prediction",
    "Predictor",
    "ServiceError",
    "ServiceLimits",
    "about_model",
    "check_csv_path",
    "checked_limits",
    "export_hub",
    "export_onnx",
    "export_page",
    "find_recordings",
    "licence_notice",
    "model_info",
    "read_token",
    "serve",
    "shipped_model",
    "write_csv",
]
