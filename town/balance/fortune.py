"""Of the report: whether drops fall as often as the rules say, and how long players wait for one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from services.session.rules import ROLLS
from town.balance import page, plots
from town.balance.crowd import Run
from town.balance.figures import Folk
from town.balance.life import FIRST_SESSIONS
from town.balance.luck import Luck, beside_chance, sessions_until_drop
from town.balance.svg import number

SHARES: Final = (0.5, 0.9, 0.99)


# To hold players' first sessions against one distribution, they must have had one chance.
SEVERAL: Final = (
    "An event changed the chance of a drop on some of these days, so that the first drops of players are not held"
    " against one distribution."
)


def fortune(run: Run, folks: Sequence[Folk]) -> str:
    """Return all drops beside what chance brings."""
    sessions = sum((folk.chances for folk in folks), Counter[int]())
    chances = sorted(sessions) or [run.game.session.drop_chance]
    parts = [_in_all(folks, {chance / ROLLS: sessions[chance] for chance in chances})]
    if len(chances) == 1:
        parts += [_early(folks, chances[0] / ROLLS), _waiting(folks, chances[0] / ROLLS)]
    else:
        parts += [page.paragraph(SEVERAL)]
    return "\n".join(parts)


def _in_all(folks: Sequence[Folk], sessions: Mapping[float, int]) -> str:
    luck = Luck(sessions, sum(f.drops for f in folks))
    chances = " and ".join(f"{chance:.2%}" for chance in sessions)
    verdict = (
        "chance may well bring that"
        if luck.is_fair
        else "chance does not bring that: look at the rules"
    )
    return page.paragraph(
        f"{luck.drops:,} of {sum(sessions.values()):,} sessions dropped; {luck.expected:,.0f} were to be expected at"
        f" {chances} ({luck.sigmas:+.1f} standard deviations: {verdict})."
    )


def _early(folks: Sequence[Folk], chance: float) -> str:
    counted = sum((folk.early_drops for folk in folks), Counter[int]())
    players = counted.total()
    if not players:
        return page.paragraph(f"Nobody played {FIRST_SESSIONS} sessions, to compare their drops.")
    rows = beside_chance(counted, FIRST_SESSIONS, chance)
    title = f"Drops in a player's first {FIRST_SESSIONS} sessions"
    drawn = plots.columns(title, f"drops in {FIRST_SESSIONS} sessions", "players", rows)
    said = f"{players:,} players came so far. Columns: counted. Line: the binomial distribution."
    table = page.table(
        "Players by their number of drops.",
        ["drops", "players", "expected"],
        [[str(k), f"{found:,}", f"{expected:,.1f}"] for k, found, expected in rows],
    )
    return page.plot(title, said, drawn, page.folded("The figures", table))


def _waiting(folks: Sequence[Folk], chance: float) -> str:
    """Return how long players wait for the first drop, of those who played long enough to have one for sure."""
    if not 0 < chance < 1:
        return ""
    first = sorted(sum((folk.first_drops for folk in folks), Counter[int]()).elements())
    rows = [
        [f"{share:.0%}", str(sessions_until_drop(share, chance)), _found(first, share)]
        for share in SHARES
    ]
    longest = max((folk.longest_drought.p90 for folk in folks), default=0.0)
    table = page.table(
        "Sessions until the first drop. Who stopped before one is not among the counted.",
        ["of players", "expected", "counted"],
        rows,
    )
    words = f"One in ten of the busiest players once had {number(longest)} sessions in a row without a drop."
    return table + page.paragraph(words)


def _found(first: Sequence[int], share: float) -> str:
    return str(first[round(share * (len(first) - 1))]) if first else "nobody"
