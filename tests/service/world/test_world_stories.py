"""What a player's support reads: stories of streaks, told by the real service, as docs/streaks.md has them.

`NESRA_WRITE_SNAPSHOTS=1` writes the page's stories anew.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from protos.world.v1 import world_pb2 as pb
from services.kit.settings import RULES
from services.world.messages import DATE_KINDS
from tests.service.world.clock import with_a_clock
from tests.service.world.conftest import open_town
from tests.service.world.residents import Player, Town

PAGE = Path(__file__).parents[3] / "docs" / "streaks.md"
BERLIN = "Europe/Berlin"
SAN_FRANCISCO = "America/Los_Angeles"
TOKYO = "Asia/Tokyo"


@dataclass
class Story:
    """A player in a town whose clock goes as the story is told: times are `2031-03-29 23:30`."""

    player: Player
    set_clock: Callable[[datetime], None]
    zone: str = "UTC"

    def at(self, time: str) -> datetime:
        return datetime.fromisoformat(time).replace(tzinfo=ZoneInfo(self.zone))

    def focuses_until(self, time: str, *, told: str = "") -> None:
        self.set_clock(self.at(told or time))
        self.player.credit(self.at(time))

    def arrives(self, zone: str, time: str) -> None:
        self.zone = zone
        self.set_clock(self.at(time))
        self.player.set_zone(zone)

    def asked(self, time: str) -> pb.ExplainStreakResponse:
        self.set_clock(self.at(time))
        return self.player.explain()


@pytest.fixture(scope="module")
def clocked(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Town, Callable[[datetime], None]]]:
    url = new_database("world")
    set_clock = with_a_clock(url)
    with open_town(url, tmp_path_factory.mktemp("t"), sandbox=False) as town:
        yield town, set_clock


@pytest.fixture(scope="module")
def freezing(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Town, Callable[[datetime], None]]]:
    """A town in which every second date brings a freeze."""
    url, folder = new_database("world"), tmp_path_factory.mktemp("t")
    rules = folder / "rules.toml"
    on = 'every_days = 2\nsince = "2031-01-01"'
    rules.write_text(RULES.read_text().replace("every_days = 0", on))
    set_clock = with_a_clock(url)
    with open_town(url, folder, sandbox=False, rules=rules) as town:
        yield town, set_clock


@pytest.fixture
def story(clocked: tuple[Town, Callable[[datetime], None]]) -> Story:
    town, set_clock = clocked
    return Story(Player(town), set_clock)


def read(answer: pb.ExplainStreakResponse) -> str:
    """An explanation as the page shows it."""
    lines = [answer.why, ""]
    for told in answer.dates:
        kind = DATE_KINDS.word(told.kind)
        lines.append(f"{told.date}  {kind:8}  {told.day_streak}  {told.timezone}")
        lines.append(f"    {told.why}")
    return "\n".join(lines)


def _as_on_the_page(name: str, answer: pb.ExplainStreakResponse) -> None:
    page = PAGE.read_text()
    found = re.search(rf"<!-- {name} -->\n```text\n(.*?)\n```\n", page, re.DOTALL)
    assert found, f"docs/streaks.md has no story {name}"
    if os.environ.get("NESRA_WRITE_SNAPSHOTS"):
        PAGE.write_text(page[: found.start(1)] + read(answer) + page[found.end(1) :])
    else:
        assert found[1] == read(answer)


def streaks(answer: pb.ExplainStreakResponse) -> list[tuple[str, int]]:
    return [(DATE_KINDS.word(told.kind), told.day_streak) for told in answer.dates]


def test_a_night_in_which_the_clocks_change_is_a_night(story: Story) -> None:
    story.arrives(BERLIN, "2031-03-28 12:00")
    story.focuses_until("2031-03-29 23:45")
    # 23 hours later by every clock but the one on the wall.
    story.focuses_until("2031-03-30 23:45")
    story.focuses_until("2031-03-31 00:10")

    answer = story.asked("2031-03-31 09:00")

    assert streaks(answer) == [("earned", 1), ("earned", 2), ("earned", 3)]
    assert answer.world.day_streak == 3
    _as_on_the_page("dst-night", answer)


def test_a_flight_east_skips_a_date_and_no_streak_breaks(story: Story) -> None:
    story.arrives(SAN_FRANCISCO, "2031-05-11 09:00")
    story.focuses_until("2031-05-12 20:00")
    story.focuses_until("2031-05-13 20:00")
    # It is still the 14th in San Francisco, 23:00.
    story.arrives(TOKYO, "2031-05-15 15:00")
    story.focuses_until("2031-05-15 21:00")

    answer = story.asked("2031-05-15 22:00")

    assert streaks(answer) == [("earned", 1), ("earned", 2), ("bridge", 2), ("earned", 3)]
    assert answer.world.day_streak == 3
    _as_on_the_page("flight-east", answer)


def test_a_flight_west_repeats_a_date_and_it_counts_once(story: Story) -> None:
    story.arrives(TOKYO, "2031-05-11 09:00")
    story.focuses_until("2031-05-13 20:00")
    story.focuses_until("2031-05-14 08:00")
    # It is the 15th in Tokyo, 02:00.
    story.arrives(SAN_FRANCISCO, "2031-05-14 10:00")
    story.focuses_until("2031-05-14 20:00")
    story.focuses_until("2031-05-15 20:00")

    answer = story.asked("2031-05-15 22:00")

    assert streaks(answer) == [("earned", 1), ("earned", 2), ("earned", 3)]
    assert answer.world.day_streak == 3
    _as_on_the_page("flight-west", answer)


def test_a_late_completion_fills_the_date_on_which_the_session_ended(story: Story) -> None:
    story.arrives(BERLIN, "2031-05-11 09:00")
    story.focuses_until("2031-05-12 20:00")
    story.focuses_until("2031-05-14 18:00")
    assert story.player.world().day_streak == 1

    story.focuses_until("2031-05-13 23:50", told="2031-05-14 22:00")
    answer = story.asked("2031-05-14 23:00")

    assert streaks(answer) == [("earned", 1), ("earned", 2), ("earned", 3)]
    assert answer.world.day_streak == 3
    _as_on_the_page("late-completion", answer)


def test_a_missed_day_ends_a_streak_and_an_operator_can_restore_it(story: Story) -> None:
    story.arrives(BERLIN, "2031-05-11 09:00")
    for day in (12, 13, 14):
        story.focuses_until(f"2031-05-{day} 20:00")

    missed = story.asked("2031-05-16 09:00")
    assert streaks(missed)[-2:] == [("missed", 0), ("open", 0)]
    assert missed.world.day_streak == 0
    _as_on_the_page("missed-day", missed)

    story.focuses_until("2031-05-16 20:00")
    assert story.player.restore("2031-05-15").day_streak == 5
    restored = story.asked("2031-05-16 21:00")

    assert streaks(restored)[-2:] == [("restored", 4), ("earned", 5)]
    _as_on_the_page("restored-day", restored)


def test_a_freeze_covers_the_first_date_that_is_missed(
    freezing: tuple[Town, Callable[[datetime], None]],
) -> None:
    story = Story(Player(freezing[0]), freezing[1])
    story.focuses_until("2031-05-12 20:00")
    story.focuses_until("2031-05-13 20:00")
    assert story.asked("2031-05-14 09:00").freezes_held == 1
    # The date after the missed one: a read, which nothing was written for.
    assert story.asked("2031-05-15 09:00").world.day_streak == 2
    story.focuses_until("2031-05-15 20:00")

    kept = story.asked("2031-05-15 21:00")
    assert streaks(kept) == [("earned", 1), ("earned", 2), ("frozen", 2), ("earned", 3)]
    assert (kept.world.day_streak, kept.freezes_held) == (3, 0)
    _as_on_the_page("streak-freeze", kept)

    ended = story.asked("2031-05-17 09:00")
    assert (ended.world.day_streak, streaks(ended)[-2:]) == (0, [("missed", 0), ("open", 0)])

    # The missed date was earned after all: its freeze is back, and covers the 16th.
    story.focuses_until("2031-05-14 23:00", told="2031-05-17 09:30")
    mended = story.asked("2031-05-17 10:00")
    assert streaks(mended)[2:] == [("earned", 3), ("earned", 4), ("frozen", 4), ("open", 4)]
    assert mended.world.day_streak == 4
