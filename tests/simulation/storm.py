"""One seed from beginning to end: play in a storm, fair weather, rest, judgement."""

import secrets
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import structlog

from services.kit import batches, shards
from services.session.settle import LONGEST_BACK_OFF_S, REFUSALS
from tests.simulation.checks import Watch, wrongs
from tests.simulation.misfortune import Misfortune
from tests.simulation.players import Player, Seen
from tests.simulation.town import Parts, Town

# What is promised: so long after any fault has healed, everything is settled.
CONVERGED_S = 30.0
STORM_S = 25.0
# A player's last try, and the last late message, end well within.
QUIET_S = 60.0
# As in every test; fixed here for a seed that is run by itself.
SHARDS = 8
# What a log tells of an exception that nobody foresaw.
BUGS = frozenset({"batch_broke", "sweep_broke", "handler_broke"})


@dataclass(frozen=True)
class Outcome:
    """What became of a seed."""

    wrongs: list[str]
    trace: list[str]
    digest: str
    # How often what happened, to see that a seed was worth running.
    counts: dict[str, int] = field(default_factory=dict)


def simulated(seed: int, parts: Parts | None = None) -> Outcome:
    """Runs a seed. The same seed has the same outcome, always and everywhere."""
    watch = Watch()
    town = Town(seed, parts or Parts(), watch)
    seen = Seen()
    with _determined(town):
        try:
            found = _played(town, seen)
        except BaseException as error:
            error.add_note(f"in seed {seed}, after {town.scheduler.trace[-1]}")
            raise
        finally:
            town.scheduler.close()
    return Outcome(
        [*watch.wrongs, *found],
        town.scheduler.trace,
        town.scheduler.digest(),
        _counts(town, seen),
    )


def _played(town: Town, seen: Seen) -> list[str]:
    players = [Player(town, user, seen) for user in _users(town)]
    Misfortune(town)
    town.wait_until(lambda: all(p.is_done for p in players), within_s=STORM_S)
    town.weather.clear_up()
    town.scheduler.note("the weather clears up")
    left = _unsettled(town)
    town.wait_until(lambda: left.isdisjoint(_unsettled(town)), within_s=CONVERGED_S)
    late = [
        f"R7: {session} is not settled {CONVERGED_S} s after the weather cleared up"
        for session in sorted(left & _unsettled(town))
    ]
    town.wait_until(lambda: all(p.is_done for p in players), within_s=QUIET_S)
    town.wait_until(lambda: not _unsettled(town), within_s=CONVERGED_S)
    _bury(town)
    return [*late, *wrongs(town, seen)]


def _users(town: Town) -> list[str]:
    """Two or three players, of one shard or of several."""
    step = town.dice.choice((1, 8))
    return [
        f"00000000-0000-4000-8000-{step * number:012x}"
        for number in range(1, town.dice.randint(2, 3) + 1)
    ]


def _unsettled(town: Town) -> set[str]:
    """What is paid, and neither settled nor poisoned."""
    poisoned = {session for _, session in town.weather.poisoned}
    return {
        row.id
        for row in town.session.table("session").values()
        if row.status == "success" and row.settled_at is None and row.id not in poisoned
    }


def _bury(town: Town) -> None:
    """Lets the sweepers try what is poisoned until they give up."""

    def is_dead() -> bool:
        return all(
            row.status != "success" or row.settled_at is not None or row.settle_after is None
            for row in town.session.table("session").values()
        )

    for _ in range(REFUSALS + 2):
        if town.wait_until(is_dead, within_s=2.0):
            return
        town.weather.calendar.leap(timedelta(seconds=LONGEST_BACK_OFF_S))


@contextmanager
def _determined(town: Town) -> Iterator[None]:
    """Luck comes from the seed, and no clock of this machine decides anything."""

    def event(_: Any, method: str, said: MutableMapping[str, Any]) -> Any:
        town.scheduler.note(f"{method}: {said['event']}")
        if said["event"] in BUGS and not town.weather.poisoned:
            town.network.broken.append(f"{said['event']}: {said.get('exc_info')}")
        raise structlog.DropEvent

    before = structlog.get_config()
    with ExitStack() as stack:
        stack.enter_context(patch.object(secrets, "randbits", town.dice.getrandbits))
        stack.enter_context(patch.object(secrets, "token_bytes", town.dice.randbytes))
        stack.enter_context(patch.object(batches, "SINGLY_WITHIN_S", float("inf")))
        stack.enter_context(patch.object(shards, "COUNT", SHARDS))
        stack.callback(lambda: structlog.configure(**before))
        structlog.configure(processors=[event])
        yield


def _counts(town: Town, seen: Seen) -> dict[str, int]:
    rows = town.session.table("session").values()
    told = "\n".join(town.scheduler.trace)
    return {
        "successes": sum(row.status == "success" for row in rows),
        "cancelled": sum(row.status == "cancel" for row in rows),
        "timed out": sum(row.status == "timeout" for row in rows),
        "answers": len(seen.completions),
        "replays": sum(completion.replayed for completion in seen.completions),
        "answers before all was settled": sum(not c.settled for c in seen.completions),
        "leases": sum(row.settle_attempts for row in rows),
        "dead letters": sum(row.settle_refusals == REFUSALS for row in rows),
        "waits for a lock": told.count("waits for "),
        "crashes": told.count(" dies"),
        "outages": told.count(" is back"),
        "clocks set": told.count("the clock of "),
        "calendars read for a late session": told.count("read_dates"),
    }
