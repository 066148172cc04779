"""Rows as messages."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.inventory.messages import granted_message
from services.inventory.rules import Item
from services.inventory.store import Grant

HAT = Item("hat-1", "Straw Hat", "hat", "common", "hat_straw")
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(at=INSTANTS)
def test_an_instant_crosses_the_wire_to_the_microsecond(at: datetime) -> None:
    message = granted_message(Grant("user", "session", HAT.id, at, "v"), {HAT.id: HAT})

    assert message.item.obtained_at.ToDatetime(UTC) == at
