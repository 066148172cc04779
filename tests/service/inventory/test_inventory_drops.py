"""A session's drop is given exactly once, and never a second copy."""

from protos.inventory.v1 import inventory_pb2 as pb
from services.inventory import store
from services.inventory.drops import Drop, DropTable, give
from services.inventory.rules import RarityWeights, dropped
from services.inventory.store import DropKey, Grant
from tests.service.inventory.stock import Player, Stock, drop_of, new_id, shipped
from tests.service.peers import neighbours

WEIGHTS = RarityWeights(common=75, rare=20, epic=5)


def test_a_drop_gives_the_item_that_its_luck_chooses(player: Player) -> None:
    luck = bytes(range(16))
    chosen = dropped(luck, shipped(), owned=(), weights=WEIGHTS)

    granted = player.drop(luck=luck)

    assert chosen is not None
    assert granted.item.item.id == chosen.id
    assert granted.item.item.sprite_key == chosen.sprite_key


def test_a_dropped_item_is_in_the_inventory(player: Player) -> None:
    granted = player.drop()

    assert player.items() == [granted.item]
    assert granted.item.source == pb.SOURCE_DROP


def test_a_drop_told_again_gives_what_it_gave(player: Player) -> None:
    session_id = new_id()
    first = player.drop(session_id)

    again = player.drop(session_id, luck=bytes(16))

    assert again == first
    assert len(player.items()) == 1


def test_what_a_drop_gave_is_told_unworn_though_it_is_worn_now(player: Player) -> None:
    session_id = new_id()
    first = player.drop(session_id)
    player.equip(first.item.item.id)

    again = player.drop(session_id)

    assert again == first
    assert not again.item.equipped


def test_a_drop_twice_in_one_batch_is_given_once(stock: Stock, player: Player) -> None:
    drop = drop_of(player.id)

    first, second = stock.give([drop, drop])

    assert first == second
    assert player.ids() == [first.granted.item.item.id]


def test_two_sessions_of_one_player_in_one_batch_give_two_items(
    stock: Stock, player: Player
) -> None:
    luck = bytes(16)

    results = stock.give([drop_of(player.id, luck=luck), drop_of(player.id, luck=luck)])

    given = [result.granted.item.item.id for result in results]
    assert len(set(given)) == 2
    assert sorted(player.ids()) == sorted(given)


def test_a_batch_is_decided_drop_by_drop_in_one_transaction(stock: Stock) -> None:
    user = new_id()
    table = DropTable(shipped(), WEIGHTS, "v")
    drops = [Drop(DropKey(user, new_id()), bytes(16), table)] * 2
    drops += [Drop(DropKey(user, new_id()), bytes(16), table) for _ in range(4)]

    with stock.transaction() as connection:
        store.make_wardrobes(connection, [user])
        owners, now = store.lock_wardrobes(connection, [user])
        grants = give(connection, owners, drops, is_sandbox=False, now=now)

    given = [grant.item_id for grant in grants if isinstance(grant, Grant)]
    assert given[0] == given[1]
    assert len(set(given)) == 5


def test_wardrobes_are_made_in_the_order_of_the_players(own_stock: Stock) -> None:
    # So two batches with the same new players never wait for each other in a ring.
    users = list(neighbours(40))

    own_stock.give([drop_of(user) for user in users])

    made = own_stock.rows("SELECT user_id::text FROM wardrobe ORDER BY ctid")
    assert [user for (user,) in made] == sorted(users)


def test_results_come_in_the_order_of_the_drops(stock: Stock) -> None:
    players = [Player(stock, user) for user in neighbours(5)]

    results = stock.give([drop_of(player.id) for player in players])

    assert [[r.granted.item.item.id] for r in results] == [player.ids() for player in players]


def test_the_same_session_id_of_two_players_is_two_drops(stock: Stock) -> None:
    ann, bob, session_id = Player(stock), Player(stock), new_id()

    ann.drop(session_id)
    bob.drop(session_id)

    assert len(ann.items()) == len(bob.items()) == 1


def test_drops_go_on_until_everything_is_owned_and_then_give_nothing(
    stock: Stock, player: Player
) -> None:
    everything = sorted(item.id for item in shipped())

    results = stock.give([drop_of(player.id) for _ in range(len(everything) + 1)])

    assert sorted(player.ids()) == everything
    assert not results[-1].granted.HasField("item")


def test_a_drop_that_gave_nothing_gives_nothing_for_ever(own_stock: Stock) -> None:
    player, session_id = Player(own_stock), new_id()
    own_stock.give([drop_of(player.id) for _ in own_stock.catalogue()])
    player.drop(session_id)
    own_stock.change("DELETE FROM drop_grant WHERE session_id <> %s", session_id)
    own_stock.change("DELETE FROM inventory WHERE user_id = %s", player.id)

    again = player.drop(session_id)

    assert again == pb.Granted()
    assert player.drop().HasField("item")


def test_a_retired_item_drops_no_more(own_stock: Stock) -> None:
    player = Player(own_stock)
    player.drop()
    own_stock.change("UPDATE item SET retired_at = now() WHERE type <> 'hat'")
    own_stock.look_again()
    player = Player(own_stock)

    own_stock.give([drop_of(player.id) for _ in range(60)])

    assert {owned.item.type for owned in player.items()} == {pb.ITEM_TYPE_HAT}


def test_luck_of_another_size_fails_alone(stock: Stock, player: Player) -> None:
    good, bad = stock.give([drop_of(player.id), drop_of(player.id, luck=b"short")])

    assert bad.failure.reason == "LUCK_MALFORMED"
    assert player.ids() == [good.granted.item.item.id]


def test_a_poisoned_drop_fails_alone(stock: Stock, player: Player) -> None:
    bad, good = stock.give([drop_of(player.id, "no session"), drop_of(player.id)])

    assert bad.failure.reason == "INTERNAL"
    assert player.ids() == [good.granted.item.item.id]


def test_a_batch_may_be_empty(stock: Stock) -> None:
    assert stock.give([]) == []


def test_a_drop_leaves_its_session_in_the_inventory(stock: Stock, player: Player) -> None:
    session_id = new_id()

    granted = player.drop(session_id)

    rows = stock.rows(
        "SELECT item_id::text, source::text FROM inventory WHERE user_id = %s AND session_id = %s",
        player.id,
        session_id,
    )
    assert rows == [(granted.item.item.id, "drop")]
