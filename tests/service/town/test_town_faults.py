"""A fault of each kind is found by name, mended where it can be, and leaves everyone else as they are."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.kit.times import rfc3339
from tests import season
from tests.service.session.players import Player
from tests.service.town.conftest import Town
from tests.service.town.faults import FAULTS, Fate, Fault, Value
from town.audit import Audit
from town.facts import PLAYED
from town.invariants import Drift
from town.mending import Change, LeftAlone, Mend
from town.progress import Progress
from town.reading import Reader
from town.repair import Mender, planned
from town.verify import findings

GIVE_OUTFIT = """
    INSERT INTO inventory (user_id, item_id, id, obtained_at, source)
    SELECT %(player)s, id, %(id)s, now(), 'grant' FROM item
    WHERE type = 'outfit' AND NOT id IN (SELECT item_id FROM inventory WHERE user_id = %(player)s)
    LIMIT 1
"""
SESSIONS = """
    SELECT id::text, dropped_item -> 'item' ->> 'id', ends_at, ended_at FROM session
    WHERE user_id = %s ORDER BY id
"""
GIVEN = "SELECT item_id::text FROM inventory WHERE user_id = %s AND source = 'grant'"
UNOWNED = """
    SELECT id::text FROM item
    WHERE NOT id IN (SELECT item_id FROM inventory WHERE user_id = %s) ORDER BY id LIMIT 1
"""
AUDIT = Audit(reason="a test", operator="tester")


def played(town: Town) -> Player:
    """A player with six successes on six days, each with a drop, and an outfit as a gift."""
    player = Player(town.sessions)
    for _ in range(6):
        player.settled()
        player.wait(24 * 60 - 25)
    town.execute("inventory", GIVE_OUTFIT, {"player": player.id, "id": str(uuid.uuid4())})
    return player


def things_of(town: Town, player: str) -> dict[str, Any]:
    """What the faults name: the last session and its item, the one before, an outfit, and what is not the player's."""
    *_, before, (session, item, ends_at, _) = town.rows("session", SESSIONS, player)
    ((outfit,),) = town.rows("inventory", GIVEN, player)
    (unowned,) = town.rows("inventory", UNOWNED, player)[0]
    return {
        "player": player,
        "session": session,
        "item": item,
        "unowned": unowned,
        "outfit": outfit,
        "foreign": str(uuid.uuid4()),
        "today": str(ends_at.date()),
        "yesterday": str(ends_at.date() - timedelta(days=1)),
        "before_ended": rfc3339(before[3]),
        "overlap": rfc3339(before[3] - timedelta(seconds=1)),
        "three_early": rfc3339(ends_at - timedelta(seconds=3)),
        "window": _window(ends_at),
        "season": season.STARTS,
    }


def _window(ends: datetime) -> str:
    until = ends + timedelta(hours=24)
    return f"from 2 s before {rfc3339(ends)} until {rfc3339(until)}"


def repaired(town: Town, player: str) -> tuple[list[Mend], list[Change]]:
    """What there was to do about a player, and what was done."""
    with Reader(town.urls) as reader, Mender(town.urls, town.numbers, AUDIT) as mender:
        (finding,) = findings(reader, town.numbers, Progress("players"), player=player)
        plan = planned(finding.facts, finding.drifts, town.numbers)
        return plan, mender.mend(finding.facts, plan)


def entries(town: Town, player: str) -> list[tuple[str, str, str, str]]:
    """The audited entries of a player, in all three databases."""
    sql = """
        SELECT action, jsonb_path_query_first(changes, '$.*[1]') #>> '{}', reason, actor
        FROM audit WHERE user_id = %s
    """
    return sorted(row for service in PLAYED for row in town.rows(service, sql, player))


def filled(expected: Value, things: dict[str, Any]) -> Value:
    return expected.format(**things) if isinstance(expected, str) else expected


@pytest.fixture(scope="module")
def bystander(town: Town) -> str:
    return played(town).id


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found_and_mended(town: Town, bystander: str, fault: Fault) -> None:
    player = played(town).id
    things = things_of(town, player)
    before = town.everything_of(bystander)
    assert town.drifts(player) == []
    for service, statement in fault.plant:
        town.execute(service, statement, things)

    found = town.drifts(player)
    plan, done = repaired(town, player)

    assert found == [
        Drift(player, *(filled(part, things) for part in expected))  # type: ignore[arg-type]
        for expected in fault.found
    ]
    assert entries(town, player) == sorted(
        (f"repair.{change.drift.invariant}", change.result, "a test", "tester") for change in done
    )
    assert town.everything_of(bystander) == before
    check_fate(town, fault.fate, plan, things)


def check_fate(town: Town, fate: Fate, plan: list[Mend], things: dict[str, Any]) -> None:
    player = things["player"]
    match fate:
        case Fate.MENDED:
            town.sweeper.sweep()
            assert town.drifts(player) == []
        case Fate.PUT_BACK:
            sql = "SELECT settled_at, settle_refusals, settle_after <= now() FROM purchase WHERE id = %s"
            assert town.rows("session", sql, things["foreign"]) == [(None, 0, True)]
        case Fate.LEFT:
            assert plan
            assert all(isinstance(mend, LeftAlone) for mend in plan)
            assert [mend.drift for mend in plan] == town.drifts(player)
