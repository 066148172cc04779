"""The events of one edition, over the catalogue as it is at the moment."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog

from services.inventory.catalogue import Catalogue
from services.inventory.events import announced, obtainable
from services.inventory.rules import Event, Item

log = structlog.get_logger(__name__)


class Show(NamedTuple):
    """An event as players see it, whether it runs, and what it has of its own."""

    event: Event
    is_running: bool
    items: Sequence[Item]


class Calendar:
    """Tells what can be obtained when. Every method raises Unavailable."""

    def __init__(self, catalogue: Catalogue, events: Sequence[Event]) -> None:
        self._catalogue = catalogue
        self._events = events
        self._told: set[tuple[str, str]] = set()

    def obtainable(self, at: datetime | None) -> Sequence[Item]:
        """What drops and is sold at an instant, in the order of display."""
        return obtainable(self._catalogue.current().obtainable, self._events, at)

    def shows(self, at: datetime) -> Iterator[Show]:
        """The events that are announced and not over, the soonest first.

        Without items that are retired, or that the catalogue has not.
        """
        items = self._catalogue.current().obtainable
        for event in announced(self._events, at):
            own = [item for item in items if item.id in event.items]
            yield Show(event, event.starts_at <= at, own)

    def look(self) -> bool:
        """Logs, once each, the items of events that the catalogue has not: a step of a Sweeper."""
        known = self._catalogue.current().items
        for event in self._events:
            for item_id in event.items:
                if item_id not in known and (event.id, item_id) not in self._told:
                    self._told.add((event.id, item_id))
                    log.error("event_item_unknown", of=event.id, item=item_id)
        return False
