"""The figures as CSV: one row per player, per strategy and day, per strategy. Equal runs give equal bytes."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from services.inventory.rules import RARITIES
from services.world.rules import Rules
from town.balance.exploit import MEASURES
from town.balance.figures import Folk, Milestone, Spread
from town.balance.play import CURVES, Lived, Reached

Row = dict[str, Any]
# Those columns of players.csv that are the fields of a Lived.
OF_A_LIFE: Final = (
    "number",
    "strategy",
    "home",
    "moves",
    "days_played",
    "sessions",
    "focus_minutes",
    "wall_minutes",
    "level",
    "exp",
    "gold_earned",
    "gold_spent",
    "drops",
    "bought",
    "items",
    "streak",
    "longest_streak",
    "first_drop",
    "longest_drought",
)


class Players:
    """players.csv, written row by row, so that nobody must keep them all."""

    def __init__(self, file: TextIO, rules: Rules) -> None:
        upgrades = sorted(rules.upgrades, key=lambda upgrade: upgrade.sessions)
        self._rooms = [(upgrade.room, upgrade.level) for upgrade in upgrades]
        self._out = csv.writer(file, lineterminator="\n")
        self._out.writerow(
            [
                *OF_A_LIFE,
                *(f"{room}_{level}_day" for room, level in self._rooms),
                *(f"{rarity}_affordable_day" for rarity in RARITIES),
                "everything_owned_day",
            ]
        )

    def written(self, lives: Iterable[Lived]) -> Iterator[Lived]:
        """Pass on each life, once its row is written."""
        for lived in lives:
            reached = [
                *(lived.rooms.get(place) for place in self._rooms),
                *(lived.afforded.get(rarity) for rarity in RARITIES),
                lived.everything,
            ]
            own = [_number(getattr(lived, name)) for name in OF_A_LIFE]
            self._out.writerow([*own, *(_day(when) for when in reached)])
            yield lived


def day_rows(folks: Iterable[Folk]) -> Iterator[Row]:
    """Return the rows of days.csv: how a strategy's players stand in the evening of each day."""
    for folk in folks:
        for day, evening in enumerate(zip(*(folk.evenings[c] for c in CURVES), strict=True), 1):
            row: Row = {"strategy": folk.strategy.name, "day": day, "players": folk.players}
            for curve, spread in zip(CURVES, evening, strict=True):
                row |= _spread(curve, spread)
            yield row


def strategy_rows(folks: Iterable[Folk]) -> Iterator[Row]:
    """Return the rows of strategies.csv. An empty place: fewer than half of the players came there."""
    for folk in folks:
        row: Row = {
            "strategy": folk.strategy.name,
            "players": folk.players,
            "days_played": _number(folk.days_played),
            "sessions": folk.sessions,
            "focus_hours": _number(folk.focus_hours),
            "wall_hours": _number(folk.wall_hours),
            "drops": folk.drops,
            "bought": _number(folk.bought),
        }
        for measure in MEASURES:
            row[f"{measure}_per_focus_hour"] = _number(getattr(folk.per_focus_hour, measure))
            row[f"{measure}_per_wall_hour"] = _number(getattr(folk.per_wall_hour, measure))
        for (room, level), milestone in folk.rooms.items():
            row |= _milestone(f"{room}_{level}", milestone)
        for rarity, milestone in folk.afforded.items():
            row |= _milestone(f"{rarity}_affordable", milestone)
        row |= _milestone("everything_owned", folk.everything)
        row |= _spread("longest_streak", folk.longest_streak)
        yield row | _spread("longest_drought", folk.longest_drought)


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows that all have the same columns; there is at least one."""
    listed = list(rows)
    with opened(path) as file:
        out = csv.DictWriter(file, listed[0], lineterminator="\n")
        out.writeheader()
        out.writerows(listed)


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Write a file that stands there when all of it does: an interrupted run leaves the one before."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _spread(name: str, spread: Spread) -> Row:
    return {f"{name}_{field}": _number(value) for field, value in spread._asdict().items()}


def _milestone(name: str, milestone: Milestone) -> Row:
    return {
        f"{name}_share": _number(milestone.share),
        f"{name}_day": _number(milestone.day),
        f"{name}_focus_hours": _number(milestone.focus_hours),
    }


def _day(reached: Reached | None) -> str:
    return "" if reached is None else str(reached.day)


def _number(value: float | str | None) -> str:
    """Return a number with at most four decimals, the same on every machine."""
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return "" if value is None else str(value)
