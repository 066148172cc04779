"""The calls of one request share their time: each gets what the ones before it left."""

from gateway.clients import CALLS_S, Budget
from gateway.coalescer import LEAST_CALL_S


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_time_begins_with_the_first_call_and_not_before() -> None:
    clock = Clock()
    budget = Budget(clock)

    clock.now += 5.0

    assert abs(budget.left() - CALLS_S) < 1e-6


def test_a_later_call_gets_what_is_left() -> None:
    clock = Clock()
    budget = Budget(clock)
    budget.left()

    clock.now += 1.0

    assert abs(budget.left() - (CALLS_S - 1.0)) < 1e-6


def test_a_call_is_given_enough_to_be_worth_it() -> None:
    clock = Clock()
    budget = Budget(clock)
    budget.left()

    clock.now += CALLS_S

    assert budget.left() == LEAST_CALL_S
