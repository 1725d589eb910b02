"""Schemas of the service's requests and responses, for its OpenAPI description."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ._windows import FRAME_SECONDS, HOP, LEAST_HOP

_SCORES = {"neutral": 0.12, "happy": 0.61, "sad": 0.09, "angry": 0.18}
_ANSWER: dict[str, Any] = {
    "path": "talk.mp3",
    "speaker": None,
    "start": 0.0,
    "end": 4.0,
    "label": "happy",
    "scores": _SCORES,
    "frames": [{"start": 0.0, "end": 4.0, "label": "happy", "scores": _SCORES}],
    "notes": [],
}
_PICTURE = {"width": 1000, "height": 128, "data": "base64 of width x height bytes"}


class Asked(BaseModel):
    """What a request may ask for beside the recording; a key that is none of these is refused, not passed over."""

    model_config = ConfigDict(extra="forbid")

    hop: float = Field(
        HOP, ge=LEAST_HOP, le=FRAME_SECONDS, description="Seconds from one window to the next, in the line of time."
    )
    detail: bool = Field(False, description="Add what a page draws: waveform, spectrogram, quaternion axes.")


class Frame(BaseModel):
    """The scores of one window."""

    start: float = Field(description="Seconds.")
    end: float = Field(description="Seconds.")
    label: str = Field(description="As of the recording.")
    scores: dict[str, float] = Field(description="Probabilities that sum to 1.")


class Answer(BaseModel):
    """The emotion of a recording."""

    model_config = ConfigDict(json_schema_extra={"example": _ANSWER})

    path: str = Field(description="The name that the file was sent under.")
    speaker: str | None = Field(description="Always null here; the command's tables of segments may name one.")
    start: float = Field(description="Seconds.")
    end: float = Field(description="Seconds.")
    label: str = Field(
        description='The emotion with the highest overall score; "unsure" where that is below the model\'s '
        "`unsure_below`, where no speech is heard, or of less than half a second."
    )
    scores: dict[str, float] = Field(
        description="The mean of the probabilities of windows of 4 s side by side, whatever the hop."
    )
    frames: list[Frame] = Field(description="The line of time: a window every `hop` seconds.")
    notes: list[str] = Field(description="What is wrong with the sound: too short, no speech, heavily clipped.")
    detail: dict[str, Any] | None = Field(
        default=None,
        description="With detail=true: seconds; waveform (low, high); spectrogram and the quaternion axes that the "
        "network sees, if any, as pictures of bytes, row by row, the highest frequency first.",
        examples=[{"seconds": 4.0, "waveform": {"low": [-0.1], "high": [0.2]}, "spectrogram": _PICTURE, "axes": []}],
    )


class Failure(BaseModel):
    """Why a request was refused."""

    model_config = ConfigDict(json_schema_extra={"example": {"code": "too_large", "message": "..."}})

    code: str = Field(description="A word for programs.")
    message: str = Field(description="A line for people.")


class Health(BaseModel):
    """That the service is there."""

    status: str = Field(examples=["ok"])


class About(BaseModel):
    """What is known of the model."""

    title: str
    labels: list[str] = Field(description="The classes, in the order of the scores.", examples=[list(_SCORES)])
    rate: int = Field(description="Samples per second that the model hears.")
    window: float = Field(description="Seconds that it hears at once.")
    hop: float = Field(description="Seconds from one window to the next, where none is asked for.")
    unsure_below: float = Field(description='The score below which the label is "unsure"; 0: it never is.')
    front: str = Field(
        description="What the network sees: spectrogram, derivatives, rh-emo, or an extension's kind.",
        examples=["rh-emo"],
    )
    trained_on: str
    split: str
    results: list[str]
    licence: str = Field(description="Of the data that it learned from.")
    warning: str
    weights: str = Field(description="SHA-256 of the weights.")
    version: str = Field(description="The version of Hamiltone that saved it.")
    seconds: float = Field(description="The longest recording that this service takes.")
    megabytes: float = Field(description="The largest request that this service takes.")


_REFUSED = {
    400: "The request is malformed.",
    401: "The bearer token is missing or wrong.",
    408: "The body arrived too slowly.",
    413: "The body is too large, or the recording too long.",
    415: "The content is no sound that is read here.",
    422: "The recording is damaged or silent, or a parameter is out of range.",
    429: "Too many requests of this address are under way; see Retry-After.",
    503: "Too many recordings are waiting; see Retry-After. Or the service was ended (code ended).",
    504: "It took too long.",
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Failure, "description": text} for status, text in _REFUSED.items()
}

_BINARY = {"schema": {"type": "string", "format": "binary"}}
PREDICT_BODY = {
    "requestBody": {
        "required": True,
        "description": "A recording, as a form's file or as the body itself: WAV, FLAC, OGG, Opus, MP3, AIFF; "
        "with the extra media also M4A, WebM, MP4 and more.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            },
            "audio/wav": _BINARY,
            "audio/flac": _BINARY,
            "audio/mpeg": _BINARY,
            "audio/ogg": _BINARY,
            "application/octet-stream": _BINARY,
        },
    }
}
