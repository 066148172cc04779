"""The rules of sessions: when one can be completed, what it pays, whether it drops.

Pure: time and luck are arguments. The numbers come from the rules file's
section [session], and its [[events]]: see events.py.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from typing import NamedTuple

from services.session.events import WHOLE, Event, clashes
from services.session.wording import wrong_words

ROLLS = 10_000


# Where a task belongs. The plaza is nobody's.
ROOMS = ("study", "build", "training")
LONGEST_NAME = 80
LONGEST_CATEGORY = 40
# Of every number, from and up to. Above, sums over years would leave 64 bits, or dates the calendar.
BOUNDS = {
    "minimum_minutes": (1, 1_440),
    "maximum_minutes": (1, 1_440),
    "exp_per_minute": (0, 1_000_000),
    "gold_per_minute": (0, 1_000_000),
    "exp_per_level": (1, 1_000_000),
    "early_grace_seconds": (0, 3_600),
    "completable_hours": (0, 8_760),
    "drop_chance": (0, ROLLS),
    "maximum_active_tasks": (0, 10_000),
}


@dataclass(frozen=True, slots=True)
class Starter:
    """A task that a new player finds. Raises ValueError when no player could have it."""

    name: str
    category: str
    default_duration_minutes: int
    room: str

    def __post_init__(self) -> None:
        wrong = [
            *wrong_words("name", self.name, most=LONGEST_NAME),
            *wrong_words("category", self.category, most=LONGEST_CATEGORY),
        ]
        if self.room not in ROOMS:
            wrong.append(f"room must be one of {', '.join(ROOMS)}")
        if wrong:
            raise ValueError(*wrong)


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers. Raises ValueError when they make no game."""

    minimum_minutes: int
    maximum_minutes: int
    exp_per_minute: int
    gold_per_minute: int
    exp_per_level: int
    early_grace_seconds: int
    completable_hours: int
    drop_chance: int
    maximum_active_tasks: int
    starters: tuple[Starter, ...]
    events: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        wrong = [
            f"{name} must be from {least} up to {most}"
            for name, (least, most) in BOUNDS.items()
            if not least <= getattr(self, name) <= most
        ]
        if self.minimum_minutes > self.maximum_minutes:
            wrong.append("minimum_minutes must be at most maximum_minutes")
        wrong += [
            f"starters.{place}.default_duration_minutes must be a duration that is allowed"
            for place, starter in enumerate(self.starters)
            if not self.minimum_minutes <= starter.default_duration_minutes <= self.maximum_minutes
        ]
        wrong += clashes(self.events)
        if wrong:
            raise ValueError(*wrong)

    @property
    def early_grace(self) -> timedelta:
        """How long before its end a session can be completed."""
        return _span(self.early_grace_seconds)

    @property
    def completable_for(self) -> timedelta:
        """How long after its end a session can be completed."""
        return _span(self.completable_hours * 3600)


# To make one costs more than to compare with it, and there are two.
@cache
def _span(seconds: int) -> timedelta:
    return timedelta(seconds=seconds)


class Verdict(Enum):
    """What a wish to complete meets at one instant."""

    TOO_EARLY = "too early"
    IN_TIME = "in time"
    TOO_LATE = "too late"


class Reward(NamedTuple):
    """What a success pays."""

    exp: int
    gold: int


class Growth(NamedTuple):
    """A hero's level, from 1, and the exp within it."""

    level: int
    exp: int


class Luck(NamedTuple):
    """What the dice say of one session: a roll below ROLLS, and 16 bytes to choose the item."""

    roll: int
    choice: bytes


def players_now(now: datetime, offset_seconds: int, *, is_sandbox: bool) -> datetime:
    """The player's clock: real time, but in the sandbox so many seconds ahead."""
    return now + timedelta(seconds=offset_seconds) if is_sandbox else now


def completable_until(ends_at: datetime, rules: Rules) -> datetime:
    """The last instant at which a session can be completed, inclusive."""
    return ends_at + rules.completable_for


def verdict(ends_at: datetime, *, now: datetime, rules: Rules) -> Verdict:
    """Whether a session that ends at `ends_at` can be completed `now`."""
    if now < ends_at - rules.early_grace:
        return Verdict.TOO_EARLY
    return Verdict.IN_TIME if now <= completable_until(ends_at, rules) else Verdict.TOO_LATE


def reward(minutes: int, rules: Rules, event: Event | None) -> Reward:
    """What a success pays: exp = minutes * 2, gold = minutes * 1 (specification, Reward Logic).

    Of that, so many percent as the event says that ran when the session started, rounded down.
    """
    exp, gold = minutes * rules.exp_per_minute, minutes * rules.gold_per_minute
    if event is None:
        return Reward(exp, gold)
    return Reward(exp * event.exp_percent // WHOLE, gold * event.gold_percent // WHOLE)


def drop_chance(rules: Rules, event: Event | None) -> int:
    """Rolls below this drop: as the event says that ran when the session started, if it does."""
    return rules.drop_chance if event is None or event.drop_chance is None else event.drop_chance


def exp_to_next(level: int, rules: Rules) -> int:
    """The whole threshold of a level: level * 100 (specification, Level Up)."""
    return level * rules.exp_per_level


def grown(hero: Growth, exp: int, rules: Rules) -> Growth:
    """The hero after `exp` more; what is left over carries into the new level."""
    level, exp = hero.level, hero.exp + exp
    while exp >= exp_to_next(level, rules):
        exp -= exp_to_next(level, rules)
        level += 1
    return Growth(level, exp)


def losses(old: Rules, new: Rules) -> tuple[str, ...]:
    """What players would lose by `new` rules after `old` ones, in sentences.

    A hero is stored as a level and the exp within it: by another `exp_per_level` they
    would stand for another sum than was earned, with more of it for a lower level.
    Events may change at will: what was paid stays paid.
    """
    if old.exp_per_level == new.exp_per_level:
        return ()
    was, now = old.exp_per_level, new.exp_per_level
    return (f"exp_per_level must stay {was}: by {now} the levels of players mean another exp",)


def commitment(seed: bytes) -> bytes:
    """What is shown of a seed before it is revealed: its SHA-256."""
    return hashlib.sha256(seed).digest()


def luck(seed: bytes, session_id: str) -> Luck:
    """The dice of a session, decided when its seed was drawn.

    HMAC-SHA256 keyed by the 32 bytes of the seed over the 36 ASCII characters
    of the id: bytes 0 to 7, big-endian, modulo 10,000 are the roll; bytes 8 to
    23 choose the item.
    """
    stream = hmac.digest(seed, session_id.encode("ascii"), "sha256")
    return Luck(roll=int.from_bytes(stream[:8]) % ROLLS, choice=stream[8:24])
