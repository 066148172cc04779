"""Head and body of an answer leave in one piece, and nothing that is held gets lost."""

import asyncio

import pytest

from gateway.transport import InOnePiece

pytestmark = pytest.mark.anyio


class Wire(asyncio.Transport):
    """Keeps what was written to it, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_closed
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def transport(wire: Wire) -> InOnePiece:
    return InOnePiece(wire, asyncio.get_running_loop())


async def test_head_and_body_leave_together(wire: Wire, transport: InOnePiece) -> None:
    for piece in (b"head 1, ", b"body 1", b"head 2, ", b"body 2"):
        transport.write(piece)
    await asyncio.sleep(0)

    assert wire.pieces == [b"head 1, body 1", b"head 2, body 2"]


async def test_a_head_whose_body_takes_its_time_leaves_alone(
    wire: Wire, transport: InOnePiece
) -> None:
    transport.write(b"head")
    await asyncio.sleep(0)
    transport.write(b"body")
    await asyncio.sleep(0)

    assert wire.pieces == [b"head", b"body"]


async def test_what_is_held_leaves_before_the_connection_closes(
    wire: Wire, transport: InOnePiece
) -> None:
    transport.write(b"head")
    transport.close()

    assert wire.pieces == [b"head"]
    assert transport.is_closing()


async def test_what_a_lost_connection_held_goes_nowhere(wire: Wire, transport: InOnePiece) -> None:
    transport.write(b"head")
    wire.close()
    await asyncio.sleep(0)
    transport.close()

    assert wire.pieces == []
