"""Which event runs, what can be obtained then, and what the shop makes of it: laws for every instant."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.catalogue_file import read_catalogue
from services.inventory.events import announced, obtainable, period_at, running
from services.inventory.play import SHAPE
from services.inventory.rules import TYPES, Event, Prices, Shop
from services.inventory.shop import Rotation, dealt
from services.kit.rulesfile import BadRules, RulesFile, check
from services.kit.settings import RULES
from tests.season import rules_without_events
from town.numbers import SHAPES

ITEMS = read_catalogue()
SHOP = Shop(offers_a_day=6, price_gold=Prices(common=100, rare=300, epic=900))
DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
SHIPPED = RULES.read_text()
SEASON = RulesFile("rules.toml", SHIPPED.encode()).bound(SHAPE).events[0]
FIRST, SECOND = (tuple(item.id for item in ITEMS[place::15]) for place in (0, 1))
# Two that follow each other at once, and do not care for midnights.
SPRING = Event(
    "spring",
    "Spring",
    datetime(2031, 3, 1, tzinfo=UTC),
    datetime(2031, 3, 10, 7, 30, tzinfo=UTC),
    datetime(2031, 3, 20, 19, tzinfo=UTC),
    price_percent=50,
    items=FIRST,
)
LATER = Event(
    "later",
    "Later",
    datetime(2031, 3, 15, tzinfo=UTC),
    SPRING.ends_at,
    datetime(2031, 4, 2, tzinfo=UTC),
    items=(*FIRST[:1], *SECOND),
)
EVENTS = (SPRING, LATER)
EDGES = (SPRING.starts_at, SPRING.ends_at, LATER.ends_at)
AROUND = st.datetimes(datetime(2031, 2, 1), datetime(2031, 5, 1), timezones=st.just(UTC))  # noqa: DTZ001


def at_edges() -> st.SearchStrategy[datetime]:
    """Instants, the nearest to the edges more often than not."""
    beside = st.sampled_from([edge + n * MOMENT for edge in EDGES for n in (-1, 0, 1)])
    return beside | AROUND


def ids_at(at: datetime | None) -> set[str]:
    return {item.id for item in obtainable(ITEMS, EVENTS, at)}


def shop_at(at: datetime) -> Rotation:
    return dealt(period_at(at, EVENTS), ITEMS, SHOP, EVENTS)


@given(at_edges())
def test_an_event_runs_from_its_start_until_before_its_end(at: datetime) -> None:
    found = running(EVENTS, at)

    for event in EVENTS:
        assert (found is event) == (event.starts_at <= at < event.ends_at)


def test_no_event_runs_at_an_instant_that_nobody_knows() -> None:
    assert running(EVENTS, None) is None
    assert ids_at(None) == ids_at(SPRING.starts_at - MOMENT)


@given(at_edges())
def test_an_event_is_shown_from_its_announcement_until_its_end_the_soonest_first(
    at: datetime,
) -> None:
    shown = announced(EVENTS[::-1], at)

    assert shown == [event for event in EVENTS if event.announced_at <= at < event.ends_at]


@given(at_edges())
def test_what_events_name_is_obtained_only_while_one_that_names_it_runs(at: datetime) -> None:
    event = running(EVENTS, at)
    named, own = {*FIRST, *SECOND}, {*event.items} if event else set()

    found = ids_at(at)

    assert found & named == own
    assert found - named == {item.id for item in ITEMS} - named


def test_without_events_everything_is_obtained() -> None:
    assert obtainable(ITEMS, (), SPRING.starts_at) is ITEMS


@given(at_edges())
def test_a_period_holds_its_instant_and_ends_at_the_next_midnight_or_edge(at: datetime) -> None:
    period = period_at(at, EVENTS)

    assert period.holds(at)
    assert period.begins_at.date() == at.date()
    for end in (period.begins_at, period.until):
        assert end in EDGES or (end.hour, end.minute, end.second, end.microsecond) == (0, 0, 0, 0)
    assert not any(period.begins_at < edge < period.until for edge in EDGES)
    assert period_at(period.until, EVENTS).begins_at == period.until
    assert period_at(period.until - MOMENT, EVENTS) == period


@given(at_edges(), st.integers(-12, 14))
def test_the_shop_is_the_same_throughout_a_period_wherever_a_clock_hangs(
    at: datetime, hours: int
) -> None:
    period = period_at(at, EVENTS)
    elsewhere = at.astimezone(timezone(timedelta(hours=hours)))

    assert shop_at(period.begins_at) == shop_at(elsewhere) == shop_at(period.until - MOMENT)
    assert shop_at(at).rotates_at == period.until


@given(at_edges())
def test_a_third_of_the_offers_are_of_the_running_event(at: datetime) -> None:
    event = running(EVENTS, at)

    offers = [offer.item.id for offer in shop_at(at).offers]

    assert len(set(offers)) == len(offers) == 6
    assert len({*offers} & {*FIRST, *SECOND}) == (2 if event else 0)
    assert {*offers} <= ids_at(at)


@given(at_edges())
def test_prices_are_those_of_the_event_rounded_up(at: datetime) -> None:
    half = running(EVENTS, at) is SPRING

    for offer in shop_at(at).offers:
        price = SHOP.price_gold.of(offer.item.rarity)
        assert offer.price_gold == (price // 2 if half else price)


@pytest.mark.parametrize(("percent", "price"), [(0, 1), (1, 1), (34, 3), (50, 4), (100, 7)])
def test_a_price_is_never_below_one_gold(percent: int, price: int) -> None:
    cheap = Shop(6, Prices(common=7, rare=7, epic=7))
    event = Event("e", "E", SPRING.announced_at, *EDGES[:2], price_percent=percent, items=FIRST)

    shown = dealt(period_at(SPRING.starts_at, (event,)), ITEMS, cheap, (event,))

    assert {offer.price_gold for offer in shown.offers} == {price}


@given(st.dates(date(2031, 3, 11), date(2031, 3, 15)))
def test_two_rounds_of_an_event_s_items_show_all_of_them(day: date) -> None:
    # Four items, two a day.
    noons = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + n * DAY for n in range(4)]

    offered = {offer.item.id for noon in noons for offer in shop_at(noon).offers}

    assert {*FIRST} <= offered


@given(AROUND)
def test_within_any_thirty_days_every_type_is_offered(at: datetime) -> None:
    month = [shop_at(at + n * DAY) for n in range(30)]

    assert {offer.item.type for shown in month for offer in shown.offers} == set(TYPES)


def test_an_event_has_more_offers_where_nothing_else_suffices() -> None:
    few = [item for item in ITEMS if item.id in FIRST][:3] + [
        item for item in ITEMS if item.id not in {*FIRST, *SECOND}
    ][:2]

    shown = dealt(period_at(SPRING.starts_at, EVENTS), few, SHOP, EVENTS)

    assert {offer.item.id for offer in shown.offers} == {item.id for item in few}


def line_of(start: str) -> int:
    """The line of the shipped rules that begins so."""
    lines = SHIPPED.splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.lstrip().startswith(start))


@pytest.mark.parametrize(
    ("written", "instead", "at", "told"),
    [
        ('"01941f2a-2fb0', '"01941F2A-2fb0', '"01941f2a-2fb0', "events.0.items.0 must be an id"),
        ('"01941f2a-3398-7e39-869b-3dc98a404d0c"', '"hat"', '"01941f2a-3398', "events.0.items.1 must be"),
        ('"01941f2a-2fb0-7288-9dbf-3f946e5cf8f1"', "7", '"01941f2a-2fb0', "events.0.items.0 should be"),
        ("price_percent = 100", "price_percent = 1001", "price_percent", "events.0.price_percent must be from 0"),
        ("exp_percent = 100", 'exp_percent = "100"', "exp_percent", "events.0.exp_percent should be"),
        ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00", "starts_at", "events.0.starts_at must have a time zone"),
        ("2026-12-01T00:00:00Z", '"soon"', "starts_at", "events.0.starts_at should be"),
        ("price_percent = 100", "prices_percent = 100", "price_percent", "events.0.prices_percent is no key"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_event_is_told_with_its_line(
    written: str, instead: str, at: str, told: str
) -> None:
    assert written in SHIPPED
    file = RulesFile("rules.toml", SHIPPED.replace(written, instead, 1).encode())

    with pytest.raises(BadRules) as caught:
        check(file, list(SHAPES.values()))

    assert any(
        each.startswith(f"rules.toml, line {line_of(at)}: {told}") for each in caught.value.problems
    ), caught.value.problems


def test_a_time_that_cannot_be_told_in_utc_is_refused() -> None:
    early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    late = datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-timedelta(hours=12)))

    with pytest.raises(ValueError, match="must be in the years") as caught:
        replace(SEASON, starts_at=early, ends_at=late)

    assert [said.split()[0] for said in caught.value.args] == ["starts_at", "ends_at"]


def test_an_item_that_stands_twice_in_one_event_is_told() -> None:
    text = SHIPPED.replace(SEASON.items[1], SEASON.items[0])

    with pytest.raises(BadRules, match=r"events\.0\.items\.1 repeats items\.0"):
        RulesFile("rules.toml", text.encode()).bound(SHAPE)


def test_the_shipped_season_is_winter_lights() -> None:
    assert SEASON.id == "winter-lights-2026"
    assert SEASON.announced_at == datetime(2026, 11, 20, tzinfo=UTC)
    assert SEASON.starts_at == datetime(2026, 12, 1, tzinfo=UTC)
    assert SEASON.ends_at == datetime(2027, 1, 7, tzinfo=UTC)


def test_a_file_without_events_has_none() -> None:
    file = RulesFile("rules.toml", rules_without_events().encode())

    assert file.bound(SHAPE).events == ()
