"""Who may call: a token names its service, is for one other, and opens what that one lists."""

import time

import jwt
import pytest

from services.kit.callers import LEEWAY_S, CallerList, TokenMaker, derived_key
from services.kit.errors import Failure, PermissionDenied, Unauthenticated

SECRET = "a secret of tests that is long enough"
METHODS = {"Pay": frozenset({"session"}), "Look": frozenset({"session", "gateway"})}


def header(caller: str, *, audience: str = "world", secret: str = SECRET) -> str:
    """The value of the header with which `caller` shows itself."""
    ((_, value),) = TokenMaker(caller, secret).metadata(audience)
    return value


def signed(**claims: object) -> str:
    key = derived_key(SECRET, "service tokens")
    return f"Bearer {jwt.encode(claims, key, algorithm='HS256')}"


@pytest.fixture
def callers() -> CallerList:
    return CallerList("world", SECRET, METHODS)


def test_a_service_may_call_what_lists_it(callers: CallerList) -> None:
    for _ in range(2):
        callers.check("Pay", header("session"))
    callers.check("Look", header("gateway"))


def test_a_service_may_call_nothing_that_does_not_list_it(callers: CallerList) -> None:
    callers.check("Look", header("gateway"))

    with pytest.raises(PermissionDenied):
        callers.check("Pay", header("gateway"))


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Bearer x",
        header("session", audience="inventory"),
        header("session", secret="another secret that is long enough"),
        signed(iss="session", aud="world", iat=1, exp=1),
        signed(iss="session", aud="world", iat=time.time()),
        signed(aud="world", iat=time.time(), exp=time.time() + 60),
    ],
    ids=["none", "no token", "for another", "another secret", "expired", "for ever", "nameless"],
)
def test_what_is_no_token_for_this_service_is_refused(callers: CallerList, shown: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        callers.check("Pay", shown)
    assert isinstance(refused.value, Failure)


def test_a_clock_that_is_wrong_by_a_day_does_not_close_the_town(callers: CallerList) -> None:
    yesterday = time.time() - LEEWAY_S + 60

    callers.check("Pay", signed(iss="session", aud="world", iat=yesterday, exp=yesterday))
