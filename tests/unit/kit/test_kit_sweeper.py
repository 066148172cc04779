"""The sweeper goes on, whatever happens to one of its steps."""

import threading

import pytest

from services.kit.errors import Unavailable
from services.kit.sweeper import PAGES, Sweeper


class Step:
    """A step with some pages of work, or one that breaks each time."""

    def __init__(self, pages: int = 0, *, breaks: Exception | None = None) -> None:
        self.left = pages
        self.turns = 0
        self._breaks = breaks

    def __call__(self) -> bool:
        self.turns += 1
        if self._breaks:
            raise self._breaks
        self.left -= 1
        return self.left > 0


@pytest.mark.parametrize("breaks", [Unavailable(), KeyError("a bug")])
def test_a_step_that_breaks_holds_up_neither_the_others_nor_its_next_turn(
    breaks: Exception,
) -> None:
    broken, sound = Step(breaks=breaks), Step(pages=3)
    sweeper = Sweeper(broken, sound)

    sweeper.sweep()
    sweeper.sweep()

    assert sound.left <= 0
    assert broken.turns == 2


def test_a_step_without_an_end_leaves_the_others_their_turn() -> None:
    endless, other = Step(pages=10 * PAGES), Step(pages=1)

    Sweeper(endless, other).sweep()

    assert (endless.turns, other.turns) == (PAGES, 1)


def test_a_sweep_ends_when_the_service_stops() -> None:
    step, stopping = Step(pages=3), threading.Event()
    stopping.set()

    Sweeper(step).sweep(stopping)

    assert step.turns == 0
