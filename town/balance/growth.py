"""Of the report: how players grow, and how long it takes until they come to something."""

from collections.abc import Mapping, Sequence
from typing import Final

from town.balance import page, plots
from town.balance.crowd import Run
from town.balance.figures import Folk, Milestone
from town.balance.plots import Dots, Line
from town.balance.svg import number

# Title and unit of each curve.
CURVES: Final = {
    "level": ("Levels", "level"),
    "gold": ("Gold in hand", "gold"),
    "items": ("The collection", "items owned"),
}
SAID: Final = "The middle player of each strategy in the evening of each day; eight of ten players are within the band."
NO_MARK: Final = "Where there is no mark, half of the players never come there."
# Rows of the table beside a curve.
EVENINGS: Final = 12


def curve(name: str, folks: Sequence[Folk]) -> str:
    """Return how one of the CURVES goes with each strategy."""
    title, unit = CURVES[name]
    drawn = plots.lines(title, unit, [_line(folk, name) for folk in folks])
    names = _names(folks)
    return page.plot(
        title,
        SAID,
        drawn,
        page.legend(names, "line"),
        page.folded("The figures", _evenings(name, folks)),
    )


def rooms(run: Run, folks: Sequence[Folk]) -> str:
    """Return when rooms reach their levels."""
    names = {
        (
            upgrade.room,
            upgrade.level,
        ): f"{upgrade.room} {upgrade.level} ({upgrade.sessions} sessions)"
        for upgrade in run.game.world.upgrades
    }
    milestones = {f.strategy.name: {names[p]: m for p, m in f.rooms.items()} for f in folks}
    return _milestones("Until a room grows", NO_MARK, milestones, run.days)


def prices(run: Run, folks: Sequence[Folk]) -> str:
    """Return when a first item of each rarity could be paid for, and when there is nothing left to want."""
    price = run.game.inventory.shop.price_gold
    milestones = {
        folk.strategy.name: {
            **{f"{rarity} ({price.of(rarity)} gold)": m for rarity, m in folk.afforded.items()},
            "everything is owned": folk.everything,
        }
        for folk in folks
    }
    said = f"A price: when so much was earned, spent or not. {NO_MARK}"
    return _milestones("Until something can be bought", said, milestones, run.days)


def _line(folk: Folk, name: str) -> Line:
    evenings = folk.evenings[name]
    return Line(
        folk.strategy.name,
        [evening.p50 for evening in evenings],
        [evening.p10 for evening in evenings],
        [evening.p90 for evening in evenings],
    )


def _evenings(name: str, folks: Sequence[Folk]) -> str:
    days = len(folks[0].evenings[name])
    step = -(-days // EVENINGS)
    listed = sorted({*range(step - 1, days, step), days - 1})
    rows = [[str(day + 1), *(_spread(folk, name, day) for folk in folks)] for day in listed]
    return page.table("The middle player, and in brackets the band.", ["day", *_names(folks)], rows)


def _spread(folk: Folk, name: str, day: int) -> str:
    spread = folk.evenings[name][day]
    return f"{number(spread.p50)} ({number(spread.p10)} to {number(spread.p90)})"


def _milestones(
    title: str, said: str, by_strategy: Mapping[str, Mapping[str, Milestone]], days: int
) -> str:
    rows = [
        Dots(name, {place: m.day for place, m in milestones.items()})
        for name, milestones in by_strategy.items()
    ]
    drawn = plots.dots(title, "day, for the middle player", rows, low=1, high=max(2, days))
    places = list(next(iter(by_strategy.values())))
    cells = [
        [name, *(_told(milestones[place]) for place in places)]
        for name, milestones in by_strategy.items()
    ]
    table = page.table("The middle player's day and focused hours.", ["strategy", *places], cells)
    return page.plot(
        title, said, drawn, page.legend(places, "dot"), page.folded("The figures", table)
    )


def _told(milestone: Milestone) -> str:
    if milestone.day is None:
        return f"{milestone.share:.0%} of players"
    return f"day {milestone.day}, {number(round(milestone.focus_hours or 0, 1))} h"


def _names(folks: Sequence[Folk]) -> list[str]:
    return [folk.strategy.name for folk in folks]
