"""Counters for Prometheus; each application has its own."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """What ``/metrics`` shows.

    Args:
        inside: tells how many recordings are arriving, waiting or being worked on.
    """

    def __init__(self, inside: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter("hamiltone_requests", "Requests answered.", ["route", "status"], registry=self.registry)
        self.seconds = Histogram(
            "hamiltone_request_seconds", "Time to the answer.", ["route"], buckets=_SECONDS, registry=self.registry
        )
        self.audio = Counter("hamiltone_audio_seconds", "Speech recognised, in seconds.", registry=self.registry)
        self.batches = Histogram(
            "hamiltone_batch_windows", "Windows recognised together.", buckets=_SIZES, registry=self.registry
        )
        self.decoders_lost = Counter(
            "hamiltone_decoders_lost", "Decoding processes ended by a recording.", registry=self.registry
        )
        gauge = Gauge("hamiltone_recordings_inside", "Recordings arriving, waiting or in work.", registry=self.registry)
        gauge.set_function(inside)
