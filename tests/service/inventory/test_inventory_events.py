"""Events at work: what drops, is shown and told by when a session started and a clock says."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from protos.inventory.v1 import inventory_pb2 as pb
from services.inventory.catalogue_file import read_catalogue
from services.kit.times import instant, rfc3339
from tests.season import event, rules_with
from tests.service.inventory.seasons import (
    ANNOUNCED,
    DAY,
    ENDS,
    MINUTE,
    NOBODYS,
    OTHERS,
    OWN,
    STARTS,
    fair,
)
from tests.service.inventory.stock import Player, Stock, drop_of, new_id, opened

# Has no items, and follows after a day.
FEAST = event(ENDS + DAY, ENDS + 2 * DAY, id='"feast"', announced_at=rfc3339(ANNOUNCED))
NewDatabase = Callable[[str], str]


@pytest.fixture(scope="module")
def fairground(
    new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stock]:
    """A service with two events, one of which names an item that nobody knows."""
    folder = tmp_path_factory.mktemp("i")
    rules = folder / "rules.toml"
    rules.write_text(rules_with(FEAST, fair([*OWN, NOBODYS], price_percent="50")))
    with opened(new_database("inventory"), folder, rules=rules) as stock:
        yield stock


@pytest.fixture
def player(fairground: Stock) -> Player:
    return Player(fairground)


@pytest.fixture
def collector(player: Player) -> Player:
    """A player who has everything that no event has."""
    player.stock.give([drop_of(player.id) for _ in OTHERS])
    assert {*player.ids()} == OTHERS
    return player


def dropped(player: Player, *drops: pb.Drop) -> list[str | None]:
    """The ids of what these drops give."""
    granted = [result.granted for result in player.stock.give(drops)]
    return [one.item.item.id if one.HasField("item") else None for one in granted]


def events_of(player: Player) -> list[pb.Event]:
    request = pb.ListEventsRequest(user_id=player.id)
    return list(player.stock.gateway.ListEvents(request).events)


def shown(player: Player) -> dict[str, bool]:
    """What the catalogue shows a player, and whether it is owned."""
    entries = player.stock.gateway.ListItems(pb.ListItemsRequest(user_id=player.id)).entries
    return {entry.item.id: entry.owned for entry in entries}


@pytest.mark.parametrize(
    ("started_at", "is_within"),
    [
        (STARTS - MINUTE / 60, False),
        (STARTS, True),
        (ENDS - MINUTE / 60, True),
        (ENDS, False),
        (None, False),
    ],
)
def test_an_event_s_items_drop_by_when_the_session_started(
    collector: Player, started_at: datetime | None, *, is_within: bool
) -> None:
    # It is told later: when the clock says something else does not count.
    (item,) = dropped(collector, drop_of(collector.id, started_at=started_at))

    assert (item in OWN) if is_within else item is None


def test_everything_owned_is_everything_that_can_be_obtained(collector: Player) -> None:
    within = [drop_of(collector.id, started_at=STARTS) for _ in range(len(OWN) + 1)]

    items = dropped(collector, *within)

    assert sorted(item for item in items[:-1] if item) == sorted(OWN)
    assert items[-1] is None


def test_an_event_s_item_that_drops_has_dropped(collector: Player) -> None:
    dropped(collector, drop_of(collector.id, started_at=STARTS))

    (owned,) = (owned for owned in collector.items() if owned.item.id in OWN)
    assert owned.source == pb.SOURCE_DROP


def test_a_drop_whose_start_no_calendar_has_fails_alone(player: Player) -> None:
    bad, good = drop_of(player.id), drop_of(player.id)
    bad.started_at.seconds = 2**62

    told = player.stock.give([bad, good])

    assert told[0].failure.reason == "INTERNAL"
    assert player.ids() == [told[1].granted.item.item.id]


def test_what_can_be_obtained_is_shown_by_the_players_clock(player: Player) -> None:
    seen = []
    moments = (STARTS - MINUTE, STARTS + MINUTE, ENDS - MINUTE, ENDS + MINUTE)
    for revision, at in enumerate(moments, 1):
        player.be_at(at, revision=revision)
        seen.append({*shown(player)} == OTHERS | {*OWN})

    assert seen == [False, True, True, False]
    assert {*shown(player)} == OTHERS


def test_an_event_s_item_stays_with_its_owner(player: Player) -> None:
    player.grant(OWN[0])
    player.equip(OWN[0])

    assert shown(player)[OWN[0]]
    assert OWN[1] not in shown(player)
    assert player.worn().equipped_hat_id == OWN[0]


def test_events_are_told_from_their_announcement_to_their_end_the_soonest_first(
    player: Player,
) -> None:
    told = []
    moments = (ANNOUNCED - MINUTE, ANNOUNCED + MINUTE, STARTS + MINUTE, ENDS + MINUTE)
    for revision, at in enumerate((*moments, ENDS + 3 * DAY), 1):
        player.be_at(at, revision=revision)
        told.append([(event.event_id, event.running) for event in events_of(player)])

    assert told == [
        [],
        [("fair", False), ("feast", False)],
        [("fair", True), ("feast", False)],
        [("feast", False)],
        [],
    ]


def test_an_event_is_told_with_all_that_players_may_know(player: Player) -> None:
    player.be_at(ANNOUNCED + MINUTE, revision=1)
    items = {item.id: item for item in read_catalogue()}

    summer, feast = events_of(player)

    assert (summer.name, instant(summer.starts_at), instant(summer.ends_at)) == (
        "Summer Fair",
        STARTS,
        ENDS,
    )
    assert (summer.exp_percent, summer.gold_percent) == (100, 100)
    assert [item.name for item in summer.items] == [items[item_id].name for item_id in OWN]
    assert (feast.exp_percent, feast.gold_percent, list(feast.items)) == (150, 250, [])


def test_the_shop_of_an_event_has_its_items_at_its_prices_until_it_ends(player: Player) -> None:
    player.be_at(ENDS - MINUTE, revision=1)

    shop = player.stock.gateway.GetShop(pb.GetShopRequest(user_id=player.id))

    prices = {pb.RARITY_COMMON: 50, pb.RARITY_RARE: 150, pb.RARITY_EPIC: 450}
    assert all(offer.price_gold == prices[offer.item.rarity] for offer in shop.offers)
    assert len({offer.item.id for offer in shop.offers} & {*OWN}) == 2
    assert instant(shop.rotates_at) == ENDS


def test_a_retired_item_is_of_no_event_any_more(
    new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("i")
    rules = folder / "rules.toml"
    rules.write_text(rules_with(fair()))
    with opened(new_database("inventory"), folder, rules=rules) as stock:
        player = Player(stock)
        player.be_at(STARTS + MINUTE, revision=1)
        stock.change("UPDATE item SET retired_at = now() WHERE id = %s", OWN[0])
        stock.look_again()

        (event,) = events_of(player)
        stock.give([drop_of(player.id, started_at=STARTS) for _ in read_catalogue()])

        assert [item.id for item in event.items] == OWN[1:]
        assert {*player.ids()} == OTHERS | {*OWN[1:]}


def test_a_drop_is_chosen_by_the_rules_of_its_session_in_one_batch_with_others(
    new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, url, user = tmp_path_factory.mktemp("i"), new_database("inventory"), new_id()
    rules = folder / "rules.toml"
    rules.write_text(rules_with(fair()))
    with opened(url, folder, rules=rules) as stock:
        stock.give([drop_of(user) for _ in OTHERS])
        ((was,),) = stock.rows("SELECT version FROM rules_version")
    # Now nothing is an event's, so that everything drops at any time.
    rules.write_text(rules_with())
    with opened(url, folder, rules=rules) as stock, capture_logs() as logs:
        ((now,),) = stock.rows("SELECT version FROM rules_version WHERE version <> %s", was)
        drops = [drop_of(user, rules_version=version) for version in (was, now, "nobody's", "")]

        first, *others = dropped(Player(stock, user), *drops)

        rows = stock.rows("SELECT session_id::text, rules_version FROM drop_grant")
    assert first is None
    assert {*others} == {*OWN}
    chosen_by = dict(rows)
    assert [chosen_by[drop.session_id] for drop in drops] == [was, now, now, now]
    assert {"nobody's"} == {log["asked"] for log in logs if log["event"] == "rules_not_known"}
