"""Whatever the services keep of a player is exported and erased, also what comes later."""

from importlib import import_module

import pytest
from sqlalchemy import MetaData

from protos.personal.v1 import personal_pb2
from services.kit.database import Database
from services.kit.personal import Held, offer

SERVICES = ("auth", "session", "inventory", "world")
# Nobody's: the catalogue, what the shop offered, the rules, what became of jobs, the keys that sign, and hashes of
# tokens and of tries to log in.
OF_NO_PLAYER = {
    "item",
    "shop_rotation",
    "rules_version",
    "signing_key",
    "refresh_token",
    "attempt",
    "job_run",
}


def _held(service: str) -> Held:
    held: Held = import_module(f"services.{service}.personal").HELD
    return held


@pytest.mark.parametrize("service", SERVICES)
def test_every_table_is_held_or_has_no_player(service: str) -> None:
    metadata: MetaData = import_module(f"services.{service}.tables").metadata

    held = {each.table.name for each in _held(service).tables}

    assert set(metadata.tables) - held <= OF_NO_PLAYER
    assert held & OF_NO_PLAYER == set()
    assert {name for name, table in metadata.tables.items() if "user_id" in table.c} <= held


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_held_is_erased_and_children_first(service: str) -> None:
    held = _held(service)
    order = [each.table for each in held.erased_in_order]

    assert sorted(table.name for table in order) == sorted(e.table.name for e in held.tables)
    for place, table in enumerate(order):
        before = set(order[:place])
        assert before.isdisjoint(key.column.table for key in table.foreign_keys), table.name


@pytest.mark.parametrize(
    ("service", "first"),
    [
        ("session", ["idempotency_key", "session", "hero"]),
        ("inventory", ["wardrobe"]),
        ("world", ["world_state"]),
    ],
)
def test_rows_are_erased_in_the_order_in_which_calls_lock_them(
    service: str, first: list[str]
) -> None:
    order = [each.table.name for each in _held(service).erased_in_order]

    assert order[: len(first)] == first


def test_every_method_names_its_callers() -> None:
    methods = personal_pb2.DESCRIPTOR.services_by_name["PersonalDataService"].methods

    offered = offer(Database("postgresql://nobody@/nowhere"), _held("world"))

    assert set(offered.callers) == {method.name for method in methods}
    assert offered.callers["ExportUser"] == {"gateway"}
    assert offered.callers["EraseUser"] == {"auth"}
