"""The service as an ASGI application: routes, the way of a recording through it, errors as JSON."""

import asyncio
import hmac
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import torch
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from jaxtyping import Float32
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from hamiltone import __version__
from hamiltone.audio import SAMPLE_RATE, AudioError
from hamiltone.networks import Recognizer

from ._batcher import Batcher
from ._decoder import Decoders
from ._limits import Admission, Refusal, ServiceLimits
from ._log import log_event
from ._metrics import Metrics
from ._middleware import RequestMiddleware
from ._pictures import Pictures
from ._prediction import Prediction
from ._schemas import PREDICT_BODY, REFUSALS, About, Answer, Asked, Health
from ._sound import audible
from ._uploads import Upload, received_upload
from ._windows import hop_samples, stream_windows

PAGE = Path(__file__).with_name("page")


class _Service:
    """What the routes share while the application runs."""

    def __init__(self, recognizer: Recognizer, limits: ServiceLimits, ready: Callable[[], None]) -> None:
        self.limits = limits
        self._ready = ready
        self.recognizer = recognizer
        self.admission = Admission(limits)
        self.metrics = Metrics(lambda: self.admission.inside)
        self.decoders = Decoders(limits, self._decoder_lost)
        self.batcher = Batcher(
            recognizer, size=limits.batch, wait=limits.batch_wait, observe=self.metrics.batches.observe
        )
        self.folder = Path()

    @asynccontextmanager
    async def running(self, _app: FastAPI) -> AsyncIterator[None]:
        """Processes, model thread and the folder for uploads, from start to end."""
        with TemporaryDirectory(prefix="hamiltone-serve-") as folder:
            self.folder = Path(folder)
            try:
                await self.decoders.start()
                await self.batcher.start()
                log_event(logging.INFO, "ready")
                self._ready()
                yield
            finally:
                await self.batcher.close()
                await self.decoders.close()
                log_event(logging.INFO, "stopped")

    async def answer(self, upload: Upload, hop: float, detail: bool) -> dict[str, Any]:
        """Decode and recognise a recording, when it is its turn.

        Raises:
            Refusal: it cannot be decoded, is silent, or takes too long.
        """
        try:
            async with asyncio.timeout(self.limits.timeout), self.admission.working():
                waveform = await self.decoders.decode(upload.path)
                self._check_audible(waveform)
                content = (await self._prediction(upload.name, waveform, hop)).as_json()
                if detail:
                    content["detail"] = await self._pictures(waveform)
        except TimeoutError:
            raise Refusal(504, "timeout", f"no answer within {self.limits.timeout:g} s; send less at once") from None
        self.metrics.audio.inc(len(waveform) / SAMPLE_RATE)
        return content

    async def _prediction(self, name: str, waveform: Float32[np.ndarray, "_"], hop: float) -> Prediction:
        found = stream_windows([waveform], rule=self.recognizer.frame_rule, hop=hop_samples(hop))
        windows = await asyncio.to_thread(lambda: [window for window, _ in found])  # their sound is looked at
        rows = await self.batcher.recognize(waveform, [(window.start, window.stop) for window in windows])
        return Prediction.of_windows(name, self.recognizer, windows, torch.from_numpy(rows), len(waveform))

    def _check_audible(self, waveform: Float32[np.ndarray, "_"]) -> None:
        try:
            deque(audible([waveform], "the recording"), maxlen=0)
        except AudioError as error:
            raise Refusal(422, "audio_silent", str(error)) from None

    async def _pictures(self, waveform: Float32[np.ndarray, "_"]) -> dict[str, Any]:
        pictures = Pictures(self.recognizer.front, waveform)
        for number in range(pictures.steps):  # one by one, so that other requests' batches come between
            await self.batcher.run(pictures.step, number)
        return await self.batcher.run(pictures.as_json)

    def _decoder_lost(self) -> None:
        self.metrics.decoders_lost.inc()
        log_event(logging.WARNING, "decoder lost")


def create_app(
    recognizer: Recognizer,
    about: dict[str, Any],
    limits: ServiceLimits | None = None,
    token: str | None = None,
    ready: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Make the application.

    Args:
        recognizer: the model.
        about: what ``about_model`` says of it.
        limits: what is let in; None: the defaults.
        token: the bearer token that ``/v1`` and ``/metrics`` ask for; None: they are open.
        ready: called when everything runs and requests can be answered.
    """
    service = _Service(recognizer, limits or ServiceLimits(), ready)
    # Without the interactive pages, which take their scripts from another server.
    app = FastAPI(
        title="Hamiltone",
        summary="The emotion of a recording, guessed from its sound.",
        version=__version__,
        lifespan=service.running,
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(RequestMiddleware, limits=service.limits, metrics=service.metrics)
    _handle_errors(app)

    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz")
    async def healthz() -> Health:
        """Whether the service is there."""
        return Health(status="ok")

    app.include_router(_protected_routes(service, about, token))
    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


def _protected_routes(service: _Service, about: dict[str, Any], token: str | None) -> APIRouter:
    """The routes that ask for the token, where there is one."""
    limits = service.limits
    facts = about | {"seconds": limits.seconds, "megabytes": limits.megabytes}
    router = APIRouter(dependencies=[Depends(_token_check(token))])

    @router.post("/v1/predict", response_model=Answer, responses=REFUSALS, openapi_extra=PREDICT_BODY)
    async def predict(request: Request, asked: Annotated[Asked, Query()]) -> Response:
        """Recognise the emotion of one recording, overall and in windows of 4 s."""
        client = request.client.host if request.client else ""
        async with service.admission.admitted(client), received_upload(request, service.folder, limits) as upload:
            request.state.fields["bytes"] = upload.size
            content = await service.answer(upload, asked.hop, asked.detail)
            request.state.fields["windows"] = len(content["frames"])
            return JSONResponse(content)

    @router.api_route("/v1/predict", methods=["GET", "HEAD", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    async def unfit() -> None:  # else the page's files, which come last, would be looked through
        raise HTTPException(405, "POST a recording here", {"Allow": "POST"})

    @router.get("/v1/model")
    async def model() -> About:
        """What the model is, what it was trained on, and what this service takes."""
        return About.model_validate(facts)

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Counters for Prometheus."""
        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _token_check(token: str | None) -> Any:
    def check(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        # Headers are bytes, which Starlette reads as Latin-1.
        same = hmac.compare_digest(given.strip().encode("latin-1"), (token or "").encode())
        if token is not None and not (same and scheme.lower() == "bearer"):
            raise Refusal(401, "unauthorised", "give the token of this service: Authorization: Bearer TOKEN")

    return check


def _handle_errors(app: FastAPI) -> None:
    """Make every error an object with ``code`` and ``message``."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> JSONResponse:
        request.state.fields["code"] = error.code
        headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        if error.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse({"code": error.code, "message": error.message}, error.status, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        message = f"{'.'.join(str(part) for part in first['loc'][1:])}: {first['msg']}"
        return JSONResponse({"code": "invalid", "message": message}, 422)

    @app.exception_handler(HTTPException)
    async def failed(_request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "malformed")
        return JSONResponse({"code": code, "message": str(error.detail)}, error.status_code, error.headers)
