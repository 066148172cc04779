"""Seasons and events: windows of time in which sessions pay or drop otherwise.

Pure: time is an argument. They come from the tables [[events]] of the rules file, which
inventory reads too: each service knows the keys that it decides with.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.session.wording import wrong_words

# Percents of what a session pays otherwise: this one changes nothing.
WHOLE = 100
LONGEST_NAME = 80
# Of every number, from and up to; the chance as that of the rules themselves.
BOUNDS = {"exp_percent": (0, 1_000), "gold_percent": (0, 1_000), "drop_chance": (0, 10_000)}
_ID = re.compile("[a-z0-9][a-z0-9-]{0,39}")
_TIMES = ("announced_at", "starts_at", "ends_at")
# Beyond them, what is written in a zone cannot be told in UTC.
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """What is otherwise for the sessions that start in a window [starts_at, ends_at).

    Without a `drop_chance` it is that of the rules. Raises ValueError for one that no
    player could be told of.
    """

    id: str
    name: str
    announced_at: datetime
    starts_at: datetime
    ends_at: datetime
    exp_percent: int = WHOLE
    gold_percent: int = WHOLE
    drop_chance: int | None = None

    def __post_init__(self) -> None:
        wrong = [*self._wrong_words(), *self._wrong_times(), *self._wrong_numbers()]
        if wrong:
            raise ValueError(*wrong)

    def runs(self, at: datetime) -> bool:
        """Whether an instant lies in the window: its start does, its end does not."""
        return self.starts_at <= at < self.ends_at

    def sentence(self) -> str:
        """It in words, for who makes seasons."""
        chance = "" if self.drop_chance is None else f", drop chance {self.drop_chance} of 10,000"
        return (
            f"{self.id} ({self.name}) from {_utc(self.starts_at)} until before"
            f" {_utc(self.ends_at)}, announced {_utc(self.announced_at)}:"
            f" exp {self.exp_percent} %, gold {self.gold_percent} %{chance}"
        )

    def _wrong_words(self) -> Iterator[str]:
        if not _ID.fullmatch(self.id):
            yield "id must have up to 40 lower-case letters, digits and hyphens, no hyphen first"
        yield from wrong_words("name", self.name, most=LONGEST_NAME)

    def _wrong_times(self) -> Iterator[str]:
        naive = [name for name in _TIMES if getattr(self, name).tzinfo is None]
        yield from (f"{name} must have a time zone, as 2026-12-01T00:00:00Z has" for name in naive)
        if naive:
            return
        for name in _TIMES:
            if not _FIRST <= getattr(self, name) <= _LAST:
                yield f"{name} must be in the years 1 to 9999 in UTC"
        if self.announced_at > self.starts_at:
            yield "announced_at must not be after starts_at"
        if self.starts_at >= self.ends_at:
            yield "starts_at must be before ends_at"

    def _wrong_numbers(self) -> Iterator[str]:
        for name, (least, most) in BOUNDS.items():
            number = getattr(self, name)
            if number is not None and not least <= number <= most:
                yield f"{name} must be from {least} up to {most}"


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def running(events: Sequence[Event], at: datetime) -> Event | None:
    """The event in whose window an instant lies; of those of one rules file one at most."""
    for event in events:
        if event.runs(at):
            return event
    return None


def clashes(events: Sequence[Event]) -> Iterator[str]:
    """What is wrong with events beside each other, in sentences of the rules file."""
    for place, event in enumerate(events):
        # The first of each kind: of hundreds that are alike, every pair would be a book.
        before = list(enumerate(events[:place]))
        for other in [n for n, one in before if one.id == event.id][:1]:
            yield f"events.{place}.id repeats events.{other}.id"
        for other in [n for n, one in before if _overlap(one, event)][:1]:
            yield f"events.{place} overlaps events.{other}"


def _overlap(one: Event, other: Event) -> bool:
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at
