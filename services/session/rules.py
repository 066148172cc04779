"""The rules of sessions: when one can be completed, what it pays, whether it drops.

Pure: time and luck are arguments. The numbers come from the rules file's
section [session].
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from typing import NamedTuple

ROLLS = 10_000


@dataclass(frozen=True, slots=True)
class Starter:
    """A task that a new player finds."""

    name: str
    category: str
    default_duration_minutes: int
    room: str


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

    def __post_init__(self) -> None:
        if not 1 <= self.minimum_minutes <= self.maximum_minutes:
            message = "minimum_minutes must be from 1 up to maximum_minutes"
            raise ValueError(message)
        if not 0 <= self.drop_chance <= ROLLS:
            message = f"drop_chance must be from 0 up to {ROLLS}"
            raise ValueError(message)
        if self.exp_per_level < 1 or min(self.exp_per_minute, self.gold_per_minute) < 0:
            message = "exp_per_level must be at least 1, rewards at least 0"
            raise ValueError(message)
        if min(self.early_grace_seconds, self.completable_hours, self.maximum_active_tasks) < 0:
            message = "early_grace_seconds, completable_hours, maximum_active_tasks are at least 0"
            raise ValueError(message)

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


def reward(minutes: int, rules: Rules) -> Reward:
    """What a success pays: exp = minutes * 2, gold = minutes * 1 (specification, Reward Logic)."""
    return Reward(exp=minutes * rules.exp_per_minute, gold=minutes * rules.gold_per_minute)


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
