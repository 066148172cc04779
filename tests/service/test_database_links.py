"""The link to a database is secured as its URL demands, whoever opens it."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue

import pytest
from sqlalchemy.exc import OperationalError

from services.kit import migrations
from services.kit.database import Database
from tests.service.peers import SECRET
from town.databases import connected, url_of
from town.failures import DatabaseFailed

# How a client of PostgreSQL asks whether the server speaks TLS.
WISH_FOR_TLS = struct.pack("!ii", 8, 80_877_103)


class PlainServer:
    """Tells whoever connects that it speaks no TLS; `heard` is all that each of them said."""

    def __init__(self, listener: socket.socket) -> None:
        self.port = listener.getsockname()[1]
        self.heard: SimpleQueue[bytes] = SimpleQueue()
        self._listener = listener

    def refuse_all(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    wish = connection.recv(1024)
                    connection.sendall(b"N")
                    self.heard.put(wish + connection.recv(1024))


@pytest.fixture
def server() -> Iterator[PlainServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = PlainServer(listener)
        thread = threading.Thread(target=server.refuse_all)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def serve(url: str) -> None:
    database = Database(url, size=1)
    database.open()
    database.is_ready()
    database.close()


def migrate(url: str) -> None:
    with suppress(OperationalError):
        migrations.upgrade("world", url)


def operate(url: str) -> None:
    with suppress(DatabaseFailed), connected(url):
        pass


@pytest.mark.parametrize("opens_a_link", [serve, migrate, operate])
def test_a_server_without_tls_is_told_nothing_where_the_url_demands_tls(
    opens_a_link: Callable[[str], None], server: PlainServer
) -> None:
    given = f"postgresql://127.0.0.1:{server.port}?sslmode=verify-full"
    url = url_of("world", server=given, secret=SECRET)

    opens_a_link(url)

    assert server.heard.get(timeout=10) == WISH_FOR_TLS
