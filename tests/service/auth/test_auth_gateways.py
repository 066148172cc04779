"""Auth and its gateways together: logouts are everywhere in time, and rotating refuses nobody."""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from services.auth import watch
from services.auth.passwords import argon2id
from tests.service.auth.conftest import House, OpenHouse
from tests.service.auth.gates import Gate, gates
from tests.service.auth.member import Member
from tests.service.gateway.stage import within
from town import keys as operator
from town.reading import connection_of

NewDatabase = Callable[[str], str]
ROTATIONS = 20
LEAD = timedelta(seconds=0.25)


@pytest.fixture
def house(new_database: NewDatabase, open_house: OpenHouse) -> Iterator[House]:
    """An auth service whose keys are published for a quarter of a second before they sign."""
    hasher = argon2id(memory_kib=8, passes=1)
    with open_house(new_database("auth"), hasher=hasher, lead=LEAD, is_working=True) as house:
        yield house


def until_refused(gate: Gate, token: str) -> float:
    """Seconds until a gateway refuses the token."""
    began = time.monotonic()
    assert within(5, lambda: gate.status(token) == 401)
    return time.monotonic() - began


def latest_logout(house: House, opened: list[Gate], times: int = 5) -> float:
    """Seconds until the last gateway refused a login that ended: the median of several.

    Not the longest: a machine that tests other things as well stands still now and then.
    """
    slowest = []
    with ThreadPoolExecutor(len(opened)) as pool:
        for _ in range(times):
            member = Member(house)
            token = member.log_in().access_token
            [family] = member.families()
            assert [gate.status(token) for gate in opened] == [200] * len(opened)

            member.log_out(family)
            slowest.append(max(pool.map(until_refused, opened, [token] * len(opened))))
    return statistics.median(slowest)


def test_a_logout_is_told_to_every_gateway_within_a_second(house: House, tmp_path: Path) -> None:
    with gates(tmp_path, house.target) as opened:
        taken = latest_logout(house, opened)

    assert taken < 1.0


def test_where_nobody_may_listen_a_logout_is_asked_for_within_a_second(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LISTENERS", 0)
    with gates(tmp_path, house.target) as opened:
        taken = latest_logout(house, opened)

    assert taken < 1.0


def test_a_logout_is_known_to_a_gateway_that_starts_later(house: House, tmp_path: Path) -> None:
    member = Member(house)
    out, still_in = member.log_in().access_token, member.log_in().access_token
    member.log_out(member.families()[0])

    with gates(tmp_path, house.target, count=1) as [gate]:
        # The first that it is asked.
        assert (gate.status(out), gate.status(still_in)) == (401, 200)


def test_a_logout_is_known_to_an_auth_that_starts_later(
    house: House, open_house: OpenHouse, tmp_path: Path
) -> None:
    member = Member(house)
    token = member.log_in().access_token
    member.log_out(member.families()[0])

    with (
        open_house(house.url, is_working=True) as restarted,
        gates(tmp_path, restarted.target, count=1) as [gate],
    ):
        assert gate.status(token) == 401


class Crowd:
    """Players who log in, refresh and play at once, and what they were told."""

    def __init__(self, houses: list[House], opened: list[Gate]) -> None:
        self.told: Counter[int] = Counter()
        self.kids: set[str] = set()
        self._houses = houses
        self._gates = opened
        self._is_over = threading.Event()

    def play(self, number: int) -> None:
        """Uses every token at every gateway the moment it is there, and once more when it is old."""
        member = Member(self._houses[number % len(self._houses)])
        tokens, old = member.log_in(), ""
        while not self._is_over.is_set():
            for token in filter(None, (tokens.access_token, old)):
                self.told.update(gate.status(token) for gate in self._gates)
            self.kids.add(str(jwt.get_unverified_header(tokens.access_token)["kid"]))
            old = tokens.access_token
            tokens = member.refresh(tokens.refresh_token)
            # Many times between two rotations; oftener would only take the time of other tests.
            self._is_over.wait(0.1)

    def go_home(self) -> None:
        """Ends every `play`."""
        self._is_over.set()


def rotate(house: House, gate: Gate) -> None:
    """Has the next key made, and waits until it signs."""
    with connection_of("auth", {"auth": house.url}) as connection:
        assert operator.renew(connection, "a test")
    waiting = "SELECT count(*) FROM signing_key WHERE signs_from > clock_timestamp() OR renew_at < clock_timestamp() AND retired_at IS NULL"
    assert within(10, lambda: house.rows(waiting) == [(0,)])
    assert gate.kids()


@pytest.mark.parametrize("way", ["listening", "asking"])
def test_twenty_rotations_under_load_refuse_no_valid_token(
    house: House,
    open_house: OpenHouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    if way == "asking":
        monkeypatch.setattr(watch, "LISTENERS", 0)
    hasher = argon2id(memory_kib=8, passes=1)
    with (
        open_house(house.url, hasher=hasher, lead=LEAD, is_working=True) as replica,
        gates(tmp_path, house.target) as opened,
        ThreadPoolExecutor(4) as pool,
    ):
        crowd = Crowd([house, replica], opened)
        playing = [pool.submit(crowd.play, number) for number in range(4)]
        try:
            for _ in range(ROTATIONS):
                rotate(house, opened[0])
        finally:
            crowd.go_home()
        for one in playing:
            one.result()

    assert set(crowd.told) == {200}
    assert crowd.told[200] > 20 * ROTATIONS
    assert len(crowd.kids) >= ROTATIONS
    assert house.rows("SELECT count(*) FROM signing_key") == [(1 + ROTATIONS,)]
