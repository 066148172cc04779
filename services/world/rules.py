"""The rules of the town: which rooms grow with the number of successful sessions.

Pure: time is an argument. The numbers come from the rules file's section
[world]. The rules of the streak and the zones stand in streak.py.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

# Each room, and where a world keeps its level.
LEVELS = {
    "study": "study_room_level",
    "build": "build_room_level",
    "training": "training_room_level",
    "plaza": "plaza_level",
}
# Where every room starts.
FIRST_LEVEL = 1
# The zone of a player who has not set one.
UTC = "UTC"
# More than anybody will play, or a room can be told apart by.
MOST = 1_000_000
LONGEST_HOURS = 8_760


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A room reaches `level` with that many successful sessions."""

    room: str
    sessions: int
    level: int

    def __post_init__(self) -> None:
        wrong = []
        if self.room not in LEVELS:
            wrong.append(f"room must be one of {', '.join(LEVELS)}")
        if not 1 <= self.sessions <= MOST:
            wrong.append(f"sessions must be from 1 up to {MOST}")
        if not FIRST_LEVEL < self.level <= MOST:
            wrong.append(f"level must be from {FIRST_LEVEL + 1} up to {MOST}")
        if wrong:
            raise ValueError(*wrong)


@dataclass(frozen=True, slots=True)
class Freezes:
    """Streak freezes: each covers one missed date, the first that comes.

    What is held is told in *freeze days*: earned dates that count towards a freeze, of which
    every `every_days` are one; 0 of them: there are no freezes. While as many are held as may
    be, a further date counts for nothing, so that one date more never leaves anybody with less.
    """

    every_days: int = 0
    held_at_most: int = 2
    # Dates before it are neither counted nor covered, so that nobody's past changes.
    since: date | None = None

    def __post_init__(self) -> None:
        wrong = []
        if not 0 <= self.every_days <= MOST:
            wrong.append(f"every_days must be from 0 up to {MOST}")
        if not 1 <= self.held_at_most <= MOST:
            wrong.append(f"held_at_most must be from 1 up to {MOST}")
        if self.every_days and self.since is None:
            wrong.append("since must say from which date on there are freezes")
        if wrong:
            raise ValueError(*wrong)

    def held(self, freeze_days: int) -> int:
        """How many freezes so many days are."""
        return freeze_days // self.every_days if self.every_days else 0

    def earned(self, freeze_days: int, day: date) -> int:
        """The freeze days after one more date that counts."""
        if self.since is None or day < self.since:
            return 0
        return min(freeze_days + 1, self.every_days * self.held_at_most)

    def left(self, freeze_days: int, missed: int) -> int | None:
        """The freeze days after so many missed dates in a row; None when not all are covered."""
        return None if missed > self.held(freeze_days) else freeze_days - missed * self.every_days


NO_FREEZES = Freezes()


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers. Raises ValueError when they make no game."""

    zone_change_hours: int
    upgrades: tuple[Upgrade, ...]
    freezes: Freezes = NO_FREEZES

    def __post_init__(self) -> None:
        wrong = []
        if not 0 <= self.zone_change_hours <= LONGEST_HOURS:
            wrong.append(f"zone_change_hours must be from 0 up to {LONGEST_HOURS}")
        wrong += [
            f"upgrades.{place} repeats the sessions or the level of upgrades.{before}"
            for place, upgrade in enumerate(self.upgrades)
            for before, other in enumerate(self.upgrades[:place])
            if upgrade.room == other.room
            and (upgrade.sessions == other.sessions or upgrade.level == other.level)
        ]
        if wrong:
            raise ValueError(*wrong)


class World(NamedTuple):
    """One player's town as it is stored; see tables.py.

    `day_streak` is as of `last_session_date`, and 0 once the streak was found over, which was
    on `ended_on`; what a player is shown also depends on today's date, see streak.py.
    """

    user_id: str
    id: str
    study_room_level: int = 1
    build_room_level: int = 1
    training_room_level: int = 1
    plaza_level: int = 1
    total_sessions_success: int = 0
    day_streak: int = 0
    longest_streak: int = 0
    last_session_date: date | None = None
    streak_through: date | None = None
    bridged_through: date | None = None
    timezone: str = UTC
    zone_changed_at: datetime | None = None
    clock_offset_seconds: int = 0
    clock_revision: int = 0
    freeze_days: int = 0
    ended_on: date | None = None


class NextUpgrade(NamedTuple):
    """The nearest upgrade ahead, and the successes that are missing for it."""

    room: str
    level: int
    sessions_left: int


def level_by_rule(room: str, sessions: int, rules: Rules) -> int:
    """The level of a room after so many successes: 1 where nothing raised it yet."""
    reached = (u.level for u in rules.upgrades if u.room == room and u.sessions <= sessions)
    return max(reached, default=FIRST_LEVEL)


def losses(old: Rules, new: Rules) -> tuple[str, ...]:
    """What players would lose by `new` rules after `old` ones, in sentences.

    That is every room which some number of sessions raised higher before. Levels
    change only where a line of the rules is reached, so no other number is asked.
    """
    return tuple(
        f"upgrades would leave {line.room} at level {now} after {line.sessions} sessions,"
        f" which made it {was} so far"
        for line in old.upgrades
        if (now := level_by_rule(line.room, line.sessions, new))
        < (was := level_by_rule(line.room, line.sessions, old))
    )


def counted(world: World, rules: Rules) -> World:
    """The world after one more success. Rooms never fall, whatever the rules became."""
    total = world.total_sessions_success + 1
    after = world._replace(total_sessions_success=total)
    for upgrade in rules.upgrades:
        column = LEVELS[upgrade.room]
        if upgrade.sessions <= total and upgrade.level > getattr(after, column):
            raised: dict[str, Any] = {column: upgrade.level}
            after = after._replace(**raised)
    return after


def upgraded(before: World, after: World) -> tuple[str, ...]:
    """The rooms whose level rose between the two."""
    risen = [r for r, column in LEVELS.items() if getattr(after, column) > getattr(before, column)]
    return tuple(risen)


def next_upgrade(world: World, rules: Rules) -> NextUpgrade | None:
    """The upgrade that the fewest further successes lead to; None when none is left."""
    total = world.total_sessions_success
    ahead = [
        u for u in rules.upgrades if u.sessions > total and u.level > getattr(world, LEVELS[u.room])
    ]
    nearest = min(ahead, key=lambda upgrade: upgrade.sessions, default=None)
    if nearest is None:
        return None
    return NextUpgrade(nearest.room, nearest.level, nearest.sessions - total)
