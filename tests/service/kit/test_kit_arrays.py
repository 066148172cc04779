"""What goes into PostgreSQL as an array literal comes out as it was."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ARRAY, BigInteger, Boolean, DateTime, Float, LargeBinary, String, Text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.kit.arrays import literal_of

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
tricky = st.sampled_from(["", "NULL", "null", '"', "\\", "a,b", "{}", '","', "\\x41", "\n", "'"])
instants = st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds are without a zone
LISTS: list[tuple[Any, str, Any]] = [
    (Text(), "text[]", texts | tricky),
    (BigInteger(), "bigint[]", st.integers(-(2**63), 2**63 - 1)),
    (Boolean(), "boolean[]", st.booleans()),
    (DateTime(timezone=True), "timestamptz[]", instants),
    (LargeBinary(), "bytea[]", st.binary(max_size=40)),
    (UUID(as_uuid=False), "uuid[]", st.uuids().map(str)),
]


@pytest.fixture(scope="module")
def connection(server_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server_url, options="-c timezone=UTC") as connection:
        yield connection


@pytest.mark.parametrize(("kind", "cast", "elements"), LISTS, ids=[cast for _, cast, _ in LISTS])
def test_a_list_comes_back_as_it_was(
    connection: psycopg.Connection[Any], kind: Any, cast: str, elements: st.SearchStrategy[Any]
) -> None:
    literal = literal_of(kind)
    assert literal is not None

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.none() | elements, max_size=6))
    def check(values: list[Any]) -> None:
        row = connection.execute(
            f"SELECT %s::{cast}", [literal(values)]
        ).fetchone()  # a cast of ours
        assert row is not None
        came = [str(v) if cast == "uuid[]" and v is not None else v for v in row[0]]
        assert came == values

    check()


def test_an_element_can_not_smuggle_in_another(connection: psycopg.Connection[Any]) -> None:
    smuggler = '0190c0de-0000-7000-8000-000000000001","0190c0de-0000-7000-8000-000000000002'
    literal = literal_of(UUID(as_uuid=False))
    assert literal is not None

    with pytest.raises(psycopg.DataError):
        connection.execute("SELECT %s::uuid[]", [literal([smuggler])])
    connection.rollback()


@pytest.mark.parametrize("kind", [String(80), JSONB()])
def test_bounded_text_and_json_are_text(kind: Any) -> None:
    literal = literal_of(kind)

    assert literal is not None
    assert literal(['{"a": "b"}', None]) == '{"{\\"a\\": \\"b\\"}",NULL}'


@pytest.mark.parametrize("kind", [Float(), ARRAY(Text())])
def test_other_types_are_left_to_the_driver(kind: Any) -> None:
    assert literal_of(kind) is None
