"""What buyers say and have, and a sweep of what they paid for."""

import uuid

from services.kit.errors import Internal, Refused, Unavailable
from tests.service.session.conftest import Arm, Town
from tests.service.session.players import Player


def new_item() -> str:
    return str(uuid.uuid4())


def tells(player: Player, item: str) -> str:
    """What a buy says: SOLD, or the reason why not."""
    try:
        player.buy(item)
    except (Refused, Unavailable, Internal) as failure:
        return failure.reason
    return "SOLD"


def insists(player: Player, item: str) -> str:
    """As `tells`, by one who repeats what is unavailable at the moment."""
    while (told := tells(player, item)) == "UNAVAILABLE":
        pass
    return told


def purchases_of(town: Town, player: Player) -> list[tuple[str, str]]:
    """The player's purchases, oldest first: which item, and how each stands."""
    return town.rows(
        "SELECT item_id::text, CASE WHEN refunded_at IS NOT NULL THEN 'refunded'"
        " WHEN settled_at IS NOT NULL THEN 'delivered' WHEN settle_after IS NULL THEN 'dead'"
        " ELSE 'under way' END FROM purchase WHERE user_id = %s ORDER BY id",
        player.id,
    )


def sweep(town: Town, *players: Player) -> None:
    """Sweeps as if the wait of these players' purchases were over."""
    for player in players:
        town.rows(
            "UPDATE purchase SET settle_after = clock_timestamp() - interval '1 day'"
            " WHERE user_id = %s AND settled_at IS NULL AND settle_after IS NOT NULL RETURNING id",
            player.id,
        )
    town.sweeper.sweep()


def paid_and_under_way(town: Town, player: Player, item: str, arm: Arm) -> None:
    """A purchase whose buyer crashed right after paying."""
    arm("session.buy.after_commit")
    assert tells(player, item) == "INTERNAL"
    assert purchases_of(town, player)[-1] == (item, "under way")
