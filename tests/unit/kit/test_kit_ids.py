"""Ids: their one form, their order, and what is told from them."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.ids import is_canonical, uuid7

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ID = "0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b"


def test_an_id_is_a_uuid_of_version_7_in_its_canonical_form() -> None:
    found = uuid.UUID(uuid7(NOW))

    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.int >> 80 == int(NOW.timestamp() * 1000)
    assert is_canonical(str(found))


def test_ids_sort_by_their_time_and_no_two_are_alike() -> None:
    ids = [uuid7(NOW + timedelta(milliseconds=number // 2)) for number in range(100)]

    assert sorted(ids, key=lambda one: one[:13]) == ids
    assert len(set(ids)) == len(ids)


@given(st.uuids())
def test_any_uuid_is_canonical_as_python_writes_it(one: uuid.UUID) -> None:
    assert is_canonical(str(one))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ID.upper(),
        ID.replace("-", ""),
        f"{{{ID}}}",
        f"urn:uuid:{ID}",
        f"{ID}\n",
        f" {ID}",
        f"{ID[:-1]}_",
        f"{ID[:-1]}٣",
        f"{ID[:-1]}g",
        ID[1:],
        f"{ID}0",
        ID.replace("-", "_"),
    ],
)
def test_every_other_form_is_not(text: str) -> None:
    assert not is_canonical(text)
