"""The rules of the game, as the monolith applies them to its rows."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bench.baseline.models import FocusSession, Hero, WorldState

GRACE = timedelta(seconds=2)
WINDOW = timedelta(hours=24)
CHANCE, OUT_OF = 1_000, 10_000
UPGRADES = (("study", 5), ("build", 15), ("plaza", 30))
STARTERS = (
    ("Deep reading", "study", 25, "study"),
    ("Make something", "build", 50, "build"),
    ("Practise a skill", "training", 25, "training"),
)
RARITIES = {"common": 75, "rare": 20, "epic": 5}


def players_now(hero: Hero, now: datetime) -> datetime:
    """The player's clock."""
    return now + timedelta(seconds=hero.clock_offset_seconds)


def pay(hero: Hero, session: FocusSession, now: datetime) -> None:
    """Closes a session as a success, and pays the hero."""
    session.status, session.ended_at = "success", now
    session.reward_exp, session.reward_gold = (
        session.duration_minutes * 2,
        session.duration_minutes,
    )
    level = hero.level
    hero.gold += session.reward_gold
    hero.exp += session.reward_exp
    while hero.exp >= hero.level * 100:
        hero.exp -= hero.level * 100
        hero.level += 1
    session.levels_gained = hero.level - level


def grow(world: WorldState, session: FocusSession) -> None:
    """Counts a success: rooms and streak follow."""
    world.total_sessions_success += 1
    grown = []
    for room, successes in UPGRADES:
        column = "plaza_level" if room == "plaza" else f"{room}_room_level"
        if world.total_sessions_success >= successes and getattr(world, column) == 1:
            setattr(world, column, 2)
            grown.append(room)
    session.rooms_upgraded = ",".join(grown)
    day = session.ends_at.astimezone(ZoneInfo(world.timezone)).date()
    if world.last_session_date != day:
        follows = world.last_session_date == day - timedelta(days=1)
        world.day_streak = world.day_streak + 1 if follows else 1
        world.longest_streak = max(world.longest_streak, world.day_streak)
        world.last_session_date = day


def streak_on(world: WorldState, today: date) -> int:
    """The streak as it is shown on a date."""
    last = world.last_session_date
    return world.day_streak if last is not None and today - last <= timedelta(days=1) else 0


def roll(seed: bytes, session_id: str) -> tuple[int, bytes]:
    """The roll of a session's dice, and bytes to choose an item by."""
    stream = hmac.digest(seed, session_id.encode(), "sha256")
    return int.from_bytes(stream[:8]) % OUT_OF, stream[8:24]


def weighted(weights: Mapping[str, int], choice: int) -> str:
    """The name that a large number chooses, each as likely as its weight says."""
    names = [name for name, weight in sorted(weights.items()) for _ in range(weight)]
    return names[choice % len(names)]


def commitment(seed: bytes) -> str:
    """What is shown of a seed before it is revealed."""
    return hashlib.sha256(seed).hexdigest()
