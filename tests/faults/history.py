"""What happened, as the players saw it: the record that is judged afterwards."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Kind(StrEnum):
    """What an event is: a call, one of its three ends, or a fault that the test brought about."""

    INVOKE = "invoke"
    # Answered, and done.
    OK = "ok"
    # Answered, and refused.
    FAIL = "fail"
    # 503, a reset or silence: it may have happened or not.
    UNKNOWN = "unknown"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `call` joins an invocation with its end; `status` is 0 where no answer came.

    `told` is what of the answer is judged, see `told_by`. `session` is "" where none
    is meant. `at` is Unix time, `mono` and `took_s` are of one monotonic clock.
    """

    kind: Kind
    operation: str
    call: int = 0
    player: str = ""
    session: str = ""
    gateway: str = ""
    status: int = 0
    told: dict[str, Any] = field(default_factory=dict)
    took_s: float = 0.0
    at: float = 0.0
    mono: float = 0.0


class History:
    """Events in the order in which they happened. Appended to from any thread."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._calls = 0

    def invoke(self, operation: str, *, player: str, session: str, gateway: str) -> Event:
        """Notes that a call begins. For one thread."""
        self._calls += 1
        event = Event(
            Kind.INVOKE,
            operation,
            call=self._calls,
            player=player,
            session=session,
            gateway=gateway,
            at=time.time(),
            mono=time.monotonic(),
        )
        self.events.append(event)
        return event

    def end(self, invoked: Event, status: int, told: dict[str, Any], *, session: str = "") -> Event:
        """Notes how a call ended; `session` is the one that it brought, where it brought one."""
        now = time.monotonic()
        event = Event(
            kind_of(status),
            invoked.operation,
            call=invoked.call,
            player=invoked.player,
            session=session or invoked.session,
            gateway=invoked.gateway,
            status=status,
            told=told,
            took_s=now - invoked.mono,
            at=time.time(),
            mono=now,
        )
        self.events.append(event)
        return event

    def fault(self, what: str) -> None:
        """Notes what the test did to the town."""
        self.events.append(Event(Kind.FAULT, what, at=time.time(), mono=time.monotonic()))

    def write(self, file: Path) -> None:
        """Keeps all events, one line each."""
        with file.open("w", encoding="utf-8") as out:
            for event in self.events:
                out.write(json.dumps(asdict(event)) + "\n")


def read(file: Path) -> Iterator[Event]:
    """The events that `History.write` kept."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            fields = json.loads(line)
            yield Event(**fields | {"kind": Kind(fields["kind"])})


def kind_of(status: int) -> Kind:
    """How a call with such an answer ended; 0 is none. After a bug (500) nobody knows either."""
    if status in (0, 500, 503):
        return Kind.UNKNOWN
    return Kind.OK if status < 300 else Kind.FAIL


def ends_of(events: Iterable[Event], *operations: str) -> Iterator[Event]:
    """How calls of some operations ended; of all, when none is named."""
    for event in events:
        is_end = event.kind not in (Kind.INVOKE, Kind.FAULT)
        if is_end and (not operations or event.operation in operations):
            yield event


_JUDGED = {
    "complete": ("exp_reward", "gold_reward", "dropped_item", "drop_proof", "settled"),
    "start": ("drop_commitment", "duration_minutes"),
}


def told_by(operation: str, body: dict[str, Any]) -> dict[str, Any]:
    """What of an answer is judged: the whole of it would fill the memory."""
    if "code" in body:
        return {"code": body["code"]}
    if operation == "profile":
        hero, world = body["hero"], body["worldState"]
        return {
            "level": hero["level"],
            "exp": hero["exp"],
            "gold": hero["gold"],
            "successes": world["total_sessions_success"],
            "streak": world["day_streak"],
        }
    if operation == "buy":
        return {"item": body["item"]["id"], "gold": body["gold_spent"]}
    if operation == "grant":
        return {}
    told = {name: body[name] for name in _JUDGED.get(operation, ())}
    if told.get("dropped_item"):
        told["dropped_item"] = told["dropped_item"]["id"]
    return told
