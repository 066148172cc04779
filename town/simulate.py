"""Play the game with thousands of simulated players, and report how its rules pay.

Needs no town: it plays with the services' own rule functions. Writes report.html and the figures as CSV. Equal arguments
give equal files. With --rules a designer sees what other numbers would do.
"""

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Final

from services.kit.settings import RULES
from town.balance.crowd import Run, lives
from town.balance.exploit import Finding, findings
from town.balance.figures import folks
from town.balance.game import game_of
from town.balance.play import FIRST_DAY, Lived
from town.balance.report import events, report
from town.balance.tables import Players, day_rows, opened, strategy_rows, write_rows
from town.failures import CannotOpen
from town.progress import Progress

# The rarest strategies are four in a hundred players'.
FEWEST_PLAYERS: Final = 25
# As far as a sandbox's clock goes.
MOST_DAYS: Final = 3_650
YEARS: Final = range(2000, 2200)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take how many play for how long, by which rules, and where the report goes."""
    parser.add_argument("--players", type=_whole(FEWEST_PLAYERS), default=1_000)
    parser.add_argument("--days", type=_whole(1, MOST_DAYS), default=365)
    parser.add_argument("--seed", type=int, default=1, help="another one for other luck")
    parser.add_argument("--rules", type=Path, help="a rules file; that of NESRA_RULES unless given")
    parser.add_argument(
        "--from",
        dest="first_day",
        metavar="DATE",
        type=_day,
        default=FIRST_DAY,
        help=f"the first day, to see events of other days; {FIRST_DAY} unless given",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("balance"), help="a folder; balance/ unless given"
    )
    parser.add_argument(
        "--processes",
        type=_whole(1),
        default=os.cpu_count() or 1,
        help="as many as there are cores, unless given",
    )


def run(arguments: argparse.Namespace) -> int:
    """Play, write the report, and tell what was found. Returns 0; raises CannotOpen."""
    rules = arguments.rules or Path(os.environ.get("NESRA_RULES") or RULES)
    asked = Run(
        arguments.players, arguments.days, arguments.seed, game_of(rules), arguments.first_day
    )
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
        found = simulated(asked, arguments.output, arguments.processes)
    except OSError as error:
        sentence = f"The report cannot be written to {arguments.output}: {error.strerror}."
        raise CannotOpen(sentence) from error
    print(events(asked))
    for finding in found:
        flag = f"FLAGGED ({finding.times()} the middle)  " if finding.is_flagged else ""
        print(f"{flag}{finding.sentence()}")
    print(f"The report is {arguments.output / 'report.html'}.")
    return 0


def simulated(asked: Run, folder: Path, processes: int) -> list[Finding]:
    """Play a run, write everything into the folder, and return what was found. Raises CannotOpen, OSError."""
    with (
        opened(folder / "players.csv") as file,
        closing(lives(asked, processes)) as each,
        Progress("sessions") as progress,
    ):
        progress.expect(asked.expected_sessions())
        table = Players(file, asked.game.world)
        all_folks = list(folks(asked, table.written(_seen(each, progress))))
    found = findings(all_folks)
    write_rows(folder / "days.csv", day_rows(all_folks))
    write_rows(folder / "strategies.csv", strategy_rows(all_folks))
    with opened(folder / "report.html") as file:
        file.write(report(asked, all_folks, found))
    return found


def _seen(each: Iterable[Lived], progress: Progress) -> Iterator[Lived]:
    for lived in each:
        progress.add(lived.sessions)
        yield lived


def _day(text: str) -> date:
    """Return a date that leaves room for any number of days."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        message = "must be a date, as 2026-12-01 is"
        raise argparse.ArgumentTypeError(message) from None
    if day.year not in YEARS:
        message = f"must be in the years from {YEARS[0]} to {YEARS[-1]}"
        raise argparse.ArgumentTypeError(message)
    return day


def _whole(lowest: int, highest: int | None = None) -> Callable[[str], int]:
    """Return what reads a whole number within bounds."""

    def read(text: str) -> int:
        number = int(text)
        if number < lowest or (highest is not None and number > highest):
            bounds = f"from {lowest}" + (f" to {highest}" if highest is not None else "")
            message = f"must be {bounds}"
            raise argparse.ArgumentTypeError(message)
        return number

    read.__name__ = "whole number"
    return read
