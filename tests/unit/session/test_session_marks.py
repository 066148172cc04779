"""Marks are made beside the calls, all of them, and none is in anybody's way."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from services.kit.errors import Unavailable
from services.kit.ids import uuid7
from services.session.marks import BATCH, MOST_WAITING, Marks
from services.session.store import Key


class Outbox:
    """Remembers what was marked, and by which thread; can be held up, away or broken."""

    def __init__(self) -> None:
        self.batches: list[dict[Key, Any]] = []
        self.threads: set[int] = set()
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.marked = threading.Event()
        self.failures: list[Exception] = []

    def mark(self, done: Mapping[Key, Any]) -> set[Key]:
        assert self.goes_on.wait(10)
        self.threads.add(threading.get_ident())
        self.marked.set()
        if self.failures:
            raise self.failures.pop()
        self.batches.append(dict(done))
        return set(done)

    @property
    def all(self) -> dict[Key, Any]:
        return {key: item for batch in self.batches for key, item in batch.items()}


NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAYER = uuid7(NOW)


def keys(count: int) -> dict[Key, Any]:
    return {Key(PLAYER, uuid7(NOW)): None for _ in range(count)}


@contextmanager
def running(marks: Marks) -> Iterator[None]:
    """Marks run in a thread within."""
    stopping = threading.Event()
    thread = threading.Thread(target=marks.run, args=(stopping,))
    thread.start()
    while not marks.is_running:
        assert thread.is_alive()
    yield
    stopping.set()
    thread.join(10)
    assert not thread.is_alive()


def test_nobody_waits_for_a_mark_while_marks_run() -> None:
    outbox, wanted = Outbox(), keys(3)
    marks = Marks(outbox)

    with running(marks):
        outbox.goes_on.clear()
        marks.add(wanted)
        outbox.goes_on.set()
        assert outbox.marked.wait(10)

    assert outbox.all == wanted
    assert threading.get_ident() not in outbox.threads


def test_without_a_thread_a_mark_is_made_at_once() -> None:
    outbox, wanted = Outbox(), keys(1)

    Marks(outbox).add(wanted)

    assert outbox.all == wanted


def test_what_waits_at_the_end_is_marked_and_what_comes_later_too() -> None:
    outbox, early, late = Outbox(), keys(5), keys(1)
    marks = Marks(outbox)

    with running(marks):
        marks.add(early)
    marks.add(late)

    assert outbox.all == early | late


def test_one_statement_marks_so_many_at_most() -> None:
    outbox, wanted = Outbox(), keys(2 * BATCH + 1)

    Marks(outbox).add(wanted)

    assert [len(batch) for batch in outbox.batches] == [BATCH, BATCH, 1]


def test_when_too_many_wait_the_caller_marks_them() -> None:
    outbox = Outbox()
    marks = Marks(outbox)

    with running(marks):
        outbox.goes_on.clear()
        first = keys(1)
        marks.add(first)
        while marks.waiting:
            pass
        marks.add(keys(MOST_WAITING))
        threading.Timer(0.05, outbox.goes_on.set).start()
        more = keys(1)
        marks.add(more)

    assert threading.get_ident() in outbox.threads
    assert more.keys() <= outbox.all.keys()


def test_whoever_looks_back_has_marked_what_waits() -> None:
    outbox, mine, others = Outbox(), keys(2), {Key(uuid7(NOW), uuid7(NOW)): None}
    marks = Marks(outbox)

    with running(marks):
        marks.add(mine | others)
        marks.catch_up(PLAYER)

        assert mine.keys() <= outbox.all.keys()

    assert outbox.all == mine | others


def test_whoever_looks_back_waits_for_what_is_being_marked() -> None:
    outbox, mine = Outbox(), keys(1)
    marks = Marks(outbox)

    with running(marks):
        outbox.goes_on.clear()
        marks.add(mine)
        while marks.waiting:
            pass
        threading.Timer(0.05, outbox.goes_on.set).start()
        marks.catch_up(PLAYER)

        assert outbox.all == mine


@pytest.mark.parametrize("failure", [Unavailable(), ZeroDivisionError()])
def test_a_mark_that_fails_ends_no_marking(failure: Exception) -> None:
    outbox, wanted = Outbox(), keys(1)
    marks = Marks(outbox)
    outbox.failures = [failure]

    with running(marks):
        marks.add(keys(1))
        assert outbox.marked.wait(10)
        marks.add(wanted)

    assert wanted.keys() <= outbox.all.keys()
