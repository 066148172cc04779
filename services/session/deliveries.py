"""After an item is paid: have it delivered, or give the gold back; repeat until either is done.

The purchase row itself is the outbox: not settled. Inventory takes the purchase's
id as the key of the delivery, so telling it twice is as good as once. Only what
inventory says can never be delivered is refunded: silence never is, because a
delivery that was not heard of may have been done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from protos.inventory.v1.inventory_pb2 import OwnedItem
from services.kit.errors import Failure, Refused, Unavailable
from services.kit.failpoints import reach
from services.session.failures import AlreadyOwned
from services.session.messages import item_stored
from services.session.purchase_store import PurchaseRow
from services.session.settle import SWEEP_TIMEOUT_S, Outbox, Tried, settle_page
from services.session.store import Key

# The one refusal that is for ever, because nobody loses an item: it came another way
# meanwhile. An item that inventory does not know may come with its next version.
_NEVER = AlreadyOwned.reason

Outcome = OwnedItem | Failure


@dataclass(frozen=True, slots=True)
class Handed:
    """What inventory said: by purchase the item, or the reason of a refusal.

    What is in none of them is unknown: nobody answered.
    """

    delivered: Mapping[Key, OwnedItem]
    refused: Mapping[Key, str]


class Receiver(Protocol):
    """Inventory."""

    def deliver(self, rows: Sequence[PurchaseRow], *, timeout_s: float) -> Handed:
        """Tells of purchases of one shard, each keyed by the purchase. Never raises."""


class Deliveries:
    """Has purchases delivered, or refunded where they can never be."""

    def __init__(
        self,
        outbox: Outbox[PurchaseRow],
        receiver: Receiver,
        refund: Callable[[Sequence[PurchaseRow]], Sequence[Failure | None]],
    ) -> None:
        self._outbox = outbox
        self._receiver = receiver
        self._refund = refund

    def deliver(self, row: PurchaseRow, *, timeout_s: float) -> OwnedItem:
        """The item of a paid purchase, which one call alone ever gets.

        Raises AlreadyOwned when another call was told of it before, or when the
        player came by the item another way, and is refunded. Raises Unavailable
        while nobody delivers; the sweeper goes on, and so does buying again. A
        purchase is not a success before: the item could be neither worn nor shown,
        and its gold may yet come back, which an answer that stands could not take
        back. (A completion's reward is final when it is paid; so that may be told
        while its effects are on their way.)
        """
        outcome = self._settle([row], timeout_s)[row.key]
        if isinstance(outcome, OwnedItem):
            return outcome
        # Whoever cannot deliver it now is asked again, by the sweeper or the player.
        raise Unavailable if isinstance(outcome, Refused) else outcome

    def settle_due(self) -> bool:
        """Settles a page of what was left; whether to go on at once. Raises Unavailable."""
        return settle_page(self._outbox, self._swept)

    def _swept(self, rows: Sequence[PurchaseRow]) -> Tried:
        outcomes = self._settle(rows, SWEEP_TIMEOUT_S)
        is_final = (OwnedItem, AlreadyOwned)
        settled = {key for key, what in outcomes.items() if isinstance(what, is_final)}
        unknown = {key for key, what in outcomes.items() if isinstance(what, Unavailable)}
        return Tried(frozenset(settled), frozenset(outcomes.keys() - settled - unknown))

    def _settle(self, rows: Sequence[PurchaseRow], timeout_s: float) -> dict[Key, Outcome]:
        """What became of each row: its item, AlreadyOwned, or why it is not settled."""
        handed = self._receiver.deliver(rows, timeout_s=timeout_s)
        reach("session.buy.after_deliver")
        ours = self._outbox.mark({k: item_stored(item) for k, item in handed.delivered.items()})
        outcomes: dict[Key, Outcome] = {row.key: Unavailable() for row in rows}
        outcomes |= {key: Refused(reason, {}) for key, reason in handed.refused.items()}
        outcomes |= {k: i if k in ours else AlreadyOwned() for k, i in handed.delivered.items()}
        never = [row for row in rows if handed.refused.get(row.key) == _NEVER]
        for row, failure in zip(never, self._refund(never), strict=True):
            outcomes[row.key] = failure or AlreadyOwned()
        return outcomes
