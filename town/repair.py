"""Mend what `nesra verify` names. Without --apply it only tells what it would do.

Nothing that happened is deleted without a trace: each change leaves an entry in the audit trail beside it. What
was lost is delivered again by the town itself, so an open town must sweep before all is clear.
Exit code 0: nothing is left to mend; 1: something is; 2: it cannot look.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Final, Self

from services.kit.audit import LONGEST_REASON
from town import invariants
from town.audit import Audit, operator
from town.databases import told_in_one_sentence
from town.editions import numbers_of
from town.facts import PLAYED, Facts
from town.invariants import Drift
from town.mending import Change, LeftAlone, Mend, mends
from town.numbers import Numbers
from town.progress import Progress
from town.reach import urls_of_town
from town.reading import FACTS, Connection, Reader, connection_of, database_now
from town.verify import findings, player_id, sentence

# Session last: what it delivers again shall meet mended receivers.
ORDER: Final = ("inventory", "world", "session")

# The row that stands for the player, and before it, as the service itself does it, the sessions that change.
LOCK: Final = {
    "session": (
        """
        SELECT FROM session
        WHERE session.user_id = %(user_id)s AND session.id = ANY (%(ids)s::uuid[])
        ORDER BY id FOR UPDATE
        """,
        "SELECT FROM hero WHERE hero.user_id = %(user_id)s FOR UPDATE",
        """
        SELECT FROM purchase
        WHERE purchase.user_id = %(user_id)s AND purchase.id = ANY (%(ids)s::uuid[])
        ORDER BY id FOR UPDATE
        """,
    ),
    "inventory": (
        "INSERT INTO wardrobe (user_id) VALUES (%(user_id)s) ON CONFLICT (user_id) DO NOTHING",
        "SELECT FROM wardrobe WHERE wardrobe.user_id = %(user_id)s FOR UPDATE",
    ),
    "world": ("SELECT FROM world_state WHERE world_state.user_id = %(user_id)s FOR UPDATE",),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take whom to mend, whether to do it, and why."""
    parser.add_argument("--player", metavar="ID", type=player_id, help="mend this player alone")
    parser.add_argument("--apply", action="store_true", help="do it, instead of telling it")
    parser.add_argument(
        "--reason", metavar="TEXT", type=reason, required=True, help="why: it stands in every entry"
    )


def reason(text: str) -> str:
    """Return why something is changed. Raises ArgumentTypeError when it is empty or too long."""
    if not 1 <= len(text.strip()) <= LONGEST_REASON:
        message = f"the reason has from 1 to {LONGEST_REASON} characters"
        raise argparse.ArgumentTypeError(message)
    return text.strip()


def run(arguments: argparse.Namespace) -> int:
    """Tell what would mend the town, or do it. Returns 0 when nothing is left, 1 otherwise; raises CannotOpen."""
    urls = urls_of_town(PLAYED)
    audit, left = Audit(arguments.reason, operator()), 0
    with told_in_one_sentence():
        numbers = numbers_of(urls)
    with (
        told_in_one_sentence(),
        Reader(urls) as reader,
        Mender(urls, numbers, audit) as mender,
        Progress("players") as progress,
    ):
        for finding in findings(reader, numbers, progress, player=arguments.player):
            plan = planned(finding.facts, finding.drifts, numbers)
            done = mender.mend(finding.facts, plan) if arguments.apply else []
            left += len(plan) - len(done)
            for mend in plan:
                progress.say(_line(mend, _outcome(mend, done, has_tried=arguments.apply)))
    print(_summary(progress.done, left, has_tried=arguments.apply))
    return 1 if left else 0


class Mender:
    """Mends players of the town at `urls`, in one transaction per player and database."""

    def __init__(self, urls: Mapping[str, str], numbers: Numbers, audit: Audit) -> None:
        self._urls = urls
        self._numbers = numbers
        self._audit = audit
        self._stack = ExitStack()
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> Self:
        """Connect. Raises DatabaseFailed."""
        with ExitStack() as stack:
            for service in ORDER:
                connection = stack.enter_context(connection_of(service, self._urls))
                self._connections[service] = connection
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._stack.close()

    def mend(self, facts: Facts, plan: Sequence[Mend]) -> list[Change]:
        """Make the changes of a plan, and return those that were made: not what changed meanwhile."""
        changes = [mend for mend in plan if isinstance(mend, Change)]
        done = []
        for service in ORDER:
            ours = [change for change in changes if change.service == service]
            if ours:
                done += self._mend(self._connections[service], service, facts, ours)
        return done

    def _mend(
        self, connection: Connection, service: str, facts: Facts, changes: Sequence[Change]
    ) -> list[Change]:
        with connection.transaction():
            _lock(connection, service, facts.player, changes)
            (fresh,) = FACTS[service](connection, [facts.player])
            seen: Facts = replace(facts, **{service: fresh})
            again = planned(seen, invariants.drifts(seen, self._numbers), self._numbers)
            now = database_now(connection)
            due = [change for change in changes if change in again]
            for change in due:
                self._audit.apply(connection, change, f"repair.{change.drift.invariant}", now=now)
        return due


def planned(facts: Facts, drifts: Iterable[Drift], numbers: Numbers) -> list[Mend]:
    """Return all that is to be done about a player's drifts."""
    return [mend for drift in drifts for mend in mends(drift, facts, numbers)]


def _lock(connection: Connection, service: str, player: str, changes: Sequence[Change]) -> None:
    """Hold the player still in one database, so that what is read next stays true."""
    ids = [change.values["id"] for change in changes if "id" in change.values]
    for statement in LOCK[service]:
        connection.execute(statement, {"user_id": player, "ids": ids})


def _outcome(mend: Mend, done: Sequence[Change], *, has_tried: bool) -> str:
    if isinstance(mend, LeftAlone):
        return f"left alone: {mend.why}"
    if mend in done:
        return f"mended: {mend.result}"
    return "changed meanwhile: repeat" if has_tried else f"would be mended: {mend.result}"


def _line(mend: Mend, outcome: str) -> str:
    return f"{sentence(mend.drift)}; {outcome}"


def _summary(players: int, left: int, *, has_tried: bool) -> str:
    if left == 0:
        return f"Nothing is left to mend with {players:,} players."
    if has_tried:
        return f"{left:,} entries are left; docs/running.md says what to do."
    return f"{left:,} entries. Nothing was changed: add --apply to mend what can be mended."
