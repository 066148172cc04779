"""The rooms grow with the number of successes, and never fall."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.rulesfile import BadRules, load
from services.kit.settings import RULES
from services.world.play import SHAPE
from services.world.rules import (
    LEVELS,
    Freezes,
    NextUpgrade,
    Rules,
    Upgrade,
    World,
    counted,
    level_by_rule,
    losses,
    next_upgrade,
    upgraded,
)

NUMBERS = load(RULES, SHAPE).rules
FIRST = date(2026, 3, 1)
NEW = World(user_id="player", id="world")

upgrades = st.builds(
    Upgrade,
    room=st.sampled_from(sorted(LEVELS)),
    sessions=st.integers(min_value=1, max_value=40),
    level=st.integers(min_value=2, max_value=9),
)
rules_of_any_town = st.builds(
    Rules,
    zone_change_hours=st.just(24),
    upgrades=st.lists(
        upgrades,
        max_size=12,
        unique_by=(lambda u: (u.room, u.sessions), lambda u: (u.room, u.level)),
    ).map(tuple),
)


def after(sessions: int, numbers: Rules = NUMBERS, world: World = NEW) -> World:
    for _ in range(sessions):
        world = counted(world, numbers)
    return world


def levels(world: World) -> dict[str, int]:
    return {room: getattr(world, column) for room, column in LEVELS.items()}


@pytest.mark.parametrize(("sessions", "room"), [(5, "study"), (15, "build"), (30, "plaza")])
def test_the_rooms_of_the_specification_reach_level_2(sessions: int, room: str) -> None:
    before = after(sessions - 1)

    world = counted(before, NUMBERS)

    assert upgraded(before, world) == (room,)
    assert levels(world) == levels(before) | {room: 2}


def test_the_training_room_has_no_rule() -> None:
    assert after(200).training_room_level == 1


def test_a_session_that_reaches_no_line_upgrades_nothing() -> None:
    before = after(5)

    assert upgraded(before, counted(before, NUMBERS)) == ()


def test_two_rooms_can_grow_with_one_session() -> None:
    both = (Upgrade("plaza", 1, 2), Upgrade("study", 1, 3))

    world = counted(NEW, Rules(24, both))

    assert upgraded(NEW, world) == ("study", "plaza")


@pytest.mark.parametrize("sessions", [4, 20])
def test_a_room_keeps_its_level_when_the_rules_take_it_away(sessions: int) -> None:
    world = after(sessions)._replace(build_room_level=7)

    assert counted(world, NUMBERS).build_room_level == 7


@given(rules_of_any_town, st.integers(min_value=0, max_value=60))
def test_rooms_never_fall(numbers: Rules, sessions: int) -> None:
    before = after(sessions, numbers)

    world = counted(before, numbers)

    assert all(levels(world)[room] >= level for room, level in levels(before).items())


@given(rules_of_any_town, st.integers(min_value=0, max_value=60))
def test_counting_one_by_one_leads_to_the_level_by_rule(numbers: Rules, sessions: int) -> None:
    world = after(sessions, numbers)

    assert levels(world) == {room: level_by_rule(room, sessions, numbers) for room in LEVELS}


@given(rules_of_any_town, st.integers(min_value=0, max_value=60))
def test_the_next_upgrade_happens_when_it_was_said_to(numbers: Rules, sessions: int) -> None:
    world = after(sessions, numbers)

    upgrade = next_upgrade(world, numbers)

    if upgrade is None:
        assert levels(after(40, numbers, world)) == levels(world)
    else:
        just_before = after(upgrade.sessions_left - 1, numbers, world)
        assert levels(just_before) == levels(world)
        assert levels(counted(just_before, numbers))[upgrade.room] >= upgrade.level


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        (0, NextUpgrade("study", 2, 5)),
        (4, NextUpgrade("study", 2, 1)),
        (5, NextUpgrade("build", 2, 10)),
        (29, NextUpgrade("plaza", 2, 1)),
        (30, None),
    ],
)
def test_the_next_upgrade_is_the_nearest(sessions: int, expected: NextUpgrade | None) -> None:
    assert next_upgrade(after(sessions), NUMBERS) == expected


def at(sessions: int, numbers: Rules) -> dict[str, int]:
    return {room: level_by_rule(room, sessions, numbers) for room in LEVELS}


@given(rules_of_any_town, rules_of_any_town, st.integers(min_value=0, max_value=60))
def test_accepted_rules_lower_no_room_and_what_lowers_one_is_refused(
    old: Rules, new: Rules, sessions: int
) -> None:
    before, now = at(sessions, old), at(sessions, new)

    if not losses(old, new):
        assert all(now[room] >= level for room, level in before.items())
    if any(now[room] < level for room, level in before.items()):
        assert losses(old, new)


@given(rules_of_any_town, rules_of_any_town, rules_of_any_town)
def test_what_is_accepted_after_what_was_accepted_lowers_nothing_of_the_first(
    first: Rules, second: Rules, third: Rules
) -> None:
    second = replace(second, upgrades=_united(first.upgrades, second.upgrades))
    third = replace(third, upgrades=_united(second.upgrades, third.upgrades))

    assert losses(first, second) == losses(second, third) == losses(first, third) == ()


def _united(old: tuple[Upgrade, ...], more: tuple[Upgrade, ...]) -> tuple[Upgrade, ...]:
    """Those of old and, where they fit beside them, more."""
    sessions = {(u.room, u.sessions) for u in old}
    levels = {(u.room, u.level) for u in old}
    fitting = [
        u for u in more if (u.room, u.sessions) not in sessions and (u.room, u.level) not in levels
    ]
    return (*old, *fitting)


@pytest.mark.parametrize(
    ("place", "changes", "sentence"),
    [
        (1, None, "upgrades would leave build at level 1 after 15 sessions, which made it 2"),
        (1, {"sessions": 16}, "upgrades would leave build at level 1 after 15 sessions"),
        (2, {"room": "training"}, "upgrades would leave plaza at level 1 after 30 sessions"),
    ],
)
def test_an_upgrade_that_is_taken_away_or_put_off_is_refused_with_a_sentence(
    place: int, changes: dict[str, Any] | None, sentence: str
) -> None:
    kept = [u for u in NUMBERS.upgrades if u != NUMBERS.upgrades[place]]
    changed = [replace(NUMBERS.upgrades[place], **changes)] if changes else []

    (told,) = losses(NUMBERS, replace(NUMBERS, upgrades=(*kept, *changed)))

    assert told.startswith(sentence)


def test_a_lower_level_is_refused_and_a_higher_one_is_not() -> None:
    high = replace(NUMBERS, upgrades=(Upgrade("study", 5, 4),))
    low = replace(NUMBERS, upgrades=(Upgrade("study", 5, 3),))

    assert losses(low, high) == ()
    assert len(losses(high, low)) == 1


@pytest.mark.parametrize("changes", [{"sessions": 3}, {"level": 5}])
def test_an_easier_or_a_higher_upgrade_is_accepted(changes: dict[str, Any]) -> None:
    easier = tuple(replace(upgrade, **changes) for upgrade in NUMBERS.upgrades)

    assert losses(NUMBERS, replace(NUMBERS, upgrades=easier)) == ()


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ("sessions = 0", "world.upgrades.0"),
        ("level = 1", "world.upgrades.0"),
        ('room = "cellar"', "world.upgrades.0"),
        ('level = "2"', "world.upgrades.0.level"),
        ("colour = 3", "world.upgrades.0.colour"),
    ],
)
def test_a_wrong_upgrade_is_refused_and_its_place_named(
    tmp_path: Path, wrong: str, place: str
) -> None:
    line = {"room": '"study"', "sessions": "5", "level": "2"}
    key, _, value = wrong.partition(" = ")
    line[key] = value
    file = tmp_path / "rules.toml"
    lines = "\n".join(" = ".join(pair) for pair in line.items())
    file.write_text(f"[[world.upgrades]]\n{lines}\n[world]\nzone_change_hours = 24\n")

    with pytest.raises(BadRules, match=place):
        load(file, SHAPE)


def test_negative_hours_between_zones_are_refused() -> None:
    with pytest.raises(ValueError, match="zone_change_hours"):
        Rules(zone_change_hours=-1, upgrades=())


def test_in_the_shipped_rules_there_are_no_streak_freezes() -> None:
    assert NUMBERS.freezes.every_days == 0
    assert NUMBERS.freezes.held(10**6) == 0


def test_a_freeze_comes_with_every_so_many_dates_two_are_held_and_each_covers_one_date() -> None:
    rule = Freezes(every_days=3, held_at_most=2, since=FIRST)
    days = 0
    for number in range(20):
        days = rule.earned(days, FIRST + timedelta(days=number))

    assert (rule.held(2), rule.held(3), rule.held(days)) == (0, 1, 2)
    assert [rule.left(days, missed) for missed in range(4)] == [6, 3, 0, None]


def test_dates_before_freezes_were_turned_on_bring_none() -> None:
    rule = Freezes(every_days=1, since=FIRST)

    assert rule.earned(0, FIRST - timedelta(days=1)) == 0
    assert rule.earned(0, FIRST) == 1


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ("every_days = -1", "every_days must be from 0"),
        ("held_at_most = 0", "held_at_most must be from 1"),
        ("every_days = 7", "since must say"),
        ('every_days = 7\nsince = "soon"', "world.freezes.since"),
        ('every_days = "7"', "world.freezes.every_days"),
        ("each_days = 7", "world.freezes.each_days"),
    ],
)
def test_freezes_that_make_no_rule_are_refused(tmp_path: Path, lines: str, place: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(f"[world]\nzone_change_hours = 24\nupgrades = []\n[world.freezes]\n{lines}\n")

    with pytest.raises(BadRules, match=place):
        load(file, SHAPE)
