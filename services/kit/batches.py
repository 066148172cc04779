"""Each item of a batch succeeds or fails alone."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

from services.kit.errors import Failure, Internal
from services.kit.shards import ShardsMixed

Item = TypeVar("Item")
Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


def isolated(
    work: Callable[[Sequence[Item]], Sequence[Answer]], items: Sequence[Item]
) -> Sequence[Answer | Failure]:
    """The answers of `work`, in the items' order.

    When the batch as a whole breaks on a bug or on one item that the database
    refuses, every item is tried by itself, and only the poisoned ones fail.
    Raises a named failure that concerns the whole call, such as Unavailable, and
    ShardsMixed: who makes such a batch must not get away with it.
    """
    try:
        return work(items)
    except (Failure, ShardsMixed):
        raise
    except Exception:
        log.exception("batch_broke", items=len(items))
    if len(items) == 1:
        return [Internal()]
    return [answer for item in items for answer in isolated(work, [item])]
