"""Who may call what between processes: asked of every RPC method that the contract has.

The methods are read from the descriptors in protos/, so that a new one is asked too.
"""

from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.kit.callers import TokenMaker
from tests.service.doors import TOWN, Door, doors_of_the_town, every_method, services_told
from tests.service.forgeries import FORGERIES, claims_of
from tests.service.peers import SECRET

# Four services with eight connections each: one worker opens them, and not each its own.
pytestmark = pytest.mark.xdist_group("doors")
METHODS = every_method()
# No message begins with the end of a group that was never begun.
NO_MESSAGE = b"\x0c"


@pytest.fixture(scope="module")
def doors(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Door]]:
    """The doors of the town in production."""
    folder = tmp_path_factory.mktemp("d")
    with doors_of_the_town(server_url, folder, is_production=True) as doors:
        yield doors


@pytest.fixture(scope="module")
def developers_doors(
    server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Door]]:
    folder = tmp_path_factory.mktemp("d")
    with doors_of_the_town(server_url, folder, is_production=False) as doors:
        yield doors


@pytest.fixture
def method(request: pytest.FixtureRequest) -> MethodDescriptor:
    return METHODS[request.param]


@pytest.fixture
def doors_to(doors: list[Door], method: MethodDescriptor) -> list[Door]:
    """The doors to one method, at each process that offers it; nobody came through them yet."""
    found = [door for door in doors if door.offer.service == method.containing_service.full_name]
    for door in found:
        door.came_in.clear()
    return found


every = pytest.mark.parametrize("method", METHODS, indirect=True)


def shown(callers: frozenset[str], door: Door) -> dict[str, str | None]:
    """The header with which each of the callers shows itself at a door."""
    makers = {caller: TokenMaker(caller, SECRET) for caller in callers}
    return {caller: makers[caller].metadata(door.process)[0][1] for caller in callers}


@every
def test_nobody_calls_a_method_without_a_good_token(
    doors_to: list[Door], method: MethodDescriptor
) -> None:
    for door in doors_to:
        # One whom it lists, if it lists any: then nothing but the token is wrong.
        caller = min(door.offer.callers[method.name], default="gateway")
        claims = claims_of(caller, door.process)
        headers = {"no header": None} | {what: forge(claims) for what, forge in FORGERIES.items()}

        answers = door.answers(method, headers)

        assert answers == dict.fromkeys(headers, "UNAUTHENTICATED")
        assert door.came_in == []


@every
def test_what_a_stranger_sends_is_not_even_read(
    doors_to: list[Door], method: MethodDescriptor
) -> None:
    for door in doors_to:
        answers = door.answers(method, {"stranger": None}, request=NO_MESSAGE)

        assert answers == {"stranger": "UNAUTHENTICATED"}


@every
def test_a_method_is_closed_to_whoever_it_does_not_list(
    doors_to: list[Door], method: MethodDescriptor
) -> None:
    for door in doors_to:
        others = frozenset({*TOWN, "stranger", ""}) - door.offer.callers[method.name]

        answers = door.answers(method, shown(others, door))

        assert answers == dict.fromkeys(others, "PERMISSION_DENIED")
        assert door.came_in == []


@every
def test_a_method_is_open_to_whoever_it_lists(
    doors_to: list[Door], method: MethodDescriptor
) -> None:
    for door in doors_to:
        listed = door.offer.callers[method.name]

        answers = door.answers(method, shown(listed, door))

        assert answers == dict.fromkeys(listed, "CAME_IN")
        assert door.came_in == [method.name] * len(listed)


def test_every_service_of_the_contract_is_offered(doors: list[Door]) -> None:
    offered = {door.offer.service for door in doors}

    assert offered == {method.containing_service.full_name for method in METHODS.values()}


def test_every_method_lists_who_may_call_it_and_nothing_else_is_listed(doors: list[Door]) -> None:
    for door in doors:
        listed = {f"{door.offer.service}.{method}" for method in door.offer.callers}

        assert listed == {name for name in METHODS if name.startswith(f"{door.offer.service}.")}


def test_only_services_of_the_town_are_listed(doors: list[Door]) -> None:
    lists = [callers for door in doors for callers in door.offer.callers.values()]

    assert frozenset().union(*lists) <= set(TOWN)


def test_in_production_no_service_tells_its_methods_and_each_tells_its_health(
    doors: list[Door],
) -> None:
    for door in doors:
        assert health_of(door.channel) == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as refused:
            services_told(door.channel)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_developers_town_tells_its_services(developers_doors: list[Door]) -> None:
    for door in developers_doors:
        assert door.offer.service in services_told(door.channel)


def health_of(channel: grpc.Channel) -> int:
    stub = health_pb2_grpc.HealthStub(channel)
    return int(stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status)
