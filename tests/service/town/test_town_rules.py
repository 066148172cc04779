"""The rules change while the town is played; what was paid is what the recorded version says."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event

import psycopg
import pytest

from protos.session.v1 import session_pb2 as pb
from services.kit.rulesfile import RulesFile
from services.kit.settings import RULES
from services.kit.times import rfc3339
from tests import season
from tests.service.session.players import Player
from tests.service.town.command import Said, nesra, settings_of
from tests.service.town.conftest import Town
from town.editions import numbers_of
from town.facts import PLAYED
from town.numbers import SHAPES
from town.verify import drifts

SHIPPED = RULES.read_text()
SWAPS = 20
PLAYERS = 6
# Far more than it takes, also on a machine that is busy with other tests.
PATIENCE_S = 60.0


def edition(number: int) -> str:
    """Rules by which every reward tells that it was paid by them."""
    return (
        SHIPPED.replace("exp_per_minute = 2", f"exp_per_minute = {number}")
        .replace("gold_per_minute = 1", f"gold_per_minute = {3 * number}")
        .replace("drop_chance = 1000", f"drop_chance = {400 * number}")
    )


def replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def await_that(fact: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < until
        time.sleep(0.01)


def version_in_use(town: Town) -> str:
    version: str = town.sessions.GetDropChance(pb.GetDropChanceRequest()).rules_version
    return version


def nesra_rules(town: Town, *words: str) -> Said:
    """What `nesra rules` says, with the town's databases in its environment."""
    settings = settings_of(town.urls) | {"NESRA_RULES": str(town.rules)}
    return nesra(settings, "rules", *words)


def test_rules_are_swapped_twenty_times_under_load_without_an_error(busy_town: Town) -> None:
    paid: list[pb.Completion] = []
    texts = {RulesFile("", text.encode()).version: n for n, text in _editions()}
    closed = Event()

    def play(_: int) -> str:
        player = Player(busy_town.sessions)
        while not closed.is_set():
            paid.append(player.focus())
        return player.id

    def await_rewards_by(version: str) -> None:
        await_that(lambda: any(c.drop_proof.rules_version == version for c in list(paid)))

    with ThreadPoolExecutor(PLAYERS) as threads:
        players = [threads.submit(play, number) for number in range(PLAYERS)]
        try:
            for _, text in _editions():
                replace(busy_town.rules, text)
                await_rewards_by(RulesFile("", text.encode()).version)
        finally:
            closed.set()
        ids = [player.result() for player in players]

    for completion in paid:
        number = texts.get(completion.drop_proof.rules_version)
        if number is not None:
            rewards = (completion.session.reward_exp, completion.session.reward_gold)
            assert rewards == (25 * number, 75 * number)
            assert completion.drop_proof.chance == 400 * number
    assert texts.keys() <= {completion.drop_proof.rules_version for completion in paid}
    _assert_kept_and_right(busy_town, ids)


def _editions() -> list[tuple[int, str]]:
    return [(number, edition(number)) for number in range(1, SWAPS + 1)]


def _assert_kept_and_right(town: Town, players: list[str]) -> None:
    """Every version was kept by its service before its first reward, and all balances are right."""
    early = """
        SELECT count(*) FROM session LEFT JOIN rules_version ON version = rules_version
        WHERE status = 'success' AND (content IS NULL OR first_used_at > clock_timestamp())
    """
    assert town.rows("session", early) == [(0,)]
    for service in PLAYED:
        ((count,),) = town.rows(service, "SELECT count(*) FROM rules_version")
        assert count >= SWAPS if service == "session" else count > 1
    numbers = numbers_of(town.urls)
    town.sweeper.sweep()
    for player in players:
        assert list(drifts(town.urls, numbers, player=player)) == []
        for session in Player(town.sessions, player).history():
            # Of the very version that paid it, whichever is in use by now.
            assert session.receipt.base_exp == session.reward_exp


@pytest.mark.parametrize(
    ("service", "written", "instead", "told"),
    [
        ("session", "exp_per_level = 100", "exp_per_level = 120", "session.exp_per_level must"),
        ("world", "sessions = 15", "sessions = 16", "line 54: world.upgrades would leave build"),
    ],
)
def test_what_would_lower_players_is_refused_looked_up_and_accepted(
    busy_town: Town, service: str, written: str, instead: str, told: str
) -> None:
    residents = [Player(busy_town.sessions) for _ in range(2)]
    for player in residents:
        player.settled()
    before = version_in_use(busy_town)
    lower = busy_town.rules.read_text().replace(written, instead)
    replace(busy_town.rules, lower)
    version = RulesFile("", lower.encode()).version

    checked = nesra_rules(busy_town, "check")
    compared = nesra_rules(busy_town, "check", "--town")
    accepted = nesra_rules(busy_town, "accept", "--reason", "ticket 7")
    await_that(
        lambda: (
            all(_latest(busy_town, each) == version for each in PLAYED)
            and version_in_use(busy_town) == version
        )
    )
    listed = nesra_rules(busy_town, "list", "--json")
    shown = nesra_rules(busy_town, "show", before)

    assert (checked.code, compared.code, accepted.code) == (0, 1, 0)
    assert told in compared.error
    first, second = (json.loads(line) for line in listed.out.splitlines())
    assert (first["version"], second["version"]) == (version, before)
    assert first["in_use_by"] == sorted(SHAPES)
    assert second["in_use_by"] == []
    assert RulesFile("", shown.out.encode()).version == before
    ((actor, reason, changes),) = busy_town.rows(
        service, "SELECT actor, reason, changes FROM audit WHERE action = 'rules.accept'"
    )
    assert actor.startswith("operator ")
    assert (reason, changes) == ("ticket 7", {"version": [before, version]})


def _latest(town: Town, service: str) -> str:
    """The version that a service took up last."""
    rows = town.rows(service, "SELECT version FROM rules_version ORDER BY last_used_at DESC")
    return str(rows[0][0])


def test_verify_judges_by_the_rules_in_use_and_not_by_a_file_that_was_refused(
    own_town: Town,
) -> None:
    player = Player(own_town.sessions)
    player.focus()
    replace(own_town.rules, SHIPPED.replace("exp_per_level = 100", "exp_per_level = 7"))

    # On a busy machine world is told a little later.
    numbers = numbers_of(own_town.urls)
    await_that(lambda: not list(drifts(own_town.urls, numbers, player=player.id)))


def test_before_any_service_kept_rules_those_of_the_file_are_used(
    own_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NESRA_RULES", str(own_town.rules))
    for service in PLAYED:
        with psycopg.connect(own_town.urls[service]) as connection:
            connection.execute("DELETE FROM rules_version")

    assert numbers_of(own_town.urls).session.drop_chance == 10_000


def test_a_version_that_nobody_used_is_not_shown(town: Town) -> None:
    unknown = nesra_rules(town, "show", "ffffffffffff")

    assert unknown == (1, "", "No service used version ffffffffffff.\n")


def test_a_file_with_mistakes_is_checked_with_all_of_them_and_exit_code_1(town: Town) -> None:
    done = nesra_rules(town, "check", str(RULES.parent / "inventory" / "catalogue.toml"))
    right = nesra_rules(town, "check", str(RULES))

    assert done.code == 1
    assert ", line 1: session is missing" in done.error
    assert ", line 1: world is missing" in done.error
    assert right.code == 0
    assert RulesFile("", RULES.read_bytes()).version in right.out


def test_a_check_tells_the_events_of_a_file_and_names_those_that_clash(
    town: Town, tmp_path: Path
) -> None:
    hour = timedelta(hours=1)
    later = season.event(season.ENDS, season.ENDS + hour, id='"later"', drop_chance=None)
    clash = season.event(season.ENDS - hour, season.ENDS + hour, id='"clash"')
    right, wrong = tmp_path / "right.toml", tmp_path / "wrong.toml"
    right.write_text(season.rules_with(later, season.event()))
    wrong.write_text(season.rules_with(season.event(), clash))

    told, refused = (nesra_rules(town, "check", str(path)) for path in (right, wrong))

    _, first, second = told.out.splitlines()
    assert first.startswith(f"Event midsummer (Midsummer) from {rfc3339(season.STARTS)} until")
    assert first.endswith(": exp 150 %, gold 250 %, drop chance 7000 of 10,000.")
    assert second.startswith("Event later")
    assert second.endswith(": exp 150 %, gold 250 %.")
    assert (told.code, refused.code) == (0, 1)
    assert refused.error.endswith("events.1 overlaps events.0\n")


def test_a_command_that_cannot_look_exits_with_2(town: Town) -> None:
    nowhere = dict.fromkeys(town.urls, "postgresql://127.0.0.1:1/nobody")
    away = Town(town.sessions, town.sweeper, nowhere, town.rules, town.numbers)

    done = nesra_rules(away, "list")

    assert done.code == 2
    assert "cannot be reached" in done.error
