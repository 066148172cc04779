"""A season's first midnight strikes in the shop while 32 clients buy, at two replicas."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock, Semaphore
from typing import TypeVar

import psycopg
import pytest

from protos.inventory.v1 import inventory_pb2
from services.kit.errors import Failure, Unavailable
from tests.service.market import Buyer, Market, buyer_with, opened_market
from tests.service.peers import at_once
from town.numbers import given_numbers
from town.verify import drifts

Answer = TypeVar("Answer")
Shown = inventory_pb2.GetShopResponse

# When Winter Lights starts: also what can be obtained changes with it.
MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)
BUYERS = 32
# These look until the day is over, and then come with what they saw before.
LATECOMERS = 4
# The six offers of the day before cost 1,600, those of the first day 1,400. Everybody tries four.
GOLD = 500
TRIES = 4
# So many are sold before the clock comes to the last moment of the day.
SOLD_BEFORE = 32
LAST_MOMENT = timedelta(seconds=0.15)
CLOCK = """
    CREATE OR REPLACE FUNCTION fast.clock_timestamp() RETURNS timestamptz LANGUAGE sql
        AS $$ SELECT pg_catalog.clock_timestamp() + interval '{seconds} s' $$
"""


@dataclass
class Log:
    """What the shop showed, by rotation, and what it told its buyers."""

    prices: dict[str, dict[str, int]] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    sold: Semaphore = field(default_factory=lambda: Semaphore(0))
    lock: Lock = field(default_factory=Lock)

    def saw(self, shop: Shown) -> Shown:
        """Notes what was shown: one id, one set of prices."""
        prices = {offer.item.id: offer.price_gold for offer in shop.offers}
        with self.lock:
            if self.prices.setdefault(shop.rotation_id, prices) != prices:
                self.wrong.append(f"{shop.rotation_id} is shown twice, with other offers")
        return shop

    def heard(self, answer: str) -> None:
        """Notes what a buy was told."""
        with self.lock:
            self.told[answer] += 1
        if answer == "SOLD":
            self.sold.release()


@dataclass
class Customer:
    """One of the buyers, with a mind of its own."""

    number: int
    buyer: Buyer
    log: Log
    spent: int = 0

    def lives_through_midnight(self) -> None:
        """Buys what there is today, waits for tomorrow, comes too late, and buys again."""
        today = self.look()
        if self.number >= LATECOMERS:
            self.buys_some(today)
        while (shop := self.look()).rotation_id == today.rotation_id:
            pass
        assert self.buys(today, today.offers[0]) in {"OFFER_EXPIRED", "ALREADY_OWNED"}
        self.buys_some(shop)

    def look(self) -> Shown:
        """The shop, at one replica or the other."""
        market = self.buyer.market
        replica = (market.inventory, market.replica)[self.number % 2]
        request = inventory_pb2.GetShopRequest(user_id=self.buyer.id)
        return self.log.saw(patiently(lambda: replica.GetShop(request)))

    def buys_some(self, shop: Shown) -> None:
        """Tries four offers."""
        dice = random.Random(self.number)  # noqa: S311  # The same in every run.
        for offer in dice.sample(list(shop.offers), TRIES):
            self.buys(shop, offer)

    def buys(self, shop: Shown, offer: inventory_pb2.Offer) -> str:
        """What it is told; a sale must be for what the rotation showed."""
        try:
            bought = patiently(lambda: self.buyer.buy(offer.item.id, shop.rotation_id))
        except Failure as failure:
            self.log.heard(failure.reason)
            return failure.reason
        self.spent += bought.gold_spent
        if bought.gold_spent != offer.price_gold or bought.hero.gold < 0:
            self.log.wrong.append(f"{offer} for {bought.gold_spent}, {bought.hero.gold} left")
        self.log.heard("SOLD")
        return "SOLD"


def patiently(call: Callable[[], Answer]) -> Answer:
    """The answer of a call that is repeated while it is unavailable."""
    while True:
        try:
            return call()
        except Unavailable:
            continue


def set_clocks(market: Market, now: datetime) -> None:
    """Has both databases' clocks go on from another time."""
    ahead = (now - datetime.now(UTC)).total_seconds()
    for url in (market.session_url, market.inventory_url):
        with psycopg.connect(url) as connection:
            connection.execute(CLOCK.format(seconds=ahead))


def sides(market: Market) -> Counter[tuple[bool, bool]]:
    """How many were paid, by whether after midnight, and at prices of which day."""
    with psycopg.connect(market.session_url) as connection:
        rows = connection.execute("SELECT bought_at, rotation_id FROM purchase").fetchall()
    return Counter((at >= MIDNIGHT, rotation >= f"{MIDNIGHT:%Y-%m-%d}") for at, rotation in rows)


def test_at_midnight_no_price_is_wrong_no_gold_negative_and_all_is_clear(
    fast_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
    record_property: Callable[[str, object], None],
) -> None:
    urls = {name: fast_database(name) for name in ("session", "inventory", "world")}
    log = Log()
    with opened_market(urls, tmp_path_factory.mktemp("m")) as market:
        set_clocks(market, MIDNIGHT - timedelta(hours=1))
        customers = [Customer(n, buyer_with(market, GOLD), log) for n in range(BUYERS)]

        def strike() -> None:
            for _ in range(SOLD_BEFORE):
                log.sold.acquire()
            set_clocks(market, MIDNIGHT - LAST_MOMENT)

        parts = [strike, *(customer.lives_through_midnight for customer in customers)]
        at_once(len(parts), lambda n: parts[n]())

        left = [customer.buyer.gold() for customer in customers]
        paid = sides(market)
    before, late, after = paid[False, False], paid[True, False], paid[True, True]
    record_property(
        "counted",
        f"at midnight {before} buys before, {after} after, {late} at the price of before that were"
        f" paid after; {dict(log.told)}",
    )
    assert log.wrong == []
    assert left == [GOLD - customer.spent for customer in customers]
    assert min(left) >= 0
    assert list(drifts(urls, given_numbers())) == []
    assert before >= SOLD_BEFORE
    assert after >= LATECOMERS
    assert log.told["SOLD"] == before + after + late
    assert log.told["OFFER_EXPIRED"] >= LATECOMERS
    assert log.told["NOT_ENOUGH_GOLD"] > 0
    with psycopg.connect(urls["inventory"]) as connection:
        recorded = connection.execute("SELECT begins_at, rotation_id FROM shop_rotation").fetchall()
    assert sorted(recorded) == [
        (MIDNIGHT + (day - 1) * timedelta(days=1), rotation)
        for day, rotation in enumerate(sorted(log.prices))
    ]
