"""Logs: one JSON object a line in production, readable lines in development."""

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog
from structlog.typing import Processor


def processors(*, is_production: bool) -> list[Processor]:
    """What makes a line of an event. Tracebacks are plain: no value of a variable is in them."""
    renderer = (
        structlog.processors.JSONRenderer()
        if is_production
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        renderer,
    ]


def configure(service: str, *, is_production: bool) -> None:
    """Sends every log of this process to standard error, with its service's name."""
    structlog.configure(
        processors=processors(is_production=is_production),
        logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", _Lossy(sys.stderr))),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, stream=_Lossy(sys.stderr))


class _Lossy:
    """A stream that loses what cannot be written, and nothing else.

    Whoever reads our log may be gone, or the disk full: neither may keep a request
    from its answer, nor the process from its end.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes what can be written."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Writes what was held back."""
        with suppress(OSError):
            self._stream.flush()
