"""The report of a simulation: what was found, drawn and written out, as a page."""

from collections.abc import Sequence
from datetime import timedelta
from html import escape
from typing import Final

from town.balance import page, plots
from town.balance.crowd import Run
from town.balance.exploit import MEASURES, THRESHOLD, Finding
from town.balance.figures import Folk
from town.balance.fortune import fortune
from town.balance.growth import CURVES, curve, prices, rooms
from town.balance.svg import number, tag

TITLE: Final = "How the rules of Nesra Town pay"
TIMES: Final = " \N{MULTIPLICATION SIGN}"
FILES: Final = ("players.csv", "days.csv", "strategies.csv")


def report(run: Run, folks: Sequence[Folk], found: Sequence[Finding]) -> str:
    """Return the page, which stands beside its CSV files."""
    files = ", ".join(tag("a", file, href=file) for file in FILES)
    return page.page(
        TITLE,
        page.heading(TITLE, 1),
        page.paragraph(_facts(run), class_="facts"),
        page.paragraph(events(run), class_="facts"),
        tag("p", f"All figures: {files}."),
        page.heading("Does one way to play pay too well?", 2),
        _findings(found),
        _exploit(folks, found),
        page.heading("How players grow", 2),
        tag("div", *(curve(name, folks) for name in CURVES), class_="plots"),
        page.heading("How long things take", 2),
        tag("div", rooms(run, folks), prices(run, folks), class_="plots"),
        page.heading("Are the drops fair?", 2),
        fortune(run, folks),
        page.heading("Who plays", 2),
        _habits(folks),
    )


def _facts(run: Run) -> str:
    return (
        f"{run.players:,} players, {run.days:,} days, seed {run.seed}, rules {run.game.version}, "
        f"{len(run.game.items)} items. Played with the rule functions of the services: the same run gives the same "
        "figures."
    )


def events(run: Run) -> str:
    """Return in words which events run on a run's days, and what is otherwise then."""
    days = f"the simulated days, {run.first_day} to {run.first_day + timedelta(days=run.days - 1)}"
    if not run.events():
        return f"No event runs on {days}."
    return f"On {days}, these run: {'; '.join(event.sentence() for event in run.events())}."


def _findings(found: Sequence[Finding]) -> str:
    lines = []
    for finding in found:
        words = escape(finding.sentence())
        if finding.is_flagged:
            flag = tag("strong", f"Flagged, {escape(finding.times())} the middle of the others.")
            lines.append(tag("li", f"{flag} {words}", class_="flagged"))
        else:
            lines.append(tag("li", words))
    return tag("ul", *lines, class_="findings")


def _exploit(folks: Sequence[Folk], found: Sequence[Finding]) -> str:
    groups = {MEASURES[finding.measure]: finding.relative() for finding in found}
    title = "What a focused hour pays"
    drawn = plots.bars(
        title, "times what the middle of the others earns", groups, mark=THRESHOLD, suffix=TIMES
    )
    said = (
        f"Beyond the dashed line, at {THRESHOLD:g} times, players have a reason to change how they focus."
        " At 1 stands the middle of those strategies that are not the best."
    )
    return page.plot(title, said, drawn, page.folded("The figures", _rates(folks)))


def _rates(folks: Sequence[Folk]) -> str:
    rows = [
        [
            folk.strategy.name,
            *(number(getattr(folk.per_focus_hour, measure)) for measure in MEASURES),
            *(number(getattr(folk.per_wall_hour, measure)) for measure in MEASURES),
        ]
        for folk in folks
    ]
    head = [f"{m} per {hour} hour" for hour in ("focused", "wall-clock") for m in MEASURES]
    said = "A wall-clock hour counts the pauses between a day's sessions as well."
    return page.table(said, ["strategy", *head], rows)


def _habits(folks: Sequence[Folk]) -> str:
    rows = [
        [
            folk.strategy.name,
            folk.strategy.says,
            f"{folk.players:,}",
            number(folk.days_played),
            number(folk.sessions / folk.players),
            number(folk.focus_hours / folk.players),
            number(folk.longest_streak.p50),
        ]
        for folk in folks
    ]
    head = ["strategy", "habits", "players", "days played", "sessions", "focused hours"]
    return page.table(
        "Days, sessions and hours are the mean of a player, the longest streak in days is the middle player's.",
        [*head, "longest streak"],
        rows,
        kind="words",
    )
