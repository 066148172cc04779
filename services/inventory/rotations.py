"""The shop's offers as they are recorded: once dealt, the same for all until they rotate.

Whoever first needs the offers of the present deals them, by the catalogue and the rules
that stand then, and records them; whatever changes later, every process sells by the
record. Only what is retired leaves it. See docs/decisions/0024.
"""

import threading
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from services.inventory import rotation_store
from services.inventory.catalogue import Catalogue
from services.inventory.events import Period, period_at
from services.inventory.rotation_store import Price, RotationRow
from services.inventory.rules import Rules
from services.inventory.shop import Offer, Rotation, dealt, rotation_of
from services.kit.clock import database_now
from services.kit.database import POOL_WAIT_S, Connection, Database
from services.kit.errors import Unavailable
from services.kit.rulesfile import Edition

# What a job records ahead. Sooner, and a change of the rules would wait longer than it must.
AHEAD = timedelta(hours=1)
# Of what was read: the period that holds, those about it, and some in sandboxes.
_KEPT = 8

log = structlog.get_logger(__name__)


class Standing(NamedTuple):
    """Offers that hold, and the version of the rules that dealt them."""

    rotation: Rotation
    rules_version: str


class Rotations:
    """What the shop offers when, in all editions of the rules. Every method raises Unavailable."""

    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self._database = database
        self._catalogue = catalogue
        # Replaced as a whole: a record never changes, so an old tuple does no harm.
        self._known: tuple[RotationRow, ...] = ()
        self._alone = threading.Lock()

    def at(self, at: datetime, edition: Edition[Rules], *, now: datetime) -> Standing:
        """The offers at an instant, by the record if there is one.

        Those of the present, in which `now` lies, are recorded if nobody did so yet. Those
        of a time to which only a sandbox's clock has come are dealt, and not recorded.
        """
        row = self._recalled(at) or self._found(at)
        if row is None and period_at(at, edition.rules.events).holds(now):
            present = self._first(now, edition)
            row = present if present.period.holds(at) else None
        return self._by_record(row) if row else self._dealt(at, edition)

    def record_due(self, edition: Edition[Rules]) -> int:
        """Records the offers that hold, and those that follow within the hour.

        How many were not recorded yet. Safe to repeat.
        """
        with self._database.read() as connection:
            now = database_now(connection)
        missing, at = 0, now
        while at <= now + AHEAD:
            row = self._recalled(at) or self._found(at)
            if row is None:
                row, missing = self._first(at, edition), missing + 1
            at = row.until
        return missing

    def _recalled(self, at: datetime) -> RotationRow | None:
        return next((row for row in self._known if row.period.holds(at)), None)

    def _found(self, at: datetime) -> RotationRow | None:
        with self._database.read() as connection:
            row = rotation_store.read_rotation(connection, at)
        return self._kept(row) if row else None

    def _first(self, at: datetime, edition: Edition[Rules]) -> RotationRow:
        # One thread of a process: at midnight all come at once, and each would hold a connection.
        if not self._alone.acquire(timeout=POOL_WAIT_S):
            raise Unavailable
        try:
            return self._recalled(at) or self._kept(
                self._database.transact(lambda connection: self._recorded(connection, at, edition))
            )
        finally:
            self._alone.release()

    def _recorded(
        self, connection: Connection, at: datetime, edition: Edition[Rules]
    ) -> RotationRow:
        """The record of an instant, made now unless another process was first."""
        rotation_store.lock_rotations(connection)
        found = rotation_store.read_rotation(connection, at)
        if found:
            return found
        # Where the rules were changed since, a record may end within what is now one period.
        free = rotation_store.free_around(connection, at, period_at(at, edition.rules.events))
        rotation = self._dealt_for(free, edition)
        row = _row(rotation, edition.version, now=database_now(connection))
        rotation_store.add_rotation(connection, row)
        log.info("rotation_recorded", rotation=rotation.id, rules=edition.version)
        return row

    def _kept(self, row: RotationRow) -> RotationRow:
        self._known = (row, *self._known[: _KEPT - 1])
        return row

    def _by_record(self, row: RotationRow) -> Standing:
        """As it was dealt, without what was retired since; that has an id of its own."""
        catalogue = self._catalogue.with_items(price["item_id"] for price in row.offers)
        left = {item.id: item for item in catalogue.obtainable}
        offers = (
            Offer(left[price["item_id"]], price["price_gold"])
            for price in row.offers
            if price["item_id"] in left
        )
        return Standing(rotation_of(row.period, offers), row.rules_version)

    def _dealt(self, at: datetime, edition: Edition[Rules]) -> Standing:
        period = period_at(at, edition.rules.events)
        return Standing(self._dealt_for(period, edition), edition.version)

    def _dealt_for(self, period: Period, edition: Edition[Rules]) -> Rotation:
        items = self._catalogue.current().obtainable
        return dealt(period, items, edition.rules.shop, edition.rules.events)


def _row(rotation: Rotation, version: str, *, now: datetime) -> RotationRow:
    offers = [Price(item_id=o.item.id, price_gold=o.price_gold) for o in rotation.offers]
    return RotationRow(*rotation.period, rotation.id, offers, version, now)
