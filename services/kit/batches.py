"""Each item of a batch succeeds or fails alone."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import structlog

from services.kit.database import hurried
from services.kit.errors import Failure, HeldUp, Internal, Unavailable
from services.kit.shards import ShardsMixed

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# What is left of a call's time after the batch waited for a lock (1 s of about 2 s).
SINGLY_WITHIN_S = 1.0

log = structlog.get_logger(__name__)


def isolated(
    work: Callable[[Sequence[Item]], Sequence[Answer]], items: Sequence[Item]
) -> Sequence[Answer | Failure]:
    """The answers of `work`, in the items' order.

    When the batch as a whole breaks on a bug, on one item that the database
    refuses or on one that is locked, every item is tried by itself, and only the
    poisoned ones fail. Raises a named failure that concerns the whole call, such
    as Unavailable, and ShardsMixed: who makes such a batch must not get away with it.
    """
    try:
        return work(items)
    except HeldUp:
        log.warning("batch_held_up", items=len(items))
        failure: Failure = Unavailable()
    except (Failure, ShardsMixed):
        raise
    except Exception:
        log.exception("batch_broke", items=len(items))
        failure = Internal()
    return [failure] if len(items) == 1 else list(_singly(work, items))


def _singly(
    work: Callable[[Sequence[Item]], Sequence[Answer]], items: Sequence[Item]
) -> Iterator[Answer | Failure]:
    """Every item by itself, as long as there is time; the rest may try again."""
    until = time.monotonic() + SINGLY_WITHIN_S
    with hurried():
        for item in items:
            yield isolated(work, [item])[0] if time.monotonic() < until else Unavailable()
