"""A line of the log is one event, whatever stands in it."""

import json
from typing import Any

import structlog

from services.kit import telemetry


def line_of(event: str, **values: Any) -> str:
    """What production writes of an event."""
    found: Any = {"event": event, **values}
    for process in telemetry.processors(is_production=True):
        found = process(None, "warning", found)
    return str(found)


def test_a_line_tells_what_when_and_how_grave() -> None:
    with structlog.contextvars.bound_contextvars(service="auth"):
        told = json.loads(line_of("login_refused", user="x"))

    assert told.pop("timestamp").endswith("Z")
    assert told == {"event": "login_refused", "user": "x", "service": "auth", "level": "warning"}


def test_nothing_that_a_client_sends_begins_a_line_of_its_own() -> None:
    path = '/api/x\r\n{"event": "logged_in"}\x1b[2J\u2028'

    line = line_of("access_refused", path=path)

    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["path"] == path
