"""Strict input: each thing that the stock stack lets through is refused by name."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from gateway import input as strict
from gateway.errors import Problem
from gateway.input import DIGITS, Id, Strict, absent, no_body, query, read
from gateway.routes.tasks import Minutes
from gateway.text import Text

pytestmark = pytest.mark.anyio


class Plot(Strict):
    name: Annotated[str, Text(1, 5)] = absent()
    minutes: Minutes = absent()
    id: Id = absent()


class Page(Strict):
    limit: Annotated[int, DIGITS] = 50


def request(
    chunks: Sequence[bytes] = (),
    *,
    kind: str = "application/json",
    query_string: bytes = b"",
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> Request:
    async def receive() -> Message:
        body = await anext(messages, None)
        return {"type": "http.request", "body": body or b"", "more_body": body is not None}

    async def each() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    messages = each()
    scope = {
        "type": "http",
        "method": "POST",
        "query_string": query_string,
        "headers": [
            (b"content-type", kind.encode()),
            (b"transfer-encoding", b"chunked"),
            *headers,
        ],
    }
    return Request(scope, receive)


async def refused(raw: bytes, **how: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        await read(request([raw], **how), Plot)
    return caught.value


def entries(problem: Problem) -> list[dict[str, Any]]:
    assert problem.code == "VALIDATION_FAILED"
    found: list[dict[str, Any]] = problem.members["errors"]
    return found


async def test_a_body_as_agreed_is_read() -> None:
    plot = await read(request([b'{"name": " Caf', b'e\xcc\x81", "minutes": 25}']), Plot)

    assert plot.name == "Café"
    assert plot.minutes == 25
    assert plot.model_fields_set == {"name", "minutes"}


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
async def test_utf_8_may_be_named(kind: str) -> None:
    assert (await read(request([b'{"minutes": 25}'], kind=kind), Plot)).minutes == 25


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/json; charset=utf-16", "application/x-www-form-urlencoded"],
)
async def test_another_media_type_is_refused(kind: str) -> None:
    assert (await refused(b"{}", kind=kind)).code == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{'name': 1}",
        b"\xff\xfe{\x00}\x00",
        b'{"name": "\xff"}',
        b'\xef\xbb\xbf{"minutes": 25}',
        b'{"name": "a\x00b"}',
        b"nul",
    ],
)
async def test_what_is_not_json_is_malformed(raw: bytes) -> None:
    assert (await refused(raw)).code == "MALFORMED_JSON"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"name": "a", "name": "a"}',
        b'{"other": {"x": 1, "x": 2}}',
        b'{"minutes": NaN}',
        b'{"minutes": Infinity}',
        b'{"minutes": 1e400}',
        b'{"minutes": -1e999}',
        b'{"minutes": 1' + b"0" * 400 + b"}",
        b'{"minutes": 1' + b"0" * 5000 + b"}",
        b'{"name": "a\\u0000b"}',
        b'{"a\\u0000b": 1}',
        b'{"name": "\\ud800"}',
        b'{"name": "\\udc00\\ud800"}',
        b'{"x": ' + b"[" * 40 + b"]" * 40 + b"}",
        b"[" * 30_000 + b"]" * 30_000,
        b'{"name": null}',
        b'{"minutes": null}',
        b'{"minutes": true}',
        b'{"minutes": "25"}',
        b'{"minutes": 25.0}',
        b'{"minutes": 2.5e1}',
        b'{"minutes": 4}',
        b'{"minutes": 181}',
        b'{"minutes": -25}',
        b'{"minutes": 2147483648}',
        b'{"minutes": 9223372036854775808}',
        b'{"name": 5}',
        b'{"name": ""}',
        b'{"name": "   "}',
        b'{"name": "abcdef"}',
        b'{"name": "a\\nb"}',
        b'{"name": "a\\u202eb"}',
        b'{"name": "a\\u2066b"}',
        b'{"name": "a\\u0085b"}',
        b'{"is_superuser": true}',
        b'{"id": "0192F0C1-2C3D-7E4F-8A5B-6C7D8E9F0A1B"}',
        b'{"id": "{0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b}"}',
        b'{"id": "urn:uuid:0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b"}',
        b'{"id": "0192f0c12c3d7e4f8a5b6c7d8e9f0a1b"}',
        b'{"id": "0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b\\n"}',
        b'{"id": 5}',
        b"[]",
        b"5",
        b"null",
        b'"name"',
    ],
)
async def test_what_is_json_but_not_as_agreed_is_invalid(raw: bytes) -> None:
    found = entries(await refused(raw))

    assert all(entry["loc"] is not None and entry["code"] and entry["detail"] for entry in found)


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"1" * 30, b"-" + b"1" * 5000])
async def test_a_number_that_no_field_can_hold_is_named_as_such(number: bytes) -> None:
    found = entries(await refused(b'{"minutes": ' + number + b"}"))

    assert found[0]["code"] == "number_too_large"


async def test_an_invalid_body_is_named_by_field_and_never_echoed() -> None:
    problem = await refused(b'{"name": "canary-canary", "minutes": "canary", "extra": "canary"}')

    assert [entry["loc"] for entry in entries(problem)] == [["name"], ["minutes"], ["extra"]]
    assert "canary" not in json.dumps(problem.members)


async def test_a_long_name_of_an_unknown_field_is_cut() -> None:
    problem = await refused(b'{"' + b"x" * 5000 + b'": 1}')

    assert entries(problem)[0]["loc"] == ["x" * strict.MAX_NAME]


async def test_a_name_that_no_field_could_have_is_told_in_part_only() -> None:
    problem = await refused('{"<b>\\r\\n\\u202eé a-b.c_1": 1}'.encode())

    assert entries(problem)[0]["loc"] == ["?b??????a-b.c_1"]


async def test_an_escaped_backslash_before_u0000_is_plain_text() -> None:
    assert (await read(request([b'{"name": "\\\\u000"}']), Plot)).name == "\\u000"


async def test_32_levels_are_deep_enough() -> None:
    raw = b'{"x": ' + b"[" * 31 + b"]" * 31 + b"}"

    assert entries(await refused(raw))[0]["code"] == "extra_forbidden"


async def test_many_flat_values_are_not_deep() -> None:
    raw = json.dumps({"x": [[] for _ in range(100)]}).encode()

    assert entries(await refused(raw))[0]["code"] == "extra_forbidden"


async def test_a_body_that_announces_too_much_is_refused_unread() -> None:
    problem = await refused(b"{}", headers=[(b"content-length", b"65537")])

    assert problem.code == "PAYLOAD_TOO_LARGE"


async def test_a_chunked_body_is_read_no_further_than_64_kib() -> None:
    read_chunks = 0

    async def receive() -> Message:
        nonlocal read_chunks
        read_chunks += 1
        return {"type": "http.request", "body": b" " * 16_384, "more_body": True}

    endless = Request(request().scope, receive)
    with pytest.raises(Problem) as caught:
        await read(endless, Plot)

    assert caught.value.code == "PAYLOAD_TOO_LARGE"
    assert read_chunks == 5


async def test_a_body_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict, "BODY_WITHIN_S", 0.01)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(Problem) as caught:
        await read(Request(request().scope, receive), Plot)

    assert caught.value.code == "REQUEST_TIMEOUT"


async def test_a_body_that_has_arrived_is_read_without_a_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(strict, "BODY_WITHIN_S", -1.0)

    async def receive() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"{}"}

    scope = request().scope
    with pytest.raises(Problem):
        await read(Request(scope, receive), Plot)
    arrived = Request({**scope, "state": {strict.WHOLE: True}}, receive)

    assert await read(arrived, Plot) == Plot()


async def test_a_sender_who_has_gone_is_not_waited_for() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(Problem, match="REQUEST_TIMEOUT"):
        await read(Request(request().scope, receive), Plot)


async def test_a_call_without_a_body_refuses_one() -> None:
    with pytest.raises(Problem) as caught:
        await no_body(request([b"{}"]))

    assert entries(caught.value)[0]["code"] == "body_unexpected"


async def test_an_empty_chunked_body_is_no_body() -> None:
    await no_body(request([]))


def test_a_query_as_agreed_is_read() -> None:
    assert query(request(query_string=b"limit=100"), Page).limit == 100


@pytest.mark.parametrize(
    "raw",
    [
        b"limit=1&limit=2",
        b"limit=1&other=2",
        b"limit",
        b"limit=",
        b"limit=+5",
        b"limit=%205",
        b"limit=05",
        b"limit=5.0",
        b"limit=1_0",
        b"limit=%D9%A5",
        b"limit=" + b"9" * 5000,
        b"limit=5%00",
        b"limit=%ff",
        b"limit=\xff",
        b"&&",
    ],
)
def test_a_query_that_is_not_as_agreed_is_invalid(raw: bytes) -> None:
    with pytest.raises(Problem) as caught:
        query(request(query_string=raw), Page)

    assert entries(caught.value)
