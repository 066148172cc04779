"""Passwords are hashed a few at a time, and verified as they were meant."""

import os
import sys
import threading

import pytest

from services.auth.failures import PasswordTooWeak
from services.auth.passwords import Hasher, Passwords, argon2id, require_strong

CHEAP = argon2id(memory_kib=8, passes=1)


def test_hashes_are_argon2id_at_19_mib_in_two_passes() -> None:
    assert argon2id().hash("a fine password").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_password_that_was_hashed_is_right_and_another_is_wrong() -> None:
    passwords = Passwords(CHEAP)
    stored = passwords.hashed("a fine password")

    assert passwords.verified("a fine password", stored) == (True, None)
    assert passwords.verified("a wrong password", stored) == (False, None)


def test_passwords_that_look_alike_are_one() -> None:
    passwords = Passwords(CHEAP)

    matches, _ = passwords.verified("cafe\u0301 au lait", passwords.hashed("caf\u00e9 au lait"))

    assert matches


def test_a_password_is_taken_whole() -> None:
    passwords = Passwords(CHEAP)
    long = "x" * 127

    matches, _ = passwords.verified(long + "b", passwords.hashed(long + "a"))

    assert not matches


def test_where_nothing_is_stored_every_password_is_wrong() -> None:
    assert not Passwords(CHEAP).verified("a fine password", None)[0]


class Observed(Hasher):
    """Notes the priority at which it works: the higher, the more it gives way."""

    def __init__(self) -> None:
        self.nice: set[int] = set()

    def hash(self, password: str, /) -> str:
        self.nice.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return CHEAP.hash(password)

    def verify_and_update(self, password: str, stored: str, /) -> tuple[bool, str | None]:
        return CHEAP.verify_and_update(password, stored)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has a priority per thread")
def test_hashing_gives_way_to_everything_else() -> None:
    ours = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    hasher = Observed()
    passwords = Passwords(hasher)
    hasher.nice.clear()

    passwords.hashed("a fine password")

    assert min(hasher.nice) > ours
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == ours


def test_a_hash_of_weaker_parameters_is_made_anew() -> None:
    old = CHEAP.hash("a fine password")
    stronger = Passwords(argon2id(memory_kib=16, passes=1))

    matches, renewed = stronger.verified("a fine password", old)

    assert matches
    assert stronger.verified("a fine password", renewed) == (True, None)


@pytest.mark.parametrize("password", ["12345678", "Password1", "QWERTYUIOP", "iloveyou2"])
def test_the_most_common_passwords_are_known(password: str) -> None:
    with pytest.raises(PasswordTooWeak) as refused:
        require_strong(password, "ada@example.com", None)

    assert refused.value.metadata["detail"].endswith(".")


def test_an_uncommon_password_passes() -> None:
    require_strong("correct horse battery", "ada@example.com", "Ada")
