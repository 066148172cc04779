"""A season under three real services: what pays is the start of a session, whenever it ends."""

from dataclasses import replace
from datetime import timedelta

import pytest

from protos.reward.v1.reward_pb2 import Receipt
from protos.session.v1 import session_pb2 as pb
from protos.timeline.v1 import timeline_pb2, timeline_pb2_grpc
from services.kit.database import Database
from services.kit.rulesfile import Edition
from services.session.play import play
from services.session.sessions import Closed
from services.session.store import Key
from tests import season
from tests.service.peers import peer
from tests.service.session.players import Player
from tests.service.town.conftest import Town

MINUTE = timedelta(minutes=1)


def guest_of(town: Town) -> Player:
    """A player whose clock stands in the season."""
    player = Player(town.sessions)
    player.wait_until(season.STARTS + MINUTE)
    return player


def test_a_session_into_the_season_pays_without_it_and_one_out_of_it_with_it(town: Town) -> None:
    player = Player(town.sessions)
    player.wait_until(season.STARTS - 10 * MINUTE)

    into = player.focus(25)
    within = player.focus(25)
    player.wait_until(season.ENDS - 10 * MINUTE)
    out = player.focus(25)
    after = player.focus(25)

    assert [(c.session.reward_exp, c.session.reward_gold) for c in (into, within, out, after)] == [
        (50, 25),
        season.PAYS,
        season.PAYS,
        (50, 25),
    ]
    chances = [c.drop_proof.chance for c in (into, within, out, after)]
    assert chances == [10_000, season.CHANCE, season.CHANCE, 10_000]
    assert all(c.settled for c in (into, within, out, after))
    told = [session.receipt.event_id for session in player.history()]
    assert told[::-1] == ["", "midsummer", "midsummer", ""]
    assert town.drifts(player.id) == []


@pytest.mark.parametrize(
    ("started_at", "pays"),
    [
        (season.STARTS - timedelta(microseconds=1), (50, 25)),
        (season.STARTS, season.PAYS),
        (season.ENDS - timedelta(microseconds=1), season.PAYS),
        (season.ENDS, (50, 25)),
    ],
)
def test_the_window_begins_with_its_first_instant_and_ends_before_its_last(
    town: Town, started_at: object, pays: tuple[int, int]
) -> None:
    player = Player(town.sessions)
    session = player.started(25)
    sql = "UPDATE session SET started_at = %(at)s WHERE user_id = %(player)s"
    town.execute("session", sql, {"at": started_at, "player": player.id})
    player.wait(25)

    paid = player.complete(session).session

    assert (paid.reward_exp, paid.reward_gold) == pays


def test_the_odds_are_those_of_a_session_that_this_player_starts_now(town: Town) -> None:
    guest, other = guest_of(town), Player(town.sessions)

    chances = [
        town.sessions.GetDropChance(pb.GetDropChanceRequest(user_id=user)).chance
        for user in (guest.id, other.id, "")
    ]

    assert chances == [season.CHANCE, 10_000, 10_000]


def test_history_and_the_operators_timeline_tell_where_a_reward_comes_from(town: Town) -> None:
    player = guest_of(town)
    completion = player.focus(25)
    player.cancel(player.started(25))

    cancelled, completed = player.history()
    timeline = peer("session", town.target, timeline_pb2_grpc.TimelineServiceStub)
    request = timeline_pb2.ListHappeningsRequest(user_id=player.id, limit=10)
    told = {h.place.kind: h for h in timeline.ListHappenings(request).happenings}

    assert completed.receipt == Receipt(
        base_exp=50, exp_percent=150, base_gold=25, gold_percent=250, event_id="midsummer",
        rules_version=completion.drop_proof.rules_version,
    )  # fmt: skip
    assert told[timeline_pb2.KIND_SESSION_COMPLETED].receipt == completed.receipt
    for other in (cancelled, completion.session, player.started(25)):
        assert not other.HasField("receipt")
    assert not told[timeline_pb2.KIND_SESSION_CANCELLED].HasField("receipt")


def test_the_rules_in_force_at_completion_say_whether_there_was_an_event(town: Town) -> None:
    player = guest_of(town)
    before = player.focus(25)
    session = player.started(25)
    player.wait(25)
    database = Database(town.urls["session"], size=1)
    database.open()
    without = Edition(replace(town.numbers.session, events=()), "without it")

    later = play(database, without, has_sandbox=True)
    (closed,) = later.sessions.complete([Key(player.id, session.session_id)])
    database.close()

    assert isinstance(closed, Closed)
    assert (closed.session.reward_exp, closed.session.reward_gold) == (50, 25)
    last, first = player.history()
    # What was paid stays paid, and stays told. Of rules that were never kept nobody tells.
    assert (first.reward_exp, first.reward_gold) == season.PAYS
    assert first.receipt.rules_version == before.drop_proof.rules_version
    assert not last.HasField("receipt")
