"""The rules of events: which one runs, what can be obtained while it does, how long offers hold.

Pure: the instant is an argument. The events come from the rules file's array [[events]].
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from services.inventory.rules import Event, Item

_DAY = timedelta(days=1)


class Period(NamedTuple):
    """A stretch of time in UTC, from `begins_at` until before `until`."""

    begins_at: datetime
    until: datetime

    def holds(self, at: datetime) -> bool:
        """Whether an instant is in it."""
        return self.begins_at <= at < self.until


def running(events: Sequence[Event], at: datetime | None) -> Event | None:
    """The event that runs at an instant; none at an instant that nobody knows."""
    if at is None:
        return None
    return next((event for event in events if event.starts_at <= at < event.ends_at), None)


def announced(events: Sequence[Event], at: datetime) -> list[Event]:
    """The events that players may know of at an instant and that are not over, the soonest first."""
    known = (event for event in events if event.announced_at <= at < event.ends_at)
    return sorted(known, key=lambda event: (event.starts_at, event.id))


def obtainable(
    items: Sequence[Item], events: Sequence[Event], at: datetime | None
) -> Sequence[Item]:
    """Those of `items` that drop and are sold at an instant, in their order.

    Those that no event names, and those that the running one names.
    """
    seasonal = {item_id for event in events for item_id in event.items}
    if not seasonal:
        return items
    event = running(events, at)
    away = seasonal.difference(event.items if event else ())
    return [item for item in items if item.id not in away]


def period_at(at: datetime, events: Sequence[Event]) -> Period:
    """The period of the shop in which an instant lies.

    A day in UTC, cut wherever an event starts or ends.
    """
    midnight = datetime.combine(at.astimezone(UTC).date(), time.min, UTC)
    edges = [edge.astimezone(UTC) for event in events for edge in (event.starts_at, event.ends_at)]
    return Period(
        max([midnight, *(edge for edge in edges if edge <= at)]),
        min([midnight + _DAY, *(edge for edge in edges if edge > at)]),
    )
