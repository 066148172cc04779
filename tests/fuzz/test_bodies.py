"""Whatever bytes arrive, the parsers give what was meant or name what is wrong, and soon."""

import json
import math
import time
import uuid
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Field
from starlette.types import Message

from gateway import input as strict
from gateway import once, paging
from gateway.errors import Problem
from gateway.input import DIGITS, QueryDate, Strict, absent
from gateway.routes.admin import timeline
from tests.fuzz import parsers
from tests.fuzz.fuzzed import examples

SEEDS = Path(__file__).parent / "seeds" / "body"
# Of 64 KiB on a machine that does other things as well; it takes some milliseconds.
SOON_S = 2.0

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=12,
)
# Pieces of JSON, good ones and bad ones, in any order.
PIECES = st.lists(
    st.sampled_from(
        [
            *'{}[],:"', '"a"', '"a":1', "\\", "\\u0000", "\\ud83d", "\\ude00", "\\\\u0000", "\0", "\xff", "-",
            "1e400", "NaN", "Infinity", "-Infinity", "0", "1" * 21, "true", "null", " ", "\ufeff", "\\u", "\\",
        ]
    ),
    max_size=12,
).map("".join)  # fmt: skip


class Query(Strict):
    text: str = absent()
    limit: Annotated[int, Field(ge=1, le=100), DIGITS] = 50
    day: QueryDate = absent()


@pytest.mark.parametrize("seed", sorted(SEEDS.iterdir()), ids=lambda seed: seed.name)
def test_the_seeds_are_read_or_refused(seed: Path) -> None:
    parsers.body(seed.read_bytes())


@examples(few=60, many=5_000)
@given(st.binary())
def test_any_bytes_are_a_document_or_refused(raw: bytes) -> None:
    parsers.body(raw)


@examples(few=60, many=5_000)
@given(PIECES)
def test_pieces_of_json_are_a_document_or_refused(text: str) -> None:
    parsers.body(text.encode())


@examples(few=60, many=5_000)
@given(DOCUMENTS, st.sampled_from(["ascii", "utf-8"]))
def test_a_good_document_is_what_json_says(document: Any, written: str) -> None:
    raw = json.dumps(document, ensure_ascii=written == "ascii").encode()

    assert not isinstance(parsers.body(raw), Problem) or _is_deep(document)


@examples(few=40, many=5_000)
@given(
    DOCUMENTS,
    st.sampled_from([math.nan, math.inf, 10**25, "a\0", "\ud800", "\udfff", "x\ude00\ud83d"]),
    st.sampled_from(["name", "value"]),
)
def test_nothing_bad_gets_through_wherever_it_stands(good: Any, bad: Any, where: str) -> None:
    is_name = where == "name" and isinstance(bad, str)
    within: Any = {bad: good} if is_name else [good, {"x": bad}]

    assert isinstance(parsers.body(json.dumps({"a": within}).encode()), Problem)


@examples(few=30, many=5_000)
@given(DOCUMENTS, DOCUMENTS, TEXTS)
def test_no_name_stands_twice(one: Any, other: Any, name: str) -> None:
    pairs = ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for value in (one, other))

    assert isinstance(parsers.body(f"[{{{pairs}}}]".encode()), Problem)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * strict.MAX_BYTES,
        b'{"":' * (strict.MAX_BYTES // 4),
        b"[" + b"[]," * 21_000 + b"0]",
        b'"' + b"\\u0041" * 10_000 + b'"',
        b'"' + b"\\" * 65_000 + b'"',
        b"1" * strict.MAX_BYTES,
        b"1." + b"1" * 65_000,
        b"{" + b",".join(b'"%d":0' % n for n in range(7_000)) + b"}",
    ],
    ids=lambda raw: raw[:8].decode(),
)
def test_the_largest_body_takes_no_time(raw: bytes) -> None:
    began = time.process_time()
    parsers.body(raw)

    assert time.process_time() - began < SOON_S


@examples(few=60, many=5_000)
@given(
    st.lists(st.binary(max_size=300), max_size=4),
    st.just(b"application/json") | st.binary(max_size=20),
)
def test_any_chunks_of_any_type_are_read_or_refused(chunks: list[bytes], kind: bytes) -> None:
    sent = parsers.request(headers=[(b"content-type", kind), (b"transfer-encoding", b"chunked")])
    left = iter(chunks)

    async def receive() -> Message:
        chunk = next(left, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    sent._receive = receive
    sent.scope["state"] = {strict.WHOLE: True}

    assert isinstance(
        parsers.outcome(lambda: parsers.run(strict.read(sent, Query))), Query | Problem
    )


@examples(few=100, many=5_000)
@given(st.binary() | st.text("limt=&day%0123456789\x7f+").map(str.encode))
def test_any_query_is_read_or_refused(raw: bytes) -> None:
    sent = parsers.request(query=raw)
    found = parsers.outcome(lambda: strict.query(sent, Query))

    assert isinstance(found, Query) or found.code == "VALIDATION_FAILED"


@examples(few=60, many=5_000)
@given(st.dictionaries(TEXTS, TEXTS))
@example({"password": "\\u0000abc"})
def test_a_form_says_what_was_written(fields: dict[str, str]) -> None:
    assert strict._pairs(urlencode(fields).encode()) == fields


@examples(few=60, many=5_000)
@given(st.text() | st.from_regex(paging.CURSOR, fullmatch=True))
def test_any_cursor_is_one_of_ours_or_refused(cursor: str) -> None:
    sent = parsers.request(query=urlencode({"cursor": cursor}, errors="replace").encode())
    found = parsers.outcome(lambda: strict.query(sent, paging.Paged).before)

    assert isinstance(found, Problem) or paging._cursor(found) == cursor


@examples(few=40, many=5_000)
@given(st.uuids())
def test_a_cursor_of_ours_leads_back(last: uuid.UUID) -> None:
    assert paging.Paged(cursor=paging._cursor(str(last))).before == str(last)


@examples(few=60, many=5_000)
@given(st.text() | st.from_regex(timeline.CURSOR, fullmatch=True))
def test_any_place_in_a_timeline_is_one_or_refused(cursor: str) -> None:
    sent = parsers.request(query=urlencode({"cursor": cursor}, errors="replace").encode())
    found = parsers.outcome(lambda: timeline.place_of(strict.query(sent, timeline.Wanted).cursor))

    assert isinstance(found, Problem) or timeline.cursor_of(found) == cursor


@examples(few=60, many=5_000)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=2))
def test_any_idempotency_key_is_visible_ascii_or_refused(keys: list[bytes]) -> None:
    sent = parsers.request(headers=[(b"idempotency-key", key) for key in keys])
    found = parsers.outcome(lambda: once.key_of(sent))

    is_good = len(keys) == 1 and 1 <= len(keys[0]) <= 255 and all(33 <= b <= 126 for b in keys[0])
    assert (found == keys[0].decode()) if is_good else (found.code == "BAD_IDEMPOTENCY_KEY")


def _is_deep(document: Any) -> bool:
    return not parsers.is_good(json.dumps(document).encode())
