"""Waiting for what other processes bring about."""

import time
from collections.abc import Callable

POLL_S = 0.05


def await_that(
    fact: Callable[[], bool], *, within_s: float, otherwise: Callable[[], str] = lambda: ""
) -> float:
    """Returns after how many seconds the fact held. Fails with `otherwise()` when it never does."""
    began = time.monotonic()
    while not fact():
        assert time.monotonic() - began < within_s, f"not within {within_s:g} s; {otherwise()}"
        time.sleep(POLL_S)
    return time.monotonic() - began
