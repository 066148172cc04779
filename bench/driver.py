"""Clients that cost little, in a process of their own: HTTP/1.1 over kept connections.

In a closed loop each client sends its next request when it has the answer to the
last. In an open one requests arrive at a fixed rate, whatever the answers do, and
each is timed from when it was due: a stall is felt by everybody who comes meanwhile.
Requests are made into bytes before the clock runs; while it runs, only the status
and the length of an answer are read.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import uvloop

HOST = "127.0.0.1"
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
STATUS = slice(len("HTTP/1.1 "), len("HTTP/1.1 200"))
# A window takes seconds; one that hangs must not hold up the bench for ever.
WINDOW_WITHIN_S = 60.0
# All answers of a window come back in one line.
LONGEST_LINE_BYTES = 64 * 1024 * 1024


class DriverBroke(Exception):
    """The driver ended, or the gateway hung up on it; stderr says more."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; without a token it is sent without identity, without a body with none."""

    method: str
    path: str
    token: str = ""
    body: str = ""

    def payload(self) -> bytes:
        """The bytes to send."""
        content = self.body.encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost"]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        if content:
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        return "\r\n".join(lines).encode() + HEAD_END + content


@dataclass(frozen=True, slots=True)
class Answers:
    """In the order of the requests; `wall_s` is what all of them took together."""

    statuses: list[int]
    bodies: list[str]
    latencies_s: list[float]
    wall_s: float


class Driver:
    """The driver's process, as the bench sees it: `async with Driver() as driver`."""

    _process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """The process whose CPU is the driver's."""
        return self._process.pid

    async def __aenter__(self) -> Self:
        """Starts it."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.driver"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=LONGEST_LINE_BYTES,
            # A Ctrl-C in the terminal is for the bench alone.
            start_new_session=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Ends it, also in the middle of a window."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def send(
        self, port: int, clients: int, requests: Sequence[Request], *, per_s: float = 0.0
    ) -> Answers:
        """Sends all requests over `clients` connections: `per_s` in a second, 0 for a closed loop.

        Raises DriverBroke.
        """
        asked = {
            "port": port,
            "clients": clients,
            "per_s": per_s,
            "requests": [asdict(one) for one in requests],
        }
        if self._process.stdin is None or self._process.stdout is None:
            raise DriverBroke
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise DriverBroke
        return Answers(**json.loads(line))


class Client(asyncio.Protocol):
    """One connection, with at most one request under way."""

    _transport: asyncio.WriteTransport

    def __init__(self, load: "ClosedLoop | OpenLoop", answers: Answers) -> None:
        self._load = load
        self._answers = answers
        self._received = bytearray()
        self._number = 0
        self._since = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Keeps what we write to."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Notes an answer once it is whole, and asks for the next request."""
        self._received += data
        if found := whole(self._received):
            answers, number = self._answers, self._number
            answers.latencies_s[number] = time.perf_counter() - self._since
            answers.statuses[number], answers.bodies[number] = found
            self._received.clear()
            self._load.give_work(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells whoever waits for an answer that there will be none."""
        if not self.done.done():
            self.done.set_exception(exc or DriverBroke("the gateway hung up"))

    def send(self, number: int, payload: bytes, *, since: float) -> None:
        """Sends a request; its answer is timed from `since`."""
        self._number, self._since = number, since
        self._transport.write(payload)

    def finish(self) -> None:
        """There is nothing more to send: is done, and hangs up."""
        if not self.done.done():
            self.done.set_result(None)
        self._transport.close()


class ClosedLoop:
    """Whoever has an answer sends the next request at once."""

    def __init__(self, payloads: Sequence[bytes]) -> None:
        self._queue: Iterator[tuple[int, bytes]] = iter(enumerate(payloads))

    def begin(self, clients: Sequence[Client]) -> None:
        """Lets every client send its first."""
        for client in clients:
            self.give_work(client)

    def give_work(self, client: Client) -> None:
        """Has a client that is free send what comes next, or finish."""
        if (found := next(self._queue, None)) is None:
            client.finish()
        else:
            client.send(*found, since=time.perf_counter())


class OpenLoop:
    """A request is due every 1/`per_s` seconds, and goes out as soon as a client is free."""

    def __init__(self, payloads: Sequence[bytes], per_s: float) -> None:
        self._payloads = payloads
        self._every_s = 1.0 / per_s
        self._began = 0.0
        self._arrived = 0
        self._sent = 0
        self._free: deque[Client] = deque()

    def begin(self, clients: Sequence[Client]) -> None:
        """Starts the clock."""
        self._free.extend(clients)
        self._began = time.perf_counter()
        self._arrive()

    def give_work(self, client: Client) -> None:
        """Has a client that is free send what is overdue, or wait for what comes."""
        self._free.append(client)
        self._send_due()

    def _arrive(self) -> None:
        """Lets everything arrive that is due by now, and looks again when the next one is."""
        passed_s = time.perf_counter() - self._began
        self._arrived = min(len(self._payloads), 1 + int(passed_s / self._every_s))
        self._send_due()
        if self._arrived < len(self._payloads):
            wait_s = self._began + self._arrived * self._every_s - time.perf_counter()
            asyncio.get_running_loop().call_later(max(0.0, wait_s), self._arrive)

    def _send_due(self) -> None:
        while self._free and self._sent < self._arrived:
            number, self._sent = self._sent, self._sent + 1
            since = self._began + number * self._every_s
            self._free.popleft().send(number, self._payloads[number], since=since)
        if self._sent == len(self._payloads):
            while self._free:
                self._free.popleft().finish()


def whole(received: bytes | bytearray) -> tuple[int, str] | None:
    """Status and body of an answer, or None while a part of it is missing."""
    end = received.find(HEAD_END)
    if end < 0:
        return None
    head, body = bytes(received[:end]).lower(), received[end + len(HEAD_END) :]
    at = head.find(LENGTH)
    # Only an answer without a body, such as 204, names no length.
    length = int(head[at + len(LENGTH) :].split(b"\r", 1)[0]) if at >= 0 else 0
    return (int(received[STATUS]), body.decode()) if len(body) >= length else None


async def drive(
    port: int, clients: int, requests: Sequence[Request], per_s: float = 0.0
) -> Answers:
    """Connects, then sends all requests; only the sending is timed.

    Raises DriverBroke, OSError, TimeoutError.
    """
    count = len(requests)
    answers = Answers([0] * count, [""] * count, [0.0] * count, 0.0)
    payloads = [one.payload() for one in requests]
    load = OpenLoop(payloads, per_s) if per_s else ClosedLoop(payloads)
    loop = asyncio.get_running_loop()
    pairs = [
        await loop.create_connection(lambda: Client(load, answers), HOST, port)
        for _ in range(clients)
    ]
    made = [client for _, client in pairs]
    began = time.perf_counter()
    async with asyncio.timeout(WINDOW_WITHIN_S):
        load.begin(made)
        await asyncio.gather(*(client.done for client in made))
    wall_s = time.perf_counter() - began
    return Answers(answers.statuses, answers.bodies, answers.latencies_s, wall_s)


def main() -> None:
    """Drives what each line of stdin asks for; a line of stdout answers it."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin:
            asked = json.loads(line)
            requests = [Request(**one) for one in asked["requests"]]
            answers = runner.run(drive(asked["port"], asked["clients"], requests, asked["per_s"]))
            print(json.dumps(asdict(answers)), flush=True)


if __name__ == "__main__":
    main()
