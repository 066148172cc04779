"""What a budget lets through, when it comes back, and how little is kept of it."""

import pytest

from gateway import limits
from gateway.limits import LIMITS, MINUTE, Counter, Limit

SIXTY = Limit("sixty", 60)
SECOND = 1_000_000


class Clock:
    # Any time but a round one.
    now = 1_234_567_890_123

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counter(clock: Clock) -> Counter:
    return Counter(SIXTY, clock)


def spend(counter: Counter, calls: int, who: str = "ada") -> None:
    for _ in range(calls):
        assert counter.count(who).retry_s == 0


def test_a_whole_budget_can_be_spent_at_once_and_no_more(counter: Counter) -> None:
    spend(counter, 60)

    assert counter.count("ada").retry_s > 0


def test_what_is_told_to_remain_is_what_the_next_calls_find(counter: Counter, clock: Clock) -> None:
    for pause in (0, 1, 300, 999_999, SECOND, 7 * SECOND + 3):
        clock.now += pause
        remaining = counter.count("ada").remaining
        spend(counter, remaining)
        assert counter.count("ada").retry_s > 0
        clock.now += 30 * SECOND


def test_whoever_waits_as_told_is_let_through(counter: Counter, clock: Clock) -> None:
    spend(counter, 60)
    clock.now += 123_456

    clock.now += counter.count("ada").retry_s * SECOND

    assert counter.count("ada").retry_s == 0


def test_whoever_comes_a_second_too_early_is_not(counter: Counter, clock: Clock) -> None:
    spend(counter, 60)

    clock.now += SECOND - 1

    assert counter.count("ada").retry_s == 1


def test_after_the_reset_all_is_back(counter: Counter, clock: Clock) -> None:
    spend(counter, 10)
    reset_s = counter.count("ada").reset_s

    clock.now += reset_s * SECOND

    assert counter.count("ada").remaining == 59


def test_asking_in_vain_keeps_nobody_out(counter: Counter, clock: Clock) -> None:
    spend(counter, 60)
    for _ in range(1000):
        assert counter.count("ada").retry_s == 1

    clock.now += SECOND

    assert counter.count("ada").retry_s == 0


def test_no_edge_of_a_window_lets_twice_as_much_through(counter: Counter, clock: Clock) -> None:
    passed_at: list[int] = []
    for _ in range(4 * 600):
        clock.now += SECOND // 10
        if counter.count("ada").retry_s == 0:
            passed_at.append(clock.now)

    for begin in passed_at:
        within_5_s = [at for at in passed_at if begin <= at < begin + 5 * SECOND]
        assert len(within_5_s) <= 50
    # The budget at once, and as much again in each of the four minutes.
    assert len(passed_at) <= 60 + 4 * 60


def test_everybody_has_a_budget_of_their_own(counter: Counter) -> None:
    spend(counter, 60, "ada")

    assert counter.count("bob").remaining == 59


def test_a_budget_is_remembered_over_the_turn_of_what_is_kept(
    counter: Counter, clock: Clock
) -> None:
    counter.count("first")
    clock.now += MINUTE - 1
    spend(counter, 60)

    clock.now += 2
    counter.count("second")

    assert counter.count("ada").retry_s > 0


def test_a_flood_of_callers_does_not_fill_the_memory(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "KEPT", 100)

    for number in range(1000):
        counter.count(str(number))

    assert len(counter._newer) + len(counter._older) <= 200


def test_whoever_is_gone_for_two_minutes_is_forgotten(counter: Counter, clock: Clock) -> None:
    spend(counter, 60)

    for _ in range(2):
        clock.now += MINUTE
        counter.count("bob")

    assert "ada" not in counter._newer
    assert "ada" not in counter._older


def test_what_others_counted_counts_here(counter: Counter, clock: Clock) -> None:
    spend(counter, 10)

    counter.learn("ada", clock.now + 50 * SECOND)

    assert counter.count("ada").remaining == 9


def test_others_that_know_less_take_nothing_back(counter: Counter, clock: Clock) -> None:
    spend(counter, 50)

    counter.learn("ada", clock.now + SECOND)

    assert counter.count("ada").remaining == 9


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_budget_divides_the_minute_evenly(limit: Limit) -> None:
    assert MINUTE % limit.calls == 0
