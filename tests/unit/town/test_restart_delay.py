"""A process that keeps ending is started again ever more slowly, and quickly again once it held."""

from hypothesis import given
from hypothesis import strategies as st

from town.processes import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, next_delay

SECONDS = st.floats(0, 1e6)


def test_the_first_time_is_almost_at_once() -> None:
    assert next_delay(0, 0.1) == 0.25


def test_each_further_time_takes_twice_as_long_up_to_half_a_minute() -> None:
    delays = [0.0]
    for _ in range(9):
        delays.append(next_delay(delays[-1], alive=1))

    assert delays[1:] == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_process_that_held_for_a_minute_is_started_quickly() -> None:
    assert next_delay(30, alive=60) == 0.25


@given(SECONDS, SECONDS)
def test_a_delay_is_never_shorter_than_the_first_nor_longer_than_the_last(
    last: float, alive: float
) -> None:
    assert FIRST_DELAY_SECONDS <= next_delay(last, alive) <= LONGEST_DELAY_SECONDS
