"""The player is the shard: what the tables and migrations must keep to."""

from importlib import import_module

import pytest
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKeyConstraint,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ENUM, JSONB, UUID

from services.kit import migrations
from services.kit.settings import database_on

KINDS = (UUID, BigInteger, Boolean, Date, DateTime, String, ENUM, JSONB, LargeBinary, ARRAY)
SERVICES = ("auth", "session", "inventory", "world")
# Not by player: accounts and their tokens (looked up by e-mail and by hash),
# the catalogue, what the shop offered and the rules of old, small reference tables that every
# shard has whole, and what became of the jobs.
EXCEPTIONS = (
    {("auth", None), ("inventory", "item"), ("inventory", "shop_rotation")}
    | {(service, "rules_version") for service in ("session", "inventory", "world")}
    | {(service, "job_run") for service in SERVICES}
)
# The columns of the specification, and the service that holds each table.
SPECIFIED = {
    ("auth", "user"): {
        "id", "email", "hashed_password", "is_active", "is_superuser", "is_verified",
        "full_name", "profile_picture", "created_at", "updated_at",
    },
    ("session", "hero"): {"id", "user_id", "level", "exp", "gold"},
    ("inventory", "wardrobe"): {
        "user_id", "equipped_hat_id", "equipped_outfit_id", "equipped_accessory_id",
    },
    ("session", "task_template"): {
        "id", "user_id", "name", "category", "default_duration_minutes", "room",
    },
    ("session", "session"): {
        "id", "user_id", "task_template_id", "duration_minutes", "room", "started_at",
        "ended_at", "status", "reward_exp", "reward_gold",
    },
    ("inventory", "item"): {"id", "name", "type", "rarity", "sprite_key"},
    ("inventory", "inventory"): {"id", "user_id", "item_id", "obtained_at"},
    ("world", "world_state"): {
        "id", "user_id", "study_room_level", "build_room_level", "training_room_level",
        "total_sessions_success", "day_streak", "last_session_date",
    },
}  # fmt: skip


def _metadata(service: str) -> MetaData:
    metadata: MetaData = import_module(f"services.{service}.tables").metadata
    return metadata


PLAYER_TABLES = [
    pytest.param(table, id=f"{service}.{table.name}")
    for service in SERVICES
    for table in _metadata(service).sorted_tables
    if not {(service, None), (service, table.name)} & EXCEPTIONS
]
TABLES = [
    pytest.param(table, id=f"{service}.{table.name}")
    for service in SERVICES
    for table in _metadata(service).sorted_tables
]


@pytest.mark.parametrize("table", PLAYER_TABLES)
def test_every_key_of_a_player_table_begins_with_the_player(table: Table) -> None:
    keys = [list(table.primary_key.columns)]
    keys += [list(c.columns) for c in table.constraints if isinstance(c, UniqueConstraint)]
    keys += [list(index.columns) for index in table.indexes if index.unique]

    assert [key[0].name for key in keys] == ["user_id"] * len(keys)


@pytest.mark.parametrize("table", PLAYER_TABLES)
def test_foreign_keys_stay_with_the_player_or_point_to_the_catalogue(table: Table) -> None:
    for constraint in table.constraints:
        if isinstance(constraint, ForeignKeyConstraint):
            is_catalogue = constraint.referred_table.name == "item"

            assert is_catalogue or constraint.column_keys[0] == "user_id", constraint.name


@pytest.mark.parametrize("table", TABLES)
def test_columns_are_of_the_few_agreed_kinds(table: Table) -> None:
    for column in table.columns:
        assert isinstance(column.type, KINDS), f"{column} is {column.type!r}"
        if isinstance(column.type, DateTime):
            assert column.type.timezone, f"{column} has no time zone"
        assert column.identity is None


@pytest.mark.parametrize("table", TABLES)
def test_counters_have_a_check(table: Table) -> None:
    checks = [str(c.sqltext) for c in table.constraints if isinstance(c, CheckConstraint)]
    counters = [c for c in table.columns if isinstance(c.type, BigInteger) and not c.nullable]

    assert [c.name for c in counters if not any(c.name in check for check in checks)] == []


@pytest.mark.parametrize(("service", "table"), sorted(SPECIFIED))
def test_a_table_of_the_specification_has_its_columns(service: str, table: str) -> None:
    columns = set(_metadata(service).tables[table].columns.keys())

    assert SPECIFIED[service, table] <= columns


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_lead_to_exactly_these_tables(service: str, server_url: str) -> None:
    migrations.check(service, database_on(server_url, f"nesra_{service}"))
