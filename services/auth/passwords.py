"""Passwords: hashed by argon2id, a few at a time, and never kept."""

import os
import secrets
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore
from typing import Protocol

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from services.auth import rules
from services.auth.failures import HashingBusy, PasswordTooWeak

# OWASP's recommendation for argon2id.
MEMORY_KIB = 19 * 1024
PASSES = 2
# A hash takes a whole core for about 20 ms. A flood of them may have two cores, but never
# all that there are.
THREADS = max(1, min(2, (os.cpu_count() or 1) - 1))
# Those who hash and those who wait for it: over within a fifth of a second.
PLACES = 8
# A tenth of the others' share where there is not enough for all.
NICE = 10

# The list alone: zxcvbn's own judgement takes quadratic time.
_COMMON = frozenset(word.casefold() for word in FREQUENCY_LISTS["passwords"])


class Hasher(Protocol):
    """How one password is hashed and verified; each takes a while."""

    def hash(self, password: str, /) -> str:
        """A new hash."""
        ...

    def verify_and_update(self, password: str, stored: str, /) -> tuple[bool, str | None]:
        """Whether it matches, and a stronger hash where the old one is out of date."""
        ...


def argon2id(*, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> Hasher:
    """The town's hasher."""
    hasher = Argon2Hasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
    return PasswordHash((hasher,))


def require_strong(password: str, email: str, full_name: str | None) -> None:
    """Passes for a password that the policy allows. Raises PasswordTooWeak."""
    normal = rules.normal_password(password)
    own = rules.own_words(email, full_name)
    detail = rules.weakness(normal, own=own, common=_COMMON)
    if detail is not None:
        raise PasswordTooWeak(detail=detail)


def _give_way() -> None:
    """Lets whatever else wants the processor have it first: nobody plays slower for a login.

    Linux alone has a priority per thread; elsewhere hashing competes as an equal.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


class Passwords:
    """Hashes and verifies passwords in threads of their own, each within a `place()`."""

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self._threads = ThreadPoolExecutor(
            THREADS, thread_name_prefix="hash", initializer=_give_way
        )
        self._places = BoundedSemaphore(PLACES)
        # Verified where there is no account, so that its absence takes as long;
        # of a random password that nobody was told.
        self._nobodys = hasher.hash(secrets.token_urlsafe())

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place among those who hash or wait for it. Raises HashingBusy at once when all are taken.

        Whatever else a login needs is done within it too: so a flood of logins takes no
        more of the service's threads and connections than there are places.
        """
        if not self._places.acquire(blocking=False):
            raise HashingBusy
        try:
            yield
        finally:
            self._places.release()

    def hashed(self, password: str) -> str:
        """A new hash of the password."""
        return self._threads.submit(self._hasher.hash, rules.normal_password(password)).result()

    def verified(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Whether the password is the stored one, and a new hash when that is out of date.

        False for no stored hash, after the same time.
        """
        normal = rules.normal_password(password)
        against = stored or self._nobodys
        return self._threads.submit(self._hasher.verify_and_update, normal, against).result()

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown()
