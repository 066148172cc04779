"""Whoever does not answer is not waited for again and again."""

from services.kit.breaker import FAILURES, OPEN_S, SILENT_S, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        breaker.unanswered()
    return breaker


def test_a_few_unanswered_calls_are_a_slow_moment() -> None:
    breaker = Breaker(Clock())

    for _ in range(FAILURES - 1):
        breaker.unanswered()

    assert breaker.allows()


def test_three_unanswered_calls_in_a_row_open_it() -> None:
    assert not opened(Clock()).allows()


def test_an_answer_between_them_starts_the_count_anew() -> None:
    breaker = Breaker(Clock())

    for _ in range(2 * FAILURES):
        breaker.unanswered()
        breaker.answered()

    assert breaker.allows()


def test_an_open_one_lets_one_call_a_second_try() -> None:
    clock = Clock()
    breaker = opened(clock)

    clock.now += OPEN_S

    assert [breaker.allows() for _ in range(3)] == [True, False, False]


def test_a_try_that_is_answered_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += OPEN_S
    breaker.allows()

    breaker.answered()

    assert [breaker.allows() for _ in range(3)] == [True, True, True]


def test_a_try_that_is_not_answered_keeps_it_open_for_another_second() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += OPEN_S
    breaker.allows()
    clock.now += OPEN_S / 2

    breaker.unanswered()
    clock.now += OPEN_S / 2

    assert not breaker.allows()


def test_who_did_not_answer_is_silent_until_nobody_asked_for_a_while() -> None:
    clock = Clock()
    breaker = opened(clock)
    silent_at_first = breaker.is_silent

    clock.now += OPEN_S + SILENT_S

    assert (silent_at_first, breaker.is_silent) == (True, False)
