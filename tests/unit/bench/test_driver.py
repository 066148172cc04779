"""The driver reads whole answers, keeps the order of the requests, and says when the gateway hangs up."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from bench.driver import HOST, Answers, DriverBroke, Request, drive, whole

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def echo_path(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every request with its own path."""
    while head := await reader.readline():
        await reader.readuntil(b"\r\n\r\n")
        path = head.split()[1]
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(path), path))
    writer.close()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.close()


def driven(
    gateway: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    clients: int,
    requests: list[Request],
    per_s: float = 0.0,
) -> Answers:
    async def serve_and_drive() -> Answers:
        server = await asyncio.start_server(gateway, HOST, 0)
        async with server:
            return await drive(server.sockets[0].getsockname()[1], clients, requests, per_s)

    return asyncio.run(serve_and_drive())


def test_an_answer_is_whole_when_its_length_has_come() -> None:
    assert whole(OK) == (200, "{}")
    assert all(whole(OK[:end]) is None for end in range(len(OK)))


def test_an_answer_without_a_length_has_no_body() -> None:
    assert whole(b"HTTP/1.1 204 No Content\r\n\r\n") == (204, "")


def test_the_length_of_a_body_is_counted_in_bytes() -> None:
    payload = Request("POST", "/x", "secret", '{"a": "ü"}').payload()

    head, body = payload.split(b"\r\n\r\n")
    assert b"Authorization: Bearer secret" in head
    assert f"Content-Length: {len(body)}".encode() in head


def test_answers_stand_in_the_order_of_the_requests() -> None:
    requests = [Request("GET", f"/{number}") for number in range(50)]

    answers = driven(echo_path, 8, requests)

    assert answers.bodies == [one.path for one in requests]
    assert set(answers.statuses) == {200}
    assert all(0 < latency <= answers.wall_s for latency in answers.latencies_s)


def test_more_clients_than_requests_are_no_harm() -> None:
    answers = driven(echo_path, 8, [Request("GET", "/only")])

    assert answers.bodies == ["/only"]


def test_a_gateway_that_hangs_up_is_noticed() -> None:
    with pytest.raises((DriverBroke, ConnectionError)):
        driven(hang_up, 1, [Request("GET", "/")])


def test_at_a_fixed_rate_a_request_is_timed_from_when_it_was_due() -> None:
    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the first request late, and the others at once."""
        wait_s = 0.2
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(wait_s)
                writer.write(OK)
                wait_s = 0.0
        writer.close()

    answers = driven(stall, 1, [Request("GET", "/")] * 10, per_s=100)

    # All came while the first was held up, each 10 ms after the one before.
    assert answers.statuses == [200] * 10
    for number, latency_s in enumerate(answers.latencies_s):
        assert 0.19 - 0.01 * number <= latency_s <= 2.0


def test_at_a_fixed_rate_nothing_is_sent_before_it_is_due() -> None:
    answers = driven(
        echo_path, 4, [Request("GET", f"/{number}") for number in range(20)], per_s=200
    )

    assert answers.bodies == [f"/{number}" for number in range(20)]
    assert answers.wall_s >= 19 / 200
