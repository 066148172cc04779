"""Every failure that a service names has a meaning at the gateway."""

import importlib

import grpc
import pytest

from gateway.errors import CATALOGUE, problem_of
from services.kit.errors import Failure, Unavailable

SERVICES = ("auth", "session", "inventory", "world")
# Between services, or refused by the gateway before anybody is asked: at the
# gateway they would be bugs.
INTERNAL = {"LUCK_MALFORMED", "SLOT_UNKNOWN"}
_PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}


def failures() -> list[type[Failure]]:
    modules = [importlib.import_module(f"services.{name}.failures") for name in SERVICES]
    return [
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, Failure)
        and found.__module__ == module.__name__
    ]


@pytest.mark.parametrize("failure", failures(), ids=lambda failure: failure.__name__)
def test_a_named_failure_has_a_code(failure: type[Failure]) -> None:
    told = Failure.__new__(failure)
    told.metadata = {}
    heard = Unavailable() if failure.code in _PASSING else told

    code = problem_of(heard).code

    assert (code == "INTERNAL") == (failure.reason in INTERNAL)


def test_every_code_has_a_sentence_for_the_player() -> None:
    for code in CATALOGUE.values():
        assert code.detail.endswith(".")
        assert 400 <= code.status <= 599
