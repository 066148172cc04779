"""What is exported and erased follows from the metadata alone."""

import json
from typing import Any

import pytest
from sqlalchemy import Column, ForeignKey, LargeBinary, MetaData, Table, Text, case
from sqlalchemy.dialects.postgresql import UUID

from services.kit.personal import CHUNK_BYTES, Held, Undecided, chunks

ID = UUID(as_uuid=False)


def garden(*columns: Column[Any]) -> MetaData:
    """A plot with such columns, what grows on it, and the seasons, which are nobody's."""
    metadata = MetaData()
    key = Column("id", ID, primary_key=True)
    Table("plot", metadata, Column("user_id", ID), key, *columns)
    Table(
        "plant",
        metadata,
        Column("user_id", ID),
        Column("id", ID, primary_key=True),
        Column("plot_id", ID, ForeignKey(key)),
    )
    Table("season", metadata, Column("id", ID, primary_key=True))
    return metadata


def test_every_table_with_a_player_is_held_and_no_other() -> None:
    held = Held(garden(), shown={})

    assert [each.table.name for each in held.tables] == ["plot", "plant"]


def test_children_are_erased_before_what_they_refer_to() -> None:
    held = Held(garden(), shown={})

    assert [each.table.name for each in held.erased_in_order] == ["plant", "plot"]


def test_what_the_service_locks_first_is_erased_first() -> None:
    metadata = garden()

    held = Held(metadata, shown={}, locked_first=[metadata.tables["plot"]])

    assert [each.table.name for each in held.erased_in_order] == ["plot", "plant"]


def test_a_table_may_have_its_player_in_another_column() -> None:
    metadata = garden()
    season = metadata.tables["season"]

    held = Held(metadata, shown={}, owners={season: season.c.id})

    assert "season" in {each.table.name for each in held.tables}


@pytest.mark.parametrize(
    "column",
    [
        Column("dug", LargeBinary),
        Column("seed", Text),
        Column("token", Text),
        Column("hashed_password", Text),
        Column("owner_hash", Text),
    ],
    ids=lambda column: column.name,
)
def test_what_may_be_a_secret_must_be_spoken_of(column: Column[Any]) -> None:
    metadata = garden(column)

    with pytest.raises(Undecided, match=column.name):
        Held(metadata, shown={})

    Held(metadata, shown={column: None})
    Held(metadata, shown={column: case((column.is_(None), column))})


def test_a_table_without_rows_is_one_empty_array() -> None:
    assert list(chunks([[]])) == ["[]"]


def test_rows_of_many_pages_share_a_chunk() -> None:
    assert list(chunks([[{"n": 1}, {"n": 2}], [{"n": 3}]])) == ['[{"n":1},{"n":2},{"n":3}]']


def test_chunks_are_bounded_and_lose_no_row() -> None:
    rows = [{"n": n, "text": "x" * 1000} for n in range(1000)]

    told = list(chunks([rows]))

    assert all(CHUNK_BYTES * 0.9 < len(text) < CHUNK_BYTES + 1000 for text in told[:-1])
    assert [row for text in told for row in json.loads(text)] == rows


def test_a_row_that_is_larger_than_a_chunk_has_one_of_its_own() -> None:
    rows = [{"text": "a"}, {"text": "x" * CHUNK_BYTES}, {"text": "b"}]

    assert [len(json.loads(text)) for text in chunks([rows])] == [1, 1, 1]


def test_bytes_are_lower_case_hex() -> None:
    assert list(chunks([[{"seed": b"\xab\x01"}]])) == ['[{"seed":"ab01"}]']
