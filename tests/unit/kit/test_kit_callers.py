"""Who may call: a token names its service, is for one other, and opens what that one lists."""

import time
from collections.abc import Callable

import pytest

from services.kit.callers import LEEWAY_S, CallerList, TokenMaker
from services.kit.errors import Failure, PermissionDenied, Unauthenticated
from tests.service.forgeries import FORGERIES, Claims, claims_of, token
from tests.service.peers import SECRET

METHODS = {"Pay": frozenset({"session"}), "Look": frozenset({"session", "gateway"})}


def header(caller: str) -> str:
    """The value of the header with which `caller` shows itself to world."""
    ((_, value),) = TokenMaker(caller, SECRET).metadata("world")
    return value


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


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_what_is_no_token_for_this_service_is_refused(
    callers: CallerList, forge: Callable[[Claims], str]
) -> None:
    good = claims_of("session", "world")
    callers.check("Pay", token(good))

    with pytest.raises(Unauthenticated) as refused:
        callers.check("Pay", forge(good))
    assert isinstance(refused.value, Failure)


@pytest.mark.parametrize("wrong_by_s", [60 - LEEWAY_S, LEEWAY_S - 60])
def test_a_clock_that_is_wrong_by_a_day_does_not_close_the_town(
    callers: CallerList, wrong_by_s: float
) -> None:
    then = time.time() + wrong_by_s

    callers.check("Pay", token(claims_of("session", "world") | {"iat": then, "exp": then}))
