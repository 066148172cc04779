"""Whatever bytes come, one answer goes: what can be read in two ways is read in none."""

import socket
import threading

import httpx
import pytest

from gateway import input as strict
from gateway import protocol
from tests.service.gateway.sockets import answers, checked, connected, refused, until_closed
from tests.service.gateway.stage import Stage

ALIVE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
LOGIN = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = LOGIN + b"Transfer-Encoding: chunked\r\n\r\n"


def get(*lines: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    return b"\r\n".join((b"GET /healthz " + version, *lines, b"", b""))


@pytest.mark.parametrize(
    "sent",
    [
        b"HELLO\r\n\r\n",
        b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /a\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /a?\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz#part HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /healthz HTTP/1.1\nHost: x\n\n",
        get(b"Host: x", version=b"HTTP/0.9"),
        get(b"Host: x", version=b"HTTP/1.2"),
        get(b"Host: x", version=b"HTTP/2.0"),
        get(b"Host: x", version=b"HTTP/3"),
        b"GET /healthz\r\n\r\n",
        get(b"Host: x", b"no colon"),
        get(b"Host: x", b"Space : before"),
        get(b"Host: x", b": no name"),
        get(b"Host: x", b"A: a\x00b"),
        get(b"Host: x", b"A: a\rb"),
        get(b"Host: x", b"A: a\nB: b"),
        get(b"Host: x", b"A: folded", b" away"),
    ],
)
def test_what_is_no_http_is_a_problem_like_any_other(stage: Stage, sent: bytes) -> None:
    refused(stage, sent, "MALFORMED_REQUEST")


@pytest.mark.parametrize(
    "sent",
    [
        get(),
        get(b"Host: "),
        get(b"Host: x", b"Host: x"),
        get(b"Host: x", b"Host: y"),
        get(b"Host: x/y@z"),
        get(b"Host: x", b"Host: x", version=b"HTTP/1.0"),
        b"GET http://evil.example/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://me@x/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET ftp://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    ],
)
def test_it_must_be_said_once_which_host_is_meant(stage: Stage, sent: bytes) -> None:
    refused(stage, sent, "MALFORMED_REQUEST")


@pytest.mark.parametrize(
    "sent",
    [
        get(version=b"HTTP/1.0"),
        b"GET http://X/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        get(b"Host: [::1]:8000", b"Connection: close"),
    ],
)
def test_what_names_the_host_in_another_way_is_served(stage: Stage, sent: bytes) -> None:
    with connected(stage) as connection:
        connection.sendall(sent)
        [answer] = answers(until_closed(connection))

    assert answer.status == 200


@pytest.mark.parametrize(
    "sent",
    [
        LOGIN + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        LOGIN + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
        LOGIN + b"Content-Length: 2, 2\r\n\r\n{}",
        LOGIN + b"Content-Length: +2\r\n\r\n{}",
        LOGIN + b"Content-Length: -2\r\n\r\n{}",
        LOGIN + b"Content-Length: 0x2\r\n\r\n{}",
        LOGIN + b"Content-Length: \r\n\r\n{}",
        LOGIN + b"Content-Length: 99999999999999999999\r\n\r\n{}",
        LOGIN + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        LOGIN + b"Transfer-Encoding: gzip\r\n\r\n{}",
        LOGIN + b"Transfer-Encoding: identity\r\n\r\n{}",
        LOGIN + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        LOGIN + b"Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        LOGIN + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        LOGIN + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n2\r\n{}\r\n0\r\n\r\n",
        CHUNKED.replace(b"1.1", b"1.0") + b"2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"ffffffffffffffffff\r\n{}",
        CHUNKED + b"2\r\n{}}\r\n0\r\n\r\n",
        CHUNKED + b"2\n{}\n0\n\n",
    ],
)
def test_it_must_be_clear_where_a_body_ends(stage: Stage, sent: bytes) -> None:
    refused(stage, sent + ALIVE, "MALFORMED_REQUEST")


def test_a_body_that_breaks_later_is_refused_all_the_same(stage: Stage) -> None:
    with connected(stage) as connection:
        connection.sendall(CHUNKED + b"2\r\n{}\r\n")
        threading.Event().wait(0.1)
        connection.sendall(b"zz\r\n" + ALIVE)
        [answer] = answers(until_closed(connection))

    checked(answer, "MALFORMED_REQUEST")


def test_nothing_of_what_could_not_be_read_is_said_again(stage: Stage) -> None:
    for sent in (
        b"canary canary canary\r\n\r\n",
        get(b"Host: ca/nary"),
        get(b"Host: x", b"canary"),
    ):
        assert b"canary" not in refused(stage, sent, "MALFORMED_REQUEST").body


def test_what_could_not_be_read_is_counted(stage: Stage, visitor: httpx.Client) -> None:
    def count() -> float:
        lines = visitor.get("/metrics").text.splitlines()
        found = [line for line in lines if line.startswith('nesra_answers_total{status="400"}')]
        return float(found[0].split(" ")[1]) if found else 0.0

    before = count()
    refused(stage, b"HELLO\r\n\r\n", "MALFORMED_REQUEST")

    assert count() > before


def test_a_bug_in_reading_is_no_fault_of_the_sender(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bool:
        raise ZeroDivisionError("canary")  # noqa: EM101  # any bug

    monkeypatch.setattr(protocol, "is_ambiguous", broken)

    assert b"canary" not in refused(stage, ALIVE, "INTERNAL").body


def test_what_comes_behind_a_body_in_pieces_is_no_header(stage: Stage) -> None:
    token = stage.auth.token("0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b").encode()
    sent = (
        b"POST /api/auth/logout HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\nAuthorization: Bearer " + token + b"\r\n\r\n"
    )

    with connected(stage) as connection:
        connection.sendall(sent)
        [answer] = answers(connection.recv(65_536))

    checked(answer, "UNAUTHENTICATED")


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
def test_nobody_here_speaks_anything_else(stage: Stage, upgrade: bytes) -> None:
    asked = get(b"Host: x", b"Connection: Upgrade", b"Upgrade: " + upgrade)
    with connected(stage) as connection:
        connection.sendall(asked + ALIVE)
        [answer] = answers(until_closed(connection))

    assert answer.status == 200
    body = (
        LOGIN + b"Connection: Upgrade\r\nUpgrade: " + upgrade + b"\r\nContent-Length: 2\r\n\r\n{}"
    )
    refused(stage, body + ALIVE, "MALFORMED_REQUEST")


@pytest.mark.parametrize("method", [b"TRACE", b"CONNECT", b"PUT", b"PROPFIND"])
def test_other_methods_are_told_apart_and_echo_nothing(stage: Stage, method: bytes) -> None:
    with connected(stage) as connection:
        connection.sendall(
            method
            + b" /api/tasks HTTP/1.1\r\nHost: x\r\nCookie: canary\r\nConnection: close\r\n\r\n"
        )
        [answer] = answers(until_closed(connection))

    checked(answer, "METHOD_NOT_ALLOWED")
    assert b"canary" not in answer.body


def test_requests_in_a_row_are_answered_in_order(stage: Stage) -> None:
    nowhere = ALIVE.replace(b"/healthz", b"/nowhere")

    with connected(stage) as connection:
        connection.sendall(ALIVE + nowhere + ALIVE + b"HELLO\r\n\r\n" + ALIVE)
        received = answers(until_closed(connection))

    assert [answer.status for answer in received] == [200, 404, 200, 400]
    checked(received[-1], "MALFORMED_REQUEST")


def test_no_more_requests_wait_than_can_be_kept_in_mind(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MAX_WAITING", 3)

    with connected(stage) as connection:
        connection.sendall(ALIVE * 20)
        received = answers(until_closed(connection))

    assert [answer.status for answer in received] == [200] * 4 + [400]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 70_000, "HEADERS_TOO_LARGE"),
        (b"GET /healthz HTTP/1.1\r\n" + b"A: b\r\n" * 12_000, "HEADERS_TOO_LARGE"),
        (b"GET /" + b"a" * 66_000, "URI_TOO_LONG"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", "URI_TOO_LONG"),
    ],
)
def test_a_head_that_is_too_long_is_answered_before_it_ends(
    stage: Stage, sent: bytes, code: str
) -> None:
    refused(stage, sent, code)


def test_many_small_headers_are_large_too(stage: Stage) -> None:
    with connected(stage) as connection:
        connection.sendall(get(b"Host: x", *[b"A: b"] * 4000, b"Connection: close"))
        [answer] = answers(until_closed(connection))

    checked(answer, "HEADERS_TOO_LARGE")


def test_a_head_that_grows_without_end_is_cut_off(stage: Stage) -> None:
    with connected(stage) as connection:
        connection.sendall(b"GET /api/profile HTTP/1.1\r\nX-Large: ")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            connection.sendall(b"x" * 64_000_000)


def test_what_comes_behind_a_body_does_not_grow_without_end(stage: Stage) -> None:
    with connected(stage) as connection:
        connection.sendall(CHUNKED + b"0\r\nX-Large: ")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            connection.sendall(b"x" * 64_000_000)


@pytest.mark.parametrize("sent", [b"GET /api/pro", b"GET /api/profile HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_that_never_ends_is_answered_and_cut_off(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(protocol, "REQUEST_WITHIN_S", 0.2)

    refused(stage, sent, "REQUEST_TIMEOUT")


def test_a_connection_on_which_nothing_comes_is_closed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "REQUEST_WITHIN_S", 0.2)

    with connected(stage) as connection:
        assert until_closed(connection) == b""


def test_blank_lines_keep_no_connection(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REQUEST_WITHIN_S", 0.2)

    with connected(stage) as connection:
        connection.sendall(ALIVE)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"\r\n")
        assert until_closed(connection) == b""


def test_a_body_that_never_ends_is_answered_and_cut_off(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strict, "BODY_WITHIN_S", 0.2)

    refused(stage, LOGIN + b"Content-Length: 100\r\n\r\n{", "REQUEST_TIMEOUT")


def test_a_body_is_given_up_with_its_request(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REQUEST_WITHIN_S", 0.2)

    refused(stage, LOGIN + b"Content-Length: 100\r\n\r\n{", "REQUEST_TIMEOUT")


def test_a_kept_connection_serves_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "REQUEST_WITHIN_S", 0.2)

    with connected(stage) as connection:
        connection.sendall(ALIVE)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        threading.Event().wait(0.4)
        connection.sendall(ALIVE)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"POST /api/tasks HTTP/1.1\r\nHost: x\r\n", "UNAUTHENTICATED"),
        (b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\n", "UNSUPPORTED_MEDIA_TYPE"),
        (LOGIN + b"Expect: 100-continue\r\n", "PAYLOAD_TOO_LARGE"),
    ],
)
def test_a_body_that_nobody_read_is_no_request(stage: Stage, head: bytes, code: str) -> None:
    refused(stage, head + b"Content-Length: 99999\r\n\r\n" + ALIVE * 3, code)


def test_who_still_sends_gets_the_answer_first(stage: Stage) -> None:
    with connected(stage) as connection:
        connection.sendall(LOGIN + b"Content-Length: 900000\r\n\r\n" + b"x" * 500_000)
        threading.Event().wait(0.1)
        connection.sendall(b"x" * 400_000)
        [answer] = answers(until_closed(connection))

    checked(answer, "PAYLOAD_TOO_LARGE")


def test_a_body_without_end_is_not_read_for_ever(stage: Stage) -> None:
    with connected(stage) as connection:
        connection.sendall(LOGIN + b"Content-Length: 99999999\r\n\r\n")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            connection.sendall(b"x" * 99_999_999)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (ALIVE, 200),
        (ALIVE[:-2], 400),
        (b"GET", 400),
        (LOGIN + b"Content-Length: 10\r\n\r\n{", 400),
        (CHUNKED + b"2\r\n{}\r\n", 400),
    ],
)
def test_who_says_no_more_is_answered_all_the_same(stage: Stage, sent: bytes, status: int) -> None:
    with connected(stage) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        [answer] = answers(until_closed(connection))

    assert answer.status == status


def test_who_says_nothing_at_all_is_not_answered(stage: Stage) -> None:
    with connected(stage) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert until_closed(connection) == b""
