"""Bytes to the gateway, as no client that is polite would send them, and what comes back."""

import json
import re
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import CATALOGUE
from tests.service.gateway.stage import PUBLIC, Stage

_NEXT = re.compile(rb"(?=HTTP/1\.1 \d{3} )")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came."""

    status: int
    headers: dict[str, list[str]]
    body: bytes

    @property
    def code(self) -> str:
        """The code of a problem."""
        return str(self.json()["code"])

    def json(self) -> Any:
        return json.loads(self.body)


def connected(stage: Stage) -> socket.socket:
    found = urlsplit(stage.url)
    return socket.create_connection((str(found.hostname), found.port or 0), timeout=15)


def until_closed(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
    return received


def answers(received: bytes) -> list[Answer]:
    """What came, taken apart. No answer of a test has a status line in its body."""
    return [_answer(piece) for piece in _NEXT.split(received) if piece]


def refused(stage: Stage, sent: bytes, code: str) -> Answer:
    """The one answer to what is sent: this problem, after which the gateway closes."""
    with connected(stage) as connection:
        connection.sendall(sent)
        [answer] = answers(until_closed(connection))
    checked(answer, code)
    assert answer.headers["connection"] == ["close"]
    return answer


def checked(answer: Answer, code: str) -> None:
    """Holds an answer against what every problem has, and every answer's headers."""
    body = answer.json()
    assert body["code"] == code, body
    assert answer.status == body["status"] == CATALOGUE[code].status
    assert body["type"] == f"{PUBLIC}/docs#{code}"
    assert answer.headers["content-type"] == ["application/problem+json"]
    assert answer.headers["x-request-id"] == [body["request_id"]]
    assert answer.headers["x-content-type-options"] == ["nosniff"]
    assert len(answer.headers["content-security-policy"]) == 1


def _answer(piece: bytes) -> Answer:
    head, _, body = piece.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers.setdefault(name.lower(), []).append(value)
    return Answer(int(status.split(" ")[1]), headers, body)
