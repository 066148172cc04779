"""Does the time of an answer tell who has an account; does a flood slow those who play.

Run it by `make timing` (reliability.md R16, R17, R18).
A town of its own is opened. Known and unknown addresses ask in turns, so that a slow
minute of the machine meets both alike. AUC is how often a known one took longer than an
unknown one (Mann-Whitney; 0.5 when time tells nothing, 1 or 0 when it tells all).
"""

import itertools
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from tests.e2e.opened import opened
from tests.e2e.visitor import PASSWORD
from tests.hostile import floods

EACH = 1_000
AUC_BOUND = 0.55


def main() -> int:
    """Prints each figure with its bound; 1 when one is missed."""
    with (
        tempfile.TemporaryDirectory(prefix="nesra-timing-") as folder,
        opened(Path(folder, "home"), NESRA_RATE_LIMITS="off") as town,
    ):
        with httpx.Client(base_url=town.url, timeout=30) as client:
            known = _registered(client, EACH)
            results = [
                _quiet("login", lambda email: _logged_in(client, email), known),
                _quiet("forgot-password", lambda email: _forgotten(client, email), known),
            ]
        results += [floods.of_logins(town.url, known), floods.of_slow_clients(town.url)]
    return 0 if all(results) else 1


def auc(longer: Sequence[float], shorter: Sequence[float]) -> float:
    """How often a value of the first is greater than one of the second; a tie counts half."""
    ranked = sorted([(v, 1) for v in longer] + [(v, 0) for v in shorter])
    greater, below = 0.0, 0
    for _, tied in itertools.groupby(ranked, key=lambda pair: pair[0]):
        kinds = [kind for _, kind in tied]
        ours = sum(kinds)
        greater += ours * (below + (len(kinds) - ours) / 2)
        below += len(kinds) - ours
    return greater / (len(longer) * len(shorter))


def _quiet(name: str, ask: Callable[[str], None], known: Sequence[str]) -> bool:
    times: dict[bool, list[float]] = {True: [], False: []}
    for email in known:
        for is_known in (True, False):
            asked = email if is_known else _address()
            began = time.perf_counter()
            ask(asked)
            times[is_known].append(time.perf_counter() - began)
    found = auc(times[True], times[False])
    # Standard error of an AUC near one half (Hanley and McNeil, 1982).
    error = (1 / (6 * len(known))) ** 0.5
    medians = {k: statistics.median(v) * 1000 for k, v in times.items()}
    print(
        f"{name}: {len(known)} known, {len(known)} unknown; AUC {found:.3f} ± {1.96 * error:.3f}"
        f" (bound {AUC_BOUND}); medians {medians[True]:.2f} and {medians[False]:.2f} ms"
    )
    return max(found, 1 - found) < AUC_BOUND


def _registered(client: httpx.Client, count: int) -> list[str]:
    emails = [_address() for _ in range(count)]
    for email in emails:
        body = {"email": email, "password": PASSWORD}
        client.post("/api/auth/register", json=body).raise_for_status()
    return emails


def _logged_in(client: httpx.Client, email: str) -> None:
    body = {"email": email, "password": "not the password"}
    assert client.post("/api/auth/login", json=body).status_code == 401


def _forgotten(client: httpx.Client, email: str) -> None:
    answer = client.post("/api/auth/forgot-password", json={"email": email})
    assert answer.status_code == 202


def _address() -> str:
    return f"{secrets.token_hex(8)}@example.com"


if __name__ == "__main__":
    sys.exit(main())
