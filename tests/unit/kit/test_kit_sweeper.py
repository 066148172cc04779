"""What was left behind is taken up again, step by step, page by page."""

import threading

from services.kit.errors import Unavailable
from services.kit.sweeper import PAGES, Sweeper


class Work:
    """A step with so many pages of work."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.done = 0

    def __call__(self) -> bool:
        self.done += 1
        return self.done < self.pages


def test_a_step_goes_on_while_there_is_more() -> None:
    work = Work(3)

    Sweeper(work).sweep()

    assert work.done == 3


def test_a_step_without_an_end_leaves_the_others_their_turn() -> None:
    endless, other = Work(10 * PAGES), Work(1)

    Sweeper(endless, other).sweep()

    assert (endless.done, other.done) == (PAGES, 1)


def test_a_step_that_fails_holds_up_none_of_the_others() -> None:
    def away() -> bool:
        raise Unavailable

    def broken() -> bool:
        raise ZeroDivisionError

    work = Work(1)

    Sweeper(away, broken, work).sweep()

    assert work.done == 1


def test_sweeping_ends_when_it_is_told_to() -> None:
    stopping = threading.Event()
    rounds = []

    def step() -> bool:
        rounds.append(stopping.is_set())
        stopping.set()
        return True

    Sweeper(step).run(_WithoutWaiting(stopping))

    assert rounds == [False]


class _WithoutWaiting(threading.Event):
    """The same event, which nobody waits for."""

    def __init__(self, event: threading.Event) -> None:
        super().__init__()
        self._event = event

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        return self._event.is_set()
