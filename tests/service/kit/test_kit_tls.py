"""TLS between processes: who is let in, whom a caller believes, and certificates that are renewed."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import structlog
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.kit.listening import listen, warn_of_plain_links
from services.kit.server import Served, build_server
from services.kit.tls import PLAIN, Tls
from tests.service.certificates import Authority
from tests.service.peers import SECRET
from town.readiness import service_is_ready

ASKED = health_pb2.HealthCheckRequest()
Serve = Callable[[Tls], str]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ours")


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "theirs")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves with the files of a process; answers the target by which it is called."""
    with ExitStack() as stack:
        yield lambda tls: stack.enter_context(serving(tls))


@contextmanager
def serving(tls: Tls, address: str = "127.0.0.1:0") -> Iterator[str]:
    # Not localhost: of its two addresses, a server that gets only one is content.
    served = Served("world", (), is_ready=lambda: True, close=lambda: None)
    server, _ = build_server(served, SECRET, is_production=True)
    port = listen(server, address, tls)
    server.start()
    try:
        yield f"dns:///localhost:{port}"
    finally:
        server.stop(None).wait()


def without_certificate(tls: Tls) -> Tls:
    return Tls(ca=tls.ca)


def without_authority(tls: Tls) -> Tls:
    return Tls(tls.certificate, tls.key)


def test_processes_of_one_authority_speak_with_each_other(
    authority: Authority, serve: Serve
) -> None:
    target = serve(authority.signs("localhost"))

    assert service_is_ready(target, authority.signs("gateway"))


async def ask(target: str, tls: Tls) -> int:
    async with tls.aio_channel(target) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(ASKED, timeout=10)
    return int(answer.status)


def test_the_gateways_kind_of_channel_speaks_with_them_too(
    authority: Authority, serve: Serve
) -> None:
    target, mine = serve(authority.signs("localhost")), authority.signs("gateway")

    assert asyncio.run(ask(target, mine)) == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(aio.AioRpcError):
        asyncio.run(ask(target, PLAIN))


def test_who_shows_no_certificate_one_of_another_authority_or_one_that_ended_is_not_let_in(
    authority: Authority, stranger: Authority, serve: Serve
) -> None:
    target = serve(authority.signs("localhost"))
    theirs, ended = stranger.signs("gateway"), authority.signs("gateway", days=-1)

    assert not service_is_ready(target, without_certificate(ended))
    assert not service_is_ready(target, Tls(theirs.certificate, theirs.key, authority.ca))
    assert not service_is_ready(target, ended)
    assert not service_is_ready(target, PLAIN)


def test_a_caller_believes_only_its_authority_and_the_name_that_it_calls(
    authority: Authority, stranger: Authority, serve: Serve
) -> None:
    mine = authority.signs("gateway")
    another_name = serve(authority.signs("world"))
    ended = serve(authority.signs("localhost", days=-1))
    theirs = stranger.signs("localhost")
    impostor = serve(Tls(theirs.certificate, theirs.key, authority.ca))
    plain = serve(PLAIN)

    assert [service_is_ready(t, mine) for t in (another_name, ended, impostor, plain)] == 4 * [
        False
    ]


def test_a_service_without_an_authority_serves_tls_to_everybody(
    authority: Authority, serve: Serve
) -> None:
    target = serve(without_authority(authority.signs("localhost")))

    assert service_is_ready(target, Tls(ca=authority.ca))
    assert not service_is_ready(target, PLAIN)


def test_a_caller_without_an_authority_does_not_believe_everybody(
    authority: Authority, serve: Serve
) -> None:
    target = serve(authority.signs("localhost"))

    assert not service_is_ready(target, without_authority(authority.signs("gateway")))


def test_sockets_stay_plain(authority: Authority, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"

    with serving(authority.signs("localhost"), address):
        assert service_is_ready(address, authority.signs("gateway"))
        assert service_is_ready(address)


def test_a_renewed_certificate_is_shown_to_whoever_connects_from_then_on(
    authority: Authority, serve: Serve
) -> None:
    mine = authority.signs("gateway")
    target = serve(authority.signs("localhost", days=-1))
    assert not service_is_ready(target, mine)

    authority.signs("localhost")

    assert service_is_ready(target, mine)


def test_a_new_authority_is_taken_up_and_the_old_one_no_longer_believed(
    authority: Authority, stranger: Authority, serve: Serve
) -> None:
    mine, theirs = authority.signs("gateway"), stranger.signs("gateway")
    target = serve(authority.signs("localhost"))

    shutil.copy(stranger.ca, authority.ca.with_name("next.pem"))
    ours = authority.ca.rename(authority.ca.with_name("old.pem"))
    authority.ca.with_name("next.pem").rename(authority.ca)

    assert not service_is_ready(target, Tls(mine.certificate, mine.key, ours))
    assert service_is_ready(target, Tls(theirs.certificate, theirs.key, ours))


def test_files_that_do_not_fit_or_are_gone_leave_the_old_ones_in_place(
    authority: Authority, serve: Serve
) -> None:
    mine, its = authority.signs("gateway"), authority.signs("localhost")
    target = serve(its)
    assert its.key is not None
    old = its.key.read_bytes()

    with structlog.testing.capture_logs() as logs:
        authority.signs("localhost")
        its.key.write_bytes(old)
        assert service_is_ready(target, mine)
        its.key.unlink()
        assert service_is_ready(target, mine)

    assert {line["event"] for line in logs} == {"certificate_not_taken_up"}
    authority.signs("localhost")
    assert service_is_ready(target, mine)


def test_an_authority_that_is_emptied_opens_the_door_to_nobody(
    authority: Authority, serve: Serve, tmp_path: Path
) -> None:
    mine = authority.signs("gateway")
    target = serve(authority.signs("localhost"))
    believed = Path(shutil.copy(authority.ca, tmp_path / "believed.pem"))

    authority.ca.write_bytes(b"")

    assert not service_is_ready(target, Tls(ca=believed))
    assert service_is_ready(target, Tls(mine.certificate, mine.key, believed))


def test_a_connection_that_stands_outlives_the_certificate_that_opened_it(
    authority: Authority, serve: Serve
) -> None:
    target = serve(authority.signs("localhost"))
    with authority.signs("gateway").channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        stub.Check(ASKED, timeout=10)

        authority.signs("localhost", days=-1)

        assert stub.Check(ASKED, timeout=10).status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize(
    ("address", "stays_here"),
    [
        ("unix:/run/world.sock", True),
        ("unix-abstract:world", True),
        ("127.0.0.1:7104", True),
        ("[::1]:7104", True),
        ("localhost:7104", True),
        ("dns:///localhost:7104", True),
        ("dns:localhost:7104", True),
        ("ipv4:127.0.0.1:7104", True),
        ("ipv4:10.0.0.7:7104,127.0.0.1:7104", False),
        ("0.0.0.0:7104", False),
        ("[::]:7104", False),
        ("dns:///world:7104", False),
        ("dns:///notlocalhost:7104", False),
        ("unixbox:7104", False),
    ],
)
def test_plain_links_that_leave_the_machine_are_warned_of(
    authority: Authority, address: str, *, stays_here: bool
) -> None:
    with structlog.testing.capture_logs() as logs:
        warn_of_plain_links([address], PLAIN)
        warn_of_plain_links([address], authority.signs("localhost"))

    assert [line["addresses"] for line in logs] == ([] if stays_here else [[address]])
