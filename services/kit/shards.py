"""The player is the shard: which shard a player lives on, and a guard for it.

One PostgreSQL server per service is one shard, the default. With more, batches
are grouped by shard, and a transaction that mixes shards is a bug: the guard
raises, so that no test run passes with such a statement.
"""

import os
import uuid
from collections.abc import Iterable
from typing import Any, TypeVar

Row = TypeVar("Row", bound=Any)

COUNT = int(os.environ.get("NESRA_SHARDS", "1"))


class ShardsMixed(Exception):
    """A transaction touched players of two shards."""


def shard_of(user_id: str) -> int:
    """The shard of a player, from 0 up to below `COUNT`."""
    return 0 if COUNT == 1 else uuid.UUID(user_id).int % COUNT


def by_shard(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows with a `user_id`, apart by the shard of their players, in the same order."""
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(shard_of(row.user_id), []).append(row)
    return list(groups.values())


def one_shard(users: Iterable[str], *, bound: int | None) -> int | None:
    """The one shard of `users`, which is also `bound` where that is given.

    Raises ShardsMixed otherwise. None for no users and no bound.
    """
    shards = {shard_of(user) for user in users}
    if bound is not None:
        shards.add(bound)
    if len(shards) > 1:
        raise ShardsMixed(sorted(shards))
    return shards.pop() if shards else None
