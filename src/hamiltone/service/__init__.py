"""From a recording to its emotion: from Python, as a service with a page, and for other programs."""

from ._annotations import ANNOTATIONS, audacity_labels, subtitles, textgrid
from ._csv import check_csv_path, csv_text, write_csv
from ._errors import ServiceError
from ._exports import export_to, register_export
from ._hub_export import export_hub
from ._limits import ServiceLimits, checked_limits
from ._microphone import listen
from ._model_facts import about_model, model_info
from ._onnx_export import ONNX_FILE, export_onnx
from ._page_export import export_page
from ._places import check_not_read, check_place
from ._prediction import FrameScores, Prediction, Stretch
from ._predictor import Predictor
from ._recordings import find_recordings
from ._segments import Segment, read_segments
from ._server import read_token, serve
from ._shipped_weights import SHIPPED, licence_notice, model_folder
from ._speakers import recordings_by_speaker
from ._voices import FEWEST_OF_A_VOICE, recordings_by_voice
from ._windows import FRAME_SECONDS, HOP, LEAST_HOP

__all__ = [
    "ANNOTATIONS",
    "FEWEST_OF_A_VOICE",
    "FRAME_SECONDS",
    "HOP",
    "LEAST_HOP",
    "ONNX_FILE",
    "SHIPPED",
    "FrameScores",
    "Prediction",
    "Predictor",
    "Segment",
    "ServiceError",
    "ServiceLimits",
    "Stretch",
    "about_model",
    "audacity_labels",
    "check_csv_path",
    "check_not_read",
    "check_place",
    "checked_limits",
    "csv_text",
    "export_hub",
    "export_onnx",
    "export_page",
    "export_to",
    "find_recordings",
    "licence_notice",
    "listen",
    "model_folder",
    "model_info",
    "read_segments",
    "read_token",
    "recordings_by_speaker",
    "recordings_by_voice",
    "register_export",
    "serve",
    "subtitles",
    "textgrid",
    "write_csv",
]
