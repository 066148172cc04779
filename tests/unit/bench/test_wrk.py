"""wrk sends each prepared request exactly once, and every answer is kept, by whatever connection it came."""

import asyncio
from collections import Counter

import pytest

from bench import wrk
from bench.driver import HOST, Answers, DriverBroke, Request
from bench.wrk import Wrk, packed, unpacked

FOUND = wrk.found()
needs_wrk = pytest.mark.skipif(FOUND is None, reason="wrk is not installed")


class Gateway:
    """Counts what it is asked, and answers with the path; hangs up on `/hang-up`."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.bodies: set[str] = set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            path = line.split()[1].decode()
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked[path] += 1
            if b"Content-Length: 8" in head:
                self.bodies.add((await reader.readexactly(8)).decode())
            if path == "/hang-up":
                break
            status = b"404 Not Found" if path == "/missing" else b"200 OK"
            writer.write(b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n" % (status, len(path)))
            writer.write(path.encode())
        writer.close()


def driven(clients: int, requests: list[Request]) -> tuple[Gateway, Answers, Wrk]:
    async def serve_and_drive() -> tuple[Gateway, Answers, Wrk]:
        gateway, program = Gateway(), wrk.found()
        assert program
        server = await asyncio.start_server(gateway.answer, HOST, 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            answers = await asyncio.to_thread(program.send, port, clients, requests)
        return gateway, answers, program

    return asyncio.run(serve_and_drive())


def test_requests_are_told_apart_by_their_length_in_bytes() -> None:
    requests = [Request("GET", "/a"), Request("POST", "/b", "secret", '{"a": "ü\\n"}')]

    written = packed(requests)

    for one in requests:
        length, _, written = written.partition(b"\n")
        assert written.startswith(one.payload())
        assert int(length) == len(one.payload())
        written = written[int(length) :]
    assert written == b""


def test_answers_are_told_apart_by_their_length_in_bytes() -> None:
    body = '{"a": "ü\n204 0\n"}'.encode()

    answers, cpu_s = unpacked(b"1.250000 0.010000\n200 %d\n%b204 0\n" % (len(body), body))

    assert answers == Answers([200, 204], [body.decode(), ""], [], 1.25)
    assert cpu_s == 0.01


@needs_wrk
@pytest.mark.parametrize(("clients", "count"), [(1, 3), (8, 500), (32, 5)])
def test_each_request_is_sent_once_and_nothing_else(clients: int, count: int) -> None:
    requests = [Request("POST", f"/{n}", body=f"{n:08}") for n in range(count)]

    gateway, answers, _ = driven(clients, requests)

    paths = [one.path for one in requests]
    assert gateway.asked == Counter(paths)
    assert gateway.bodies == {one.body for one in requests}
    assert sorted(answers.bodies) == sorted(paths)
    assert set(answers.statuses) == {200}


@needs_wrk
def test_a_window_has_its_statuses_its_time_and_its_cpu() -> None:
    requests = [Request("GET", "/missing"), Request("GET", "/there")]

    _, answers, program = driven(1, requests)

    assert answers.statuses == [404, 200]
    assert answers.latencies_s == []
    assert 0 < program.cpu_s < 10
    assert 0 < answers.wall_s < 10


@needs_wrk
def test_a_request_that_is_never_answered_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrk, "WINDOW_WITHIN_S", 1.0)

    with pytest.raises(DriverBroke):
        driven(1, [Request("GET", "/hang-up"), Request("GET", "/there")])
