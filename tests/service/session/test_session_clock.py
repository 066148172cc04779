"""The database's clock alone decides: here it is two days ahead of the service's own."""

from datetime import UTC, datetime, timedelta

import pytest

from services.kit.errors import Refused
from services.kit.times import instant
from tests.service.session.conftest import Town
from tests.service.session.players import Player


def test_a_session_is_over_when_the_database_says_so(fast: Town) -> None:
    player = Player(fast.sessions)
    session = player.started(25)

    with pytest.raises(Refused, match="SESSION_TOO_EARLY"):
        player.complete(session)

    player.wait(25)
    assert player.complete(session).session.reward_gold == 25


def test_a_session_is_given_up_at_the_time_of_the_database(fast: Town) -> None:
    player = Player(fast.sessions)
    session = player.started(25)

    cancelled = player.cancel(session)

    assert instant(cancelled.ended_at) >= instant(session.started_at)
    assert instant(session.started_at) > datetime.now(UTC) + timedelta(days=1)


def test_what_was_left_is_due_when_the_database_says_so(fast: Town) -> None:
    player = Player(fast.sessions)
    fast.world.away = True
    player.focus()
    fast.world.away = False
    fast.rows(
        "UPDATE session SET settle_after = clock_timestamp() WHERE user_id = %s RETURNING id",
        player.id,
    )

    fast.sweeper.sweep()

    assert fast.world.total(player.id) == 1


def test_a_session_times_out_when_the_database_says_so(fast: Town) -> None:
    player = Player(fast.sessions)
    player.started(25)
    fast.rows(
        "UPDATE session SET ends_at = ends_at - interval '25 hours' WHERE user_id = %s"
        " RETURNING id",
        player.id,
    )

    fast.time_out()

    assert fast.rows("SELECT status FROM session WHERE user_id = %s", player.id) == [("timeout",)]
