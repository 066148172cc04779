"""Who has no row yet gets one by itself, before anybody's row is locked."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from services.kit.newcomers import under_lock

NOW = datetime(2031, 5, 14, tzinfo=UTC)


class Players:
    """A database of rows, and what was done in each transaction."""

    def __init__(self, *known: str) -> None:
        self.rows = set(known)
        self.transactions: list[list[str]] = []

    def transact(self, work: Callable[[Any], Any]) -> Any:
        self.transactions.append([])
        return work(self)

    def lock(self, _: Any, users: Sequence[str]) -> tuple[dict[str, str], datetime]:
        self.transactions[-1].append(f"lock {' '.join(users)}")
        return {user: user.upper() for user in users if user in self.rows}, NOW

    def make(self, _: Any, users: Sequence[str]) -> None:
        self.transactions[-1].append(f"make {' '.join(users)}")
        self.rows.update(users)

    def decided(self, *users: str) -> Any:
        return under_lock(
            self,  # type: ignore[arg-type]  # all that is used of a database
            users,
            lambda _, rows, now: (rows, now),
            lock=self.lock,
            make=self.make,
        )


def test_players_are_locked_in_order_each_once() -> None:
    players = Players("ann", "bob")

    assert players.decided("bob", "ann", "bob") == ({"ann": "ANN", "bob": "BOB"}, NOW)
    assert players.transactions == [["lock ann bob"]]


def test_a_newcomer_is_made_in_a_transaction_without_locks() -> None:
    players = Players("bob")

    assert players.decided("cid", "bob", "ann")[0].keys() == {"ann", "bob", "cid"}
    assert players.transactions == [["lock ann bob cid"], ["make ann cid"], ["lock ann bob cid"]]
