"""The zones that a player lived in tell the dates on which sessions were credited."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.times import InForce, stretches
from protos.world.v1 import world_pb2 as pb
from services.kit.times import instant
from tests.service.world.residents import NOON, Player, Town

# Each a flight later than the one before: with the date, against it, over the date line.
FLIGHTS = ["Pacific/Kiritimati", "America/New_York", "Europe/Berlin", "Pacific/Pago_Pago"]


def zones_of(player: Player) -> pb.GetZonesResponse:
    answer: pb.GetZonesResponse = player.town.gateway.GetZones(
        pb.GetZonesRequest(user_id=player.id)
    )
    return answer


def test_a_new_player_lives_in_utc_and_has_moved_nowhere(player: Player) -> None:
    before = datetime.now(UTC).date()
    found = zones_of(player)
    after = datetime.now(UTC).date()

    assert before <= date.fromisoformat(found.today) <= after
    assert list(found.changes) == []


def test_changes_are_told_oldest_first_and_today_is_the_players_own(player: Player) -> None:
    player.live_at(NOON)
    player.set_zone("Pacific/Kiritimati")
    player.live_at(NOON + timedelta(days=2))
    player.set_zone("America/New_York")

    found = zones_of(player)

    assert [change.timezone for change in found.changes] == [
        "Pacific/Kiritimati",
        "America/New_York",
    ]
    assert found.changes[0].changed_at.seconds < found.changes[1].changed_at.seconds
    assert found.today == str(
        (NOON + timedelta(days=2)).astimezone(ZoneInfo("America/New_York")).date()
    )


@pytest.mark.parametrize("is_late", [False, True])
def test_a_session_lies_in_a_stretch_of_the_date_on_which_it_was_credited(
    town: Town,
    player: Player,
    is_late: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    ends = []
    for day, zone in enumerate(FLIGHTS):
        player.live_at(NOON + timedelta(days=2 * day))
        player.set_zone(zone)
        now = NOON + timedelta(days=2 * day, minutes=1)
        mine = [now + timedelta(hours=hours) for hours in range(1, 47, 5)]
        ends += mine
        if not is_late:
            player.credit(*mine)
    if is_late:
        player.credit(*ends)

    changes = [InForce(instant(c.changed_at), c.timezone) for c in zones_of(player).changes]
    found = stretches(NOON.date() - timedelta(9), NOON.date() + timedelta(30), changes)

    sql = "SELECT ends_at, local_date FROM credited_session WHERE user_id = %s"
    credited = town.rows(sql, player.id)
    assert len(credited) == len(ends)
    for ends_at, local_date in credited:
        assert [s.day for s in found if s.begins_at <= ends_at < s.ends_at] == [local_date]
