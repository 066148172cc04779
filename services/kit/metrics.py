"""Figures for Prometheus, at an address of their own: never where players come."""

from collections.abc import Callable, Iterable

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    start_http_server,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

# Read whenever somebody asks, so nothing has to be kept up to date.
Reading = Callable[[], Iterable[Metric]]


class _Read(Collector):
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def collect(self) -> Iterable[Metric]:
        """The figures of now."""
        return self._reading()

    def describe(self) -> Iterable[Metric]:
        """Nothing: nobody asks a database for the names of its figures at start."""
        return ()


def registry(*readings: Reading) -> CollectorRegistry:
    """The process's own figures (memory, CPU, files), and those of `readings`."""
    found = CollectorRegistry()
    for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        found.register(collector)
    for reading in readings:
        found.register(_Read(reading))
    return found


def serve(listen: str, figures: CollectorRegistry) -> None:
    """Answers GET /metrics at `host:port`, in a thread of its own. Raises OSError."""
    host, _, port = listen.rpartition(":")
    start_http_server(int(port), host, figures)
