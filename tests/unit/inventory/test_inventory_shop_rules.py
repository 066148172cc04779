"""What the shop offers on which day: the laws that hold for every day."""

import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.catalogue_file import read_catalogue
from services.inventory.events import obtainable, period_at
from services.inventory.play import SHAPE
from services.inventory.rules import RARITIES, TYPES, Item, Prices, Shop, display_order
from services.inventory.shop import Offer, Rotation, dealt, rotation_of
from services.kit.rulesfile import BadRules, load
from services.kit.settings import RULES

EVENTS = load(RULES, SHAPE).rules.events
# Outside all events.
SHIPPED = tuple(obtainable(read_catalogue(), EVENTS, None))
SHOP = Shop(offers_a_day=6, price_gold=Prices(common=100, rare=300, epic=900))
DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2100, 1, 1))
TIMES = st.times()


def shown_at(at: datetime, items: tuple[Item, ...] = SHIPPED, shop: Shop = SHOP) -> Rotation:
    return dealt(period_at(at, ()), items, shop, ())


def on(day: date, items: tuple[Item, ...] = SHIPPED, shop: Shop = SHOP) -> Rotation:
    return shown_at(datetime.combine(day, time(12), UTC), items, shop)


def month_from(day: date) -> list[Rotation]:
    return [on(day + timedelta(days=n)) for n in range(30)]


def ids_of(rotation: Rotation) -> list[str]:
    return [offer.item.id for offer in rotation.offers]


def catalogue_of(hats: int, outfits: int, accessories: int) -> tuple[Item, ...]:
    counts = dict(zip(TYPES, (hats, outfits, accessories), strict=True))
    return tuple(
        Item(f"{kind}-{n}", f"{kind} {n}", kind, RARITIES[n % 3], f"{kind}_{n}")
        for kind, count in counts.items()
        for n in range(count)
    )


@given(DAYS)
def test_every_day_offers_six_different_items_of_every_type(day: date) -> None:
    offers = on(day).offers

    assert len({offer.item.id for offer in offers}) == len(offers) == 6
    assert {offer.item.type for offer in offers} == set(TYPES)


@given(DAYS)
def test_within_any_thirty_days_everything_is_offered(day: date) -> None:
    offered = {item for rotation in month_from(day) for item in ids_of(rotation)}

    assert offered == {item.id for item in SHIPPED}


@given(DAYS)
def test_within_any_thirty_days_every_type_and_rarity_is_offered(day: date) -> None:
    items = [offer.item for rotation in month_from(day) for offer in rotation.offers]

    assert {item.type for item in items} == set(TYPES)
    assert {item.rarity for item in items} == set(RARITIES)


@given(DAYS, st.permutations(SHIPPED))
def test_the_same_day_offers_the_same_in_whatever_order_the_items_come(
    day: date, items: list[Item]
) -> None:
    assert on(day, tuple(items)) == on(day)


@given(DAYS, TIMES, TIMES)
def test_one_day_in_utc_has_one_rotation(day: date, early: time, late: time) -> None:
    moments = [datetime.combine(day, at, UTC) for at in (early, late)]

    first, second = (shown_at(moment) for moment in moments)

    assert first == second
    assert moments[0] < first.rotates_at <= moments[0] + timedelta(days=1)
    assert first.rotates_at.time() == time(0)


def test_the_day_is_that_of_utc_wherever_the_clock_hangs() -> None:
    evening = datetime(2026, 3, 1, 20, tzinfo=timezone(timedelta(hours=-8)))

    shown = shown_at(evening)

    assert shown == on(date(2026, 3, 2))
    assert shown.id.startswith("2026-03-02-")
    assert shown.rotates_at == datetime(2026, 3, 3, tzinfo=UTC)


@given(DAYS)
def test_each_day_has_an_id_of_its_own_that_fits_its_column(day: date) -> None:
    ids = [rotation.id for rotation in month_from(day)]

    assert len(set(ids)) == 30
    assert max(map(len, ids)) <= 64


def test_other_prices_or_other_items_have_another_id() -> None:
    day = date(2026, 3, 1)
    dearer = Shop(6, Prices(common=101, rare=301, epic=901))
    without_one = tuple(item for item in SHIPPED if item.id != ids_of(on(day))[0])

    ids = {on(day).id, on(day, shop=dearer).id, on(day, without_one).id}

    assert len(ids) == 3


def test_what_only_its_place_among_the_others_tells_apart_has_the_same_id() -> None:
    shown = on(date(2026, 3, 1))
    first, *others = shown.offers
    renamed = Offer(replace(first.item, name="ZZ", rarity="epic"), first.price_gold)

    again = rotation_of(shown.period, [renamed, *others])

    assert ids_of(again) != ids_of(shown)
    assert again.id == shown.id


def test_a_price_is_that_of_the_rarity() -> None:
    offers = [offer for rotation in month_from(date(2026, 3, 1)) for offer in rotation.offers]

    prices = {(offer.item.rarity, offer.price_gold) for offer in offers}

    assert prices == {("common", 100), ("rare", 300), ("epic", 900)}


def test_offers_are_shown_in_the_order_of_the_catalogue() -> None:
    shown = [offer.item for offer in on(date(2026, 3, 1)).offers]

    assert shown == sorted(shown, key=display_order)


def test_an_offer_is_found_by_its_item() -> None:
    today = on(date(2026, 3, 1))
    absent = next(item for item in SHIPPED if item.id not in ids_of(today))

    assert today.offer_of(today.offers[2].item.id) == today.offers[2]
    assert today.offer_of(absent.id) is None


def test_rounds_are_shuffled_differently() -> None:
    # Eight days go once through 45 items, six a day.
    rounds = [
        [ids_of(on(date.fromordinal(8 * number + n))) for n in range(8)]
        for number in (90_000, 90_001, 90_002)
    ]

    for one, other in itertools.combinations(rounds, 2):
        assert one != other
    assert set(Counter(itertools.chain(*rounds[0])).values()) <= {1, 2}


@pytest.mark.parametrize("counts", [(1, 0, 0), (4, 0, 1), (2, 2, 2), (7, 3, 1), (40, 1, 1)])
def test_any_catalogue_offers_what_it_can_and_all_of_it_in_two_rounds(
    counts: tuple[int, int, int],
) -> None:
    items = catalogue_of(*counts)
    days_a_round = -(-len(items) // 6)

    days = [ids_of(on(date(2026, 3, 1) + timedelta(n), items)) for n in range(2 * days_a_round)]

    assert all(len(set(day)) == len(day) == min(6, len(items)) for day in days)
    assert set(itertools.chain(*days)) == {item.id for item in items}


def test_an_empty_catalogue_offers_nothing() -> None:
    assert on(date(2026, 3, 1), ()).offers == ()


def test_the_shipped_rules_sell_for_100_300_and_900() -> None:
    rules, _ = load(RULES, SHAPE)

    assert rules.shop == SHOP


@pytest.mark.parametrize(
    ("written", "instead", "fault"),
    [
        ("offers_a_day = 6", "offers_a_day = 3", "offers_a_day must be at least 4"),
        ("epic = 900", "epic = 0", "epic must be from 1 up to"),
        ("rare = 300", 'rare = "300"', "inventory.shop.price_gold.rare"),
        ("offers_a_day = 6", "", "inventory.shop.offers_a_day"),
    ],
)
def test_a_shop_that_cannot_be_is_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, written: str, instead: str, fault: str
) -> None:
    path = tmp_path_factory.mktemp("rules") / "rules.toml"
    path.write_text(RULES.read_text().replace(written, instead))

    with pytest.raises(BadRules, match=fault):
        load(path, SHAPE)
