"""Seasons and events: which of them runs, what it pays, and what makes no event."""

import json
import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from itertools import pairwise
from math import floor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.rulesfile import BadRules, RulesFile
from services.session import rules
from services.session.events import BOUNDS, Event, running
from services.session.play import SHAPE
from services.session.rules import Reward, Rules
from tests import season

MICROSECOND = timedelta(microseconds=1)
YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def bound(text: str) -> Rules:
    return RulesFile("rules.toml", text.encode()).bound(SHAPE)


WITHOUT = bound(season.rules_without_events())
WITH = bound(season.rules_with(season.event()))
(MIDSUMMER,) = WITH.events

instants = st.integers(0, 10**13).map(lambda us: YEAR + us * MICROSECOND)
percents = st.integers(0, 1_000)


def at(starts: datetime, ends: datetime, name: str = "fair") -> Event:
    return Event(name, "A fair", starts, starts, ends)


@st.composite
def calendars(draw: st.DrawFn) -> list[Event]:
    """Events one after the other, some of which begin as the one before ends, in any order."""
    edges = sorted(draw(st.lists(instants, min_size=2, max_size=10, unique=True)))
    fairs = [at(a, b, f"fair-{n}") for n, (a, b) in enumerate(pairwise(edges))]
    return draw(st.permutations([fair for fair in fairs if draw(st.booleans())]))


@given(instants, st.integers(1, 10**12))
def test_an_event_runs_from_its_first_instant_until_before_its_end(
    starts: datetime, lasts: int
) -> None:
    ends = starts + lasts * MICROSECOND
    fair = [at(starts, ends)]

    assert running(fair, starts) == running(fair, ends - MICROSECOND) == fair[0]
    assert running(fair, starts - MICROSECOND) is running(fair, ends) is None


@given(calendars(), instants)
def test_at_any_instant_at_most_one_event_runs_and_that_one_is_found(
    calendar: list[Event], now: datetime
) -> None:
    assert replace(WITHOUT, events=tuple(calendar)).events == tuple(calendar)
    edges = [edge for fair in calendar for edge in (fair.starts_at, fair.ends_at)]

    for instant in (now, *edges, *(edge - MICROSECOND for edge in edges)):
        due = [fair for fair in calendar if fair.starts_at <= instant < fair.ends_at]
        assert len(due) <= 1
        assert running(calendar, instant) is (due[0] if due else None)


def test_in_which_zone_a_window_is_written_changes_nothing() -> None:
    tokyo = timezone(timedelta(hours=9))
    written = season.event(starts_at=season.STARTS.astimezone(tokyo).isoformat())

    (elsewhere,) = bound(season.rules_with(written)).events

    assert "+09:00" in written
    assert elsewhere == MIDSUMMER


@given(st.integers(1, 1_440), percents, percents)
def test_an_event_pays_so_many_percent_rounded_down_and_a_hundred_change_nothing(
    minutes: int, exp: int, gold: int
) -> None:
    fair = replace(MIDSUMMER, exp_percent=exp, gold_percent=gold)

    paid = rules.reward(minutes, WITH, fair)

    plain = Reward(exp=2 * minutes, gold=minutes)
    assert paid.exp == floor(Fraction(plain.exp * exp, 100))
    assert paid.gold == floor(Fraction(plain.gold * gold, 100))
    assert rules.reward(minutes, WITH, None) == plain
    assert rules.reward(minutes, WITH, at(YEAR, YEAR + MICROSECOND)) == plain


def test_the_chance_is_the_event_s_where_it_has_one_also_none() -> None:
    assert rules.drop_chance(WITH, None) == 1_000
    assert rules.drop_chance(WITH, MIDSUMMER) == season.CHANCE
    assert rules.drop_chance(WITH, replace(MIDSUMMER, drop_chance=0)) == 0
    assert rules.drop_chance(WITH, replace(MIDSUMMER, drop_chance=None)) == 1_000


def test_without_more_words_an_event_changes_nothing() -> None:
    (plain,) = bound(
        season.rules_with(season.event(exp_percent=None, gold_percent=None, drop_chance=None))
    ).events

    assert (plain.exp_percent, plain.gold_percent, plain.drop_chance) == (100, 100, None)


def test_what_another_service_reads_of_an_event_is_not_ours_to_judge() -> None:
    assert bound(season.rules_with(season.event(items='["x"]', price_percent="50"))) == WITH


HOUR = timedelta(hours=1)
LATER = season.event(season.ENDS - HOUR, season.ENDS + HOUR, id='"later"')
AGAIN = season.event(season.ENDS, season.ENDS + HOUR)
LINE = season.rules_without_events().count("\n") + 2


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ((season.event(id='"Winter"'),), f"line {LINE + 1}: events.0.id must have up to 40"),
        ((season.event(id='"-a"'),), "events.0.id must have up to 40"),
        ((season.event(id=f'"{"a" * 41}"'),), "events.0.id must have up to 40"),
        ((season.event(id='""'),), "events.0.id must have up to 40"),
        ((season.event(id=r'"a\n"'),), "events.0.id must have up to 40"),
        ((season.event(id=None),), f"line {LINE}: events.0.id is missing"),
        ((season.event(name='""'),), "events.0.name must have from 1"),
        ((season.event(name=f'"{"x" * 81}"'),), "events.0.name must have from 1"),
        ((season.event(name='" "'),), "events.0.name must have printable"),
        ((season.event(name=r'"Mid\u202Esummer"'),), "events.0.name must have printable"),
        ((season.event(name=r'"Mid\u0000summer"'),), "events.0.name must have printable"),
        ((season.event(starts_at="2026-12-01T00:00:00"),), f"line {LINE + 4}: events.0.starts_at must have a time zone"),
        ((season.event(ends_at="2026-12-01"),), "events.0.ends_at should be"),
        ((season.event(announced_at="5"),), "events.0.announced_at should be"),
        ((season.event(ends_at=season.event().split("starts_at = ")[1].split("\n")[0]),), "events.0.starts_at must be before"),
        ((season.event(announced_at="2999-01-01T00:00:00Z"),), "events.0.announced_at must not be after"),
        ((season.event(announced_at="0001-01-01T00:00:00+14:00"),), "events.0.announced_at must be in the years"),
        ((season.event(ends_at="9999-12-31T23:59:59-00:01"),), "events.0.ends_at must be in the years"),
        ((season.event(exp_percent="1001"),), "events.0.exp_percent must be from 0 up to 1000"),
        ((season.event(gold_percent="-1"),), "events.0.gold_percent must be from 0"),
        ((season.event(gold_percent="1.5"),), "events.0.gold_percent should be"),
        ((season.event(drop_chance="10001"),), f"line {LINE + 8}: events.0.drop_chance must be from 0"),
        ((season.event(), LATER), f"line {LINE + 10}: events.1 overlaps events.0"),
        ((season.event(), AGAIN), f"line {LINE + 11}: events.1.id repeats events.0.id"),
        ((season.event(), season.event()), "events.1 overlaps events.0"),
    ],
)  # fmt: skip
def test_what_makes_no_event_is_named_with_its_line(events: tuple[str, ...], told: str) -> None:
    with pytest.raises(BadRules) as bad:
        bound(season.rules_with(*events))

    assert [each for each in bad.value.problems if told in each], bad.value.problems


def test_the_season_of_the_docs_will_do_and_its_receipt_multiplies() -> None:
    page = (Path(__file__).parents[3] / "docs" / "seasons.md").read_text()
    table, told = (page.split(f"```{kind}\n")[1].split("```")[0] for kind in ("toml", "json"))

    rules_of_docs = bound(season.rules_with(table))
    receipt = json.loads(told)

    (fair,) = rules_of_docs.events
    paid = rules.reward(25, rules_of_docs, fair)
    assert receipt["event_id"] == fair.id
    assert receipt["exp"]["base"] * receipt["exp"]["multiplier"] == paid.exp
    assert receipt["gold"]["base"] * receipt["gold"]["multiplier"] == paid.gold


def test_everything_that_is_wrong_with_an_event_is_told_at_once() -> None:
    wrong = season.event(id='"A"', name='""', exp_percent="-1", drop_chance="10001")

    with pytest.raises(BadRules) as bad:
        bound(season.rules_with(wrong))

    assert len(bad.value.problems) == 4


def test_of_many_that_are_alike_each_is_told_once() -> None:
    with pytest.raises(BadRules) as bad:
        bound(season.rules_with(*[season.event()] * 5))

    assert len(bad.value.problems) == 2 * 4


def test_a_chance_has_the_same_bounds_everywhere() -> None:
    assert BOUNDS["drop_chance"] == rules.BOUNDS["drop_chance"] == (0, rules.ROLLS)


def test_an_event_may_begin_as_the_one_before_ends() -> None:
    next_one = AGAIN.replace("midsummer", "autumn")

    assert len(bound(season.rules_with(season.event(), next_one)).events) == 2


def test_players_lose_nothing_by_events_that_change_or_go() -> None:
    assert rules.losses(WITH, WITHOUT) == rules.losses(WITHOUT, WITH) == ()


def test_an_edition_of_before_the_season_has_none_of_its_events() -> None:
    old = RulesFile("old", season.rules_without_events().encode())
    new = RulesFile("new", season.rules_with(season.event()).encode())

    assert old.bound_after(SHAPE, new) == WITHOUT
    assert new.bound_after(SHAPE, old) == WITH


def test_rules_with_events_travel_between_processes() -> None:
    assert pickle.loads(pickle.dumps(WITH)) == WITH  # noqa: S301  # our own
