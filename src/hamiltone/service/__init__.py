"""From a recording to its emotion: from Python, as a service with a page, and for other programs."""

from ._csv import check_csv_path, write_csv
from ._errors import ServiceError
from ._exports import export_to, register_export
from ._hub_export import export_hub
from ._limits import ServiceLimits, checked_limits
from ._model_facts import about_model, model_info
from ._onnx_export import ONNX_FILE, export_onnx
from ._page_export import export_page
from ._predictor import FRAME_SECONDS, FrameScores, Prediction, Predictor
from ._recordings import find_recordings
from ._server import read_token, serve
from ._shipped_weights import licence_notice, shipped_model

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
    "export_to",
    "find_recordings",
    "licence_notice",
    "model_info",
    "read_token",
    "register_export",
    "serve",
    "shipped_model",
    "write_csv",
]
