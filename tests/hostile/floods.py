"""Who plays is not slowed by who floods the town with logins, or sends slowly.

Some players read their profile, alone, beside the flood, and alone again; what is
compared is the 99th percentile of how long they wait.
"""

import itertools
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import httpx

from tests.e2e.visitor import PASSWORD, Visitor
from tests.hostile.crowd import stand_around

Asked = TypeVar("Asked")
Told = TypeVar("Told")

READERS, SECONDS = 4, 12.0
LOGINS, SLOW_CLIENTS = 50, 500
SLOWER_BOUND = 2.0
# The server's clock and ours, and a machine that has other things to do.
BORNE_BOUND_S = 10.0 + 1.0


def of_logins(url: str, known: Sequence[str]) -> bool:
    """Fifty log in, with right passwords, all the time. Prints; whether it is within the bound."""
    ratio, told = _slower(f"{LOGINS} logins at a time", url, _log_in, known)
    print(f"  answered: {dict(sorted(told.items()))}")
    return ratio < SLOWER_BOUND


def of_slow_clients(url: str) -> bool:
    """Five hundred send a byte a second. Prints; whether it is within the bounds."""
    ratio, stays = _slower(f"{SLOW_CLIENTS} slow clients", url, stand_around, SLOW_CLIENTS)
    longest = max(stays, default=0.0)
    print(
        f"  sent away {len(stays)} times, after {longest:.1f} s at most (bound {BORNE_BOUND_S:.0f})"
    )
    return ratio < SLOWER_BOUND and 0 < longest < BORNE_BOUND_S


def _slower(
    name: str, url: str, flood: Callable[[str, Asked, float], Told], asked: Asked
) -> tuple[float, Told]:
    """How many times longer players wait beside a flood, and what the flood has to tell."""
    visitors = [Visitor(url) for _ in range(READERS)]
    # From another process: here it would take the readers' time.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        # Starting it takes a second of a core, too.
        processes.submit(_begin).result()
        alone = _p99(visitors)
        flooding = processes.submit(flood, url, asked, SECONDS)
        beside = _p99(visitors)
        told = flooding.result()
        again = _p99(visitors)
    ratio = beside / statistics.mean((alone, again))
    print(
        f"profile beside {name}: p99 {beside * 1000:.1f} ms, without {alone * 1000:.1f} before "
        f"and {again * 1000:.1f} after; {ratio:.2f} times (bound {SLOWER_BOUND})"
    )
    return ratio, told


def _p99(visitors: Sequence[Visitor]) -> float:
    until = time.monotonic() + SECONDS
    with ThreadPoolExecutor(len(visitors)) as threads:
        times = list(itertools.chain(*threads.map(lambda v: _reads(v, until), visitors)))
    return sorted(times)[int(len(times) * 0.99)]


def _reads(visitor: Visitor, until: float) -> list[float]:
    times = []
    while time.monotonic() < until:
        began = time.perf_counter()
        visitor.get("/api/profile")
        times.append(time.perf_counter() - began)
        # Somebody who looks now and then: what is measured is waiting, not throughput.
        time.sleep(0.01)
    return times


def _begin() -> None:
    """Done where this module has been loaded."""


def _log_in(url: str, known: Sequence[str], seconds: float) -> dict[int, int]:
    """Logs in, with right passwords, all the time; the answers by status."""
    until = time.monotonic() + seconds
    told: Counter[int] = Counter()
    # One for all: each would read the certificates of all authorities first.
    client = httpx.Client(
        base_url=url,
        timeout=30,
        limits=httpx.Limits(max_connections=LOGINS, max_keepalive_connections=LOGINS),
    )

    def again_and_again(number: int) -> None:
        for email in itertools.cycle(known[number::LOGINS]):
            if time.monotonic() > until:
                return
            body = {"email": email, "password": PASSWORD}
            told[client.post("/api/auth/login", json=body).status_code] += 1

    with client, ThreadPoolExecutor(LOGINS) as threads:
        list(threads.map(again_and_again, range(LOGINS)))
    return dict(told)
