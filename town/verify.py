"""Recompute what the town promises from the rows that never change, player by player, and name every drift.

Changes nothing, and may look at an open town. Exit code 0: all clear; 1: something drifted; 2: it cannot look.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from services.kit.ids import is_canonical
from town import invariants
from town.databases import told_in_one_sentence
from town.editions import numbers_of
from town.facts import PLAYED, Facts
from town.invariants import Drift
from town.numbers import Numbers
from town.progress import Progress
from town.reach import urls_of_town
from town.reading import Reader


@dataclass(frozen=True, slots=True)
class Finding:
    """A player with drifts, and the facts that they were found in."""

    facts: Facts
    drifts: list[Drift]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take the player to look at, and the form of what is said."""
    parser.add_argument("--player", metavar="ID", type=player_id, help="look at this player alone")
    parser.add_argument(
        "--json", action="store_true", help="one JSON object per drift, and one of the whole"
    )


def run(arguments: argparse.Namespace) -> int:
    """Look at all players, or one. Returns 0 when all is clear, 1 when not; raises CannotOpen."""
    urls = urls_of_town(PLAYED)
    drifting = found = 0
    with told_in_one_sentence(), Reader(urls) as reader, Progress("players") as progress:
        numbers = numbers_of(urls)
        for finding in findings(reader, numbers, progress, player=arguments.player):
            drifting, found = drifting + 1, found + len(finding.drifts)
            for drift in finding.drifts:
                progress.say(as_json(drift) if arguments.json else sentence(drift))
    whole = {"players": progress.done, "drifting_players": drifting, "drifts": found}
    print(json.dumps(whole) if arguments.json else _summary(**whole))
    return 1 if found else 0


def drifts(
    urls: Mapping[str, str], numbers: Numbers, *, player: str | None = None
) -> Iterator[Drift]:
    """Return every drift of the town at `urls`, by service, or of one player. Raises DatabaseFailed."""
    with Reader(urls) as reader:
        for finding in findings(reader, numbers, Progress("players"), player=player):
            yield from finding.drifts


def findings(
    reader: Reader, numbers: Numbers, progress: Progress, *, player: str | None = None
) -> Iterator[Finding]:
    """Return the players with drifts, in order, and count all who were looked at."""
    if progress.is_seen:
        progress.expect(1 if player else reader.count())
    for page in [[player]] if player else reader.pages():
        yield from _confirmed(reader, page, numbers)
        progress.add(len(page))


def sentence(drift: Drift) -> str:
    """Return a drift as a line for people."""
    what = f"{drift.what} {drift.id}" if drift.id else drift.what
    return f"{drift.player}  {drift.invariant:3}  {what}: stored {drift.stored}, recomputed {drift.recomputed}"


def as_json(drift: Drift) -> str:
    """Return a drift as a line for programs."""
    return json.dumps(asdict(drift))


def player_id(text: str) -> str:
    """Return the id as it was given. Raises ArgumentTypeError when it can be nobody's."""
    if not is_canonical(text):
        message = f"{text!r} is no id of a player"
        raise argparse.ArgumentTypeError(message)
    return text


def _confirmed(reader: Reader, players: list[str], numbers: Numbers) -> Iterator[Finding]:
    """Return what is seen twice: an open town changes between the looks at its databases (see Reader.read)."""
    first = {
        found.facts.player: set(found.drifts) for found in _found(reader.read(players), numbers)
    }
    for found in _found(reader.read(list(first)) if first else (), numbers):
        again = [drift for drift in found.drifts if drift in first[found.facts.player]]
        if again:
            yield Finding(found.facts, again)


def _found(all_facts: Iterable[Facts], numbers: Numbers) -> Iterator[Finding]:
    for facts in all_facts:
        seen = list(invariants.drifts(facts, numbers))
        if seen:
            yield Finding(facts, seen)


def _summary(*, players: int, drifting_players: int, drifts: int) -> str:
    if drifts == 0:
        return f"All is right with {players:,} players."
    return f"{drifts:,} drifts with {drifting_players:,} of {players:,} players; docs/running.md says what to do."
