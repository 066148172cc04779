"""What `nesra verify`, `repair` and `deliveries` say of a whole town, and do to it."""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from tests.service.peers import at_once
from tests.service.session.players import Player
from tests.service.town import command
from tests.service.town.command import Said, settings_of
from tests.service.town.conftest import Town
from town import invariants
from town.audit import Audit
from town.facts import Facts
from town.invariants import Drift
from town.progress import Progress
from town.reading import Reader
from town.repair import Mender, planned
from town.verify import drifts, findings

AUDIT = Audit(reason="a test", operator="tester")
RICHER = "UPDATE hero SET gold = gold + 5 WHERE user_id = %(player)s"
GIVE_UP = "UPDATE session SET settled_at = NULL, settle_after = NULL WHERE user_id = %(player)s"
POSTPONE = (
    "UPDATE session SET settled_at = NULL, settle_attempts = 2, settle_refusals = 1,"
    " settle_after = now() - interval '1 second' WHERE user_id = %(player)s"
)


def nesra(town: Town, *words: str) -> Said:
    """A command of the operator's, with the town's databases in its environment."""
    return command.nesra(settings_of(town.urls) | {"NESRA_RULES": str(town.rules)}, *words)


def told(said: Said) -> list[dict[str, object]]:
    """The JSON objects of a command's lines."""
    return [json.loads(line) for line in said.out.splitlines()]


def residents(town: Town, count: int = 3) -> list[str]:
    """Players who have completed a session each."""
    players = [Player(town.sessions) for _ in range(count)]
    for player in players:
        player.settled()
    return sorted(player.id for player in players)


def test_a_town_that_played_is_clear(own_town: Town) -> None:
    residents(own_town, 5)

    done = nesra(own_town, "verify", "--json")

    assert done.code == 0, done.error
    assert told(done) == [{"players": 5, "drifting_players": 0, "drifts": 0}]
    assert done.error == ""


def test_a_fault_is_found_told_mended_and_audited_by_the_commands(own_town: Town) -> None:
    first, second, _ = residents(own_town)
    own_town.execute("session", RICHER, {"player": second})
    drift = {"player": second, "invariant": "I1", "what": "gold", "id": None}

    seen = nesra(own_town, "verify", "--json")
    of_another = nesra(own_town, "verify", "--player", first)
    would = nesra(own_town, "repair", "--reason", "ticket 7")
    still = nesra(own_town, "verify")
    mended = nesra(own_town, "repair", "--apply", "--reason", "ticket 7")
    after = nesra(own_town, "verify")

    assert seen.code == 1
    assert told(seen) == [
        drift | {"stored": 30, "recomputed": 25},
        {"players": 3, "drifting_players": 1, "drifts": 1},
    ]
    assert of_another.code == 0
    assert (would.code, still.code) == (1, 1)
    assert f"{second}  I1   gold: stored 30, recomputed 25; would be mended: gold 25" in would.out
    assert (mended.code, after.code) == (0, 0)
    assert "All is right with 3 players." in after.out
    sql = "SELECT action, target::text, changes, reason FROM audit WHERE user_id = %s"
    assert own_town.rows("session", sql, second) == [
        ("repair.I1", second, {"gold": [30, "gold 25"]}, "ticket 7")
    ]


def test_every_player_is_seen_whatever_the_page_and_whichever_table_knows_them(
    own_town: Town,
) -> None:
    players = residents(own_town, 5)
    stranger = str(uuid.uuid4())
    own_town.execute(
        "world",
        "INSERT INTO credited_date VALUES (%(player)s, '2026-01-01', 'earned')",
        {"player": stranger},
    )

    with Reader(own_town.urls, page=2) as reader:
        pages = list(reader.pages())

    assert [len(page) for page in pages] == [2, 2, 2]
    assert [player for page in pages for player in page] == sorted([*players, stranger])
    assert list(drifts(own_town.urls, own_town.numbers)) == [
        Drift(stranger, "I11", "date", "2026-01-01", "earned", None)
    ]


def test_looking_changes_nothing_even_if_it_wanted_to(town: Town) -> None:
    with Reader(town.urls) as reader, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reader._connections["world"].execute("CREATE TABLE proof ()")


def test_an_open_town_under_play_gives_no_false_alarm(own_town: Town) -> None:
    players = [Player(own_town.sessions) for _ in range(4)]

    with ThreadPoolExecutor(len(players)) as threads:
        playing = [threads.submit(_play, player, sessions=15) for player in players]
        seen: list[Drift] = []
        while not all(done.done() for done in playing):
            seen += drifts(own_town.urls, own_town.numbers)
        seen += drifts(own_town.urls, own_town.numbers)

    assert [done.result() for done in playing] == [15] * 4
    assert seen == []


def _play(player: Player, *, sessions: int) -> int:
    for _ in range(sessions):
        player.focus(5)
    return sessions


def test_a_success_between_the_looks_at_two_databases_is_no_drift(town: Town) -> None:
    (player,) = residents(town, 1)
    with TornReader(town, lambda: Player(town.sessions, player).focus(5)) as reader:
        found = list(findings(reader, town.numbers, Progress("players"), player=player))

    assert [drift.what for drift in reader.torn] == [
        "drop of session",
        "session",
        "total_sessions_success",
    ]
    assert found == []


class TornReader(Reader):
    """Sees session as it was before something happened, and the others as they are after it, at the first look."""

    def __init__(self, town: Town, happen: Callable[[], object]) -> None:
        super().__init__(town.urls)
        self.torn: list[Drift] = []
        self._numbers = town.numbers
        self._happen = happen

    def read(self, players: Sequence[str]) -> Iterator[Facts]:
        (facts,) = super().read(players)
        if not self.torn:
            self._happen()
            (after,) = super().read(players)
            facts = replace(after, session=facts.session)
            self.torn = list(invariants.drifts(facts, self._numbers))
        yield facts


def test_what_changed_since_it_was_planned_is_left_as_it_is(town: Town) -> None:
    (player,) = residents(town, 1)
    town.execute("session", RICHER, {"player": player})
    with Reader(town.urls) as reader, Mender(town.urls, town.numbers, AUDIT) as mender:
        (finding,) = findings(reader, town.numbers, Progress("players"), player=player)
        plan = planned(finding.facts, finding.drifts, town.numbers)
        town.execute("session", "UPDATE hero SET gold = 26 WHERE user_id = %(player)s", {"player": player})  # fmt: skip

        done = mender.mend(finding.facts, plan)

    assert done == []
    assert town.rows("session", "SELECT gold FROM hero WHERE user_id = %s", player) == [(26,)]


def test_mending_twice_at_once_changes_it_once(town: Town) -> None:
    (player,) = residents(town, 1)
    town.execute("session", RICHER, {"player": player})
    with Reader(town.urls) as reader:
        (finding,) = findings(reader, town.numbers, Progress("players"), player=player)
    plan = planned(finding.facts, finding.drifts, town.numbers)

    def mend(_: int) -> int:
        with Mender(town.urls, town.numbers, AUDIT) as mender:
            return len(mender.mend(finding.facts, plan))

    assert sorted(at_once(4, mend)) == [0, 0, 0, 1]
    assert town.drifts(player) == []


def test_deliveries_are_listed_by_state_and_a_dead_one_is_put_back(own_town: Town) -> None:
    dead, failing, _ = residents(own_town)
    own_town.execute("session", GIVE_UP, {"player": dead})
    own_town.execute("session", POSTPONE, {"player": failing})

    listed = {line["user_id"]: line for line in told(nesra(own_town, "deliveries", "--json"))}
    retried = nesra(own_town, "deliveries", "retry", "--all-dead", "--reason", "fixed")
    own_town.sweeper.sweep()
    left = nesra(own_town, "deliveries")

    assert {user: line["state"] for user, line in listed.items()} == {
        dead: "dead",
        failing: "failing",
    }
    assert listed[failing]["attempts"] == 2
    assert (retried.code, retried.out.split()[0]) == (0, "1")
    assert left.out == ""
    delivery = listed[dead]["id"]
    stood = ["dead, 0 attempts, 0 refusals", "session delivered again"]
    sql = "SELECT action, target::text, changes, reason FROM audit"
    assert own_town.rows("session", sql) == [
        ("delivery.retry", delivery, {"delivery of session": stood}, "fixed")
    ]


def test_one_delivery_is_put_back_by_its_id_and_an_unknown_one_is_told(town: Town) -> None:
    (player,) = residents(town, 1)
    town.execute("session", GIVE_UP, {"player": player})
    ((session,),) = town.rows("session", "SELECT id::text FROM session WHERE user_id = %s", player)

    found = nesra(town, "deliveries", "retry", session)
    unknown = nesra(town, "deliveries", "retry", str(uuid.uuid4()))

    assert (found.code, unknown.code) == (0, 1)
    sql = "SELECT settle_after <= now(), settle_attempts FROM session WHERE user_id = %s"
    assert town.rows("session", sql, player) == [(True, 0)]


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "--player", "somebody"],
        ["repair", "--apply"],
        ["repair", "--reason", " "],
        ["deliveries", "retry"],
        ["deliveries", "retry", "--all-dead", str(uuid.uuid4())],
    ],
)
def test_a_command_that_makes_no_sense_is_refused(town: Town, words: list[str]) -> None:
    assert nesra(town, *words).code == 2


def test_a_database_that_is_none_of_ours_is_one_sentence(town: Town, server_url: str) -> None:
    wrong = Town(town.sessions, town.sweeper, dict.fromkeys(town.urls, server_url), town.rules, town.numbers)  # fmt: skip

    done = nesra(wrong, "verify")

    assert done.code == 2
    assert done.error == 'The databases cannot be used: relation "rules_version" does not exist.\n'
