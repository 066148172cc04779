"""Hashing takes its time, the same for everybody, and holds nobody else up."""

import statistics
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Event

from protos.auth.v1 import auth_pb2 as pb
from services.auth.passwords import PLACES, Hasher, argon2id
from services.kit.errors import Failure, Refused
from tests.service.auth.conftest import House, OpenHouse
from tests.service.auth.member import PASSWORD, Member, new_email


class Gate(Hasher):
    """Verifies nothing until it is opened."""

    def __init__(self) -> None:
        self.open = Event()

    def hash(self, password: str, /) -> str:
        return f"a hash of {len(password)} characters"

    def verify_and_update(self, password: str, stored: str, /) -> tuple[bool, str | None]:
        self.open.wait(30)
        return bool(password) and not stored, None


def reason_of(house: House, email: str, address: str) -> str:
    try:
        house.auth.Login(pb.LoginRequest(email=email, password=PASSWORD, address=address))
    except Failure as failure:
        return failure.reason
    return ""


def settled(logins: list[Future[str]], count: int) -> list[str]:
    """What the first `count` logins to be answered were told."""
    waiting = set(logins)
    while len(logins) - len(waiting) < count:
        done, waiting = wait(waiting, timeout=10, return_when=FIRST_COMPLETED)
        assert done, "no login was answered"
    return [login.result() for login in logins if login.done()]


def test_a_flood_of_logins_is_bounded_and_others_are_still_answered(open_house: OpenHouse) -> None:
    gate = Gate()
    with open_house(hasher=gate) as house, ThreadPoolExecutor(12) as pool:
        member = Member(house)

        logins = [pool.submit(reason_of, house, member.email, f"10.0.0.{n}") for n in range(12)]
        refused = settled(logins, 4)
        meanwhile = member.now()
        gate.open.set()
        told = settled(logins, 12)

    assert refused == ["UNAVAILABLE"] * 4
    assert meanwhile == member.user
    assert sorted(told) == ["BAD_CREDENTIALS"] * PLACES + ["UNAVAILABLE"] * 4


def test_an_unknown_address_takes_as_long_as_a_wrong_password(house: House) -> None:
    known, unknown = Member(house).email, new_email()
    taken: dict[str, list[float]] = {known: [], unknown: []}

    # In turns, so that whatever else the machine does slows both alike.
    for email in [known, unknown] * 15:
        begun = time.perf_counter()
        with suppress(Refused):
            house.auth.Login(pb.LoginRequest(email=email, password="not the password"))
        taken[email].append(time.perf_counter() - begun)

    # Without a hash an answer takes a tenth of the time.
    ratio = statistics.median(taken[unknown]) / statistics.median(taken[known])
    assert 0.5 < ratio < 2


def test_a_login_strengthens_a_hash_of_old_parameters(house: House) -> None:
    member = Member(house)
    old = argon2id(memory_kib=1024, passes=1).hash(PASSWORD)
    house.change('UPDATE "user" SET hashed_password = %s WHERE id = %s', old, member.id)

    member.log_in()

    [(stored, updated)] = house.rows(
        'SELECT hashed_password, updated_at FROM "user" WHERE id = %s', member.id
    )
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert updated is None
    assert member.log_in().user.id == member.id
