"""A season of the tests' own: so far ahead that only players whose clock was moved come there."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from services.kit.settings import RULES
from services.kit.times import rfc3339

# Within what a sandbox's clock can be moved. To the second, as clocks are moved.
STARTS: Final = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1_000)
ENDS: Final = STARTS + timedelta(days=2)
# What 25 minutes pay in it, exp and gold, beside the 50 and 25 of other days.
PAYS: Final = (75, 62)
CHANCE: Final = 7_000
_SHIPPED: Final = re.compile(r"\[\[events\]\]\n(?:(?!\[).*\n)*")


def rules_without_events() -> str:
    """The shipped rules, in which nothing ever runs."""
    return _SHIPPED.sub("", RULES.read_text())


def rules_with(*events: str) -> str:
    """The shipped rules with other events."""
    return "\n".join((rules_without_events(), *events))


def event(starts: datetime = STARTS, ends: datetime = ENDS, **changes: str | None) -> str:
    """A table of the rules file; of its keys some changed, or left out."""
    keys: dict[str, str | None] = {
        "id": '"midsummer"',
        "name": '"Midsummer"',
        "announced_at": rfc3339(starts - timedelta(days=7)),
        "starts_at": rfc3339(starts),
        "ends_at": rfc3339(ends),
        "exp_percent": "150",
        "gold_percent": "250",
        "drop_chance": str(CHANCE),
        **changes,
    }
    lines = [f"{key} = {value}\n" for key, value in keys.items() if value is not None]
    return "".join(("[[events]]\n", *lines))
