"""The fault proxy passes bytes on, and harms a link as it is told."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.proxy import HOST, Link, Place, Proxy

# Long enough that something sent over loopback would have arrived.
SILENCE_S = 0.2


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as proxy:
        yield proxy


@pytest.fixture(params=["tcp", "unix"])
def echo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A server that sends back what it gets, and ends when the other side has ended."""
    with _listener(request.param, tmp_path) as (listener, place):
        thread = threading.Thread(target=_echo, args=(listener,), daemon=True)
        thread.start()
        yield place
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextlib.contextmanager
def _listener(kind: str, folder: Path) -> Iterator[tuple[socket.socket, Place]]:
    if kind == "tcp":
        with socket.create_server((HOST, 0)) as listener:
            yield listener, (HOST, listener.getsockname()[1])
        return
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "echo.sock"))
        listener.listen()
        yield listener, folder / "echo.sock"


def _echo(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            peer, _ = listener.accept()
            threading.Thread(target=_send_back, args=(peer,), daemon=True).start()


def _send_back(peer: socket.socket) -> None:
    with peer, contextlib.suppress(OSError):
        while data := peer.recv(65536):
            peer.sendall(data)


def connected(link: Link) -> socket.socket:
    return socket.create_connection((HOST, link.port), timeout=5)


def said_back(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    return heard(client, len(data))


def heard(client: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count and (more := client.recv(count - len(found))):
        found += more
    return found


def is_silent(client: socket.socket) -> bool:
    client.settimeout(SILENCE_S)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(5)
    return False


def test_bytes_pass_unchanged_and_in_order(proxy: Proxy, echo: Place) -> None:
    data = bytes(range(256)) * 2000
    with connected(proxy.link(echo)) as client:
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()

        assert heard(client, len(data)) == data

        sender.join()


def test_an_end_of_one_direction_is_passed_on(proxy: Proxy, echo: Place) -> None:
    with connected(proxy.link(echo)) as client:
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)

        assert heard(client, 100) == b"last words"


def test_a_delay_holds_back_each_direction(proxy: Proxy, echo: Place) -> None:
    link = proxy.link(echo)
    with connected(link) as client:
        said_back(client, b"quick")
        link.delay(0.1)
        began = time.monotonic()

        said_back(client, b"slow")

        # The event loop's timers are good to a millisecond or so.
        assert 0.195 <= time.monotonic() - began < 1.0


def test_a_hole_towards_the_server_holds_up_what_is_sent_and_heals(
    proxy: Proxy, echo: Place
) -> None:
    link = proxy.link(echo)
    with connected(link) as client:
        link.black_hole(towards="server")
        client.sendall(b"lost for now")

        assert is_silent(client)

        link.heal()
        assert heard(client, 12) == b"lost for now"


def test_a_hole_towards_the_client_lets_the_server_hear(proxy: Proxy, tmp_path: Path) -> None:
    with _listener("unix", tmp_path) as (listener, place):
        link = proxy.link(place)
        with connected(link) as client, listener.accept()[0] as server:
            link.black_hole(towards="client")
            client.sendall(b"hello")
            server.sendall(b"answer")

            assert heard(server, 5) == b"hello"
            assert is_silent(client)

            link.heal()
            assert heard(client, 6) == b"answer"


def test_who_connects_through_a_cut_waits_and_is_served_once_it_is_healed(
    proxy: Proxy, echo: Place
) -> None:
    link = proxy.link(echo)
    link.cut()
    with connected(link) as client:
        client.sendall(b"anybody?")

        assert is_silent(client)

        link.heal()
        assert heard(client, 8) == b"anybody?"


def test_a_reset_ends_what_is_open_and_what_comes(proxy: Proxy, echo: Place) -> None:
    link = proxy.link(echo)
    with connected(link) as client:
        said_back(client, b"hello")

        link.reset()

        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(ConnectionResetError), connected(link) as late:
        late.recv(1)
    link.heal()
    with connected(link) as client:
        assert said_back(client, b"again") == b"again"


def test_a_drop_ends_what_is_open_only(proxy: Proxy, echo: Place) -> None:
    link = proxy.link(echo)
    with connected(link) as client:
        said_back(client, b"hello")

        link.drop()

        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with connected(link) as client:
        assert said_back(client, b"again") == b"again"


def test_without_a_server_the_client_is_reset(proxy: Proxy, tmp_path: Path) -> None:
    link = proxy.link(tmp_path / "nobody.sock")

    with pytest.raises(ConnectionResetError), connected(link) as client:
        client.recv(1)
