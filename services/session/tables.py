"""The tables of the session service.

The player is the shard: every key begins with `user_id`. Session ids are
UUIDv7, so `(user_id, id)` is lookup, ownership check and time-ordered history
in one index.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ENUM, JSONB, UUID

from services.kit import runs
from services.kit.audit import Trail
from services.kit.editions import Editions

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(referred_table_name)s_fkey",
    }
)

ID = UUID(as_uuid=False)
INSTANT = DateTime(timezone=True)
ROOM = ENUM("study", "build", "training", name="room", metadata=metadata)
STATUS = ENUM("pending", "success", "cancel", "timeout", name="session_status", metadata=metadata)
# Literals rather than parameters: only so does a partial index serve a prepared statement.
PENDING = literal_column("'pending'::session_status", STATUS)
SUCCESS = literal_column("'success'::session_status", STATUS)
TIMEOUT = literal_column("'timeout'::session_status", STATUS)


def _outbox_columns() -> Iterator[Column[Any]]:
    """What a row needs that others must be told of: see settle.py."""
    yield Column("settled_at", INSTANT)
    # When the sweeper tries it next; null once it has given up (a dead letter).
    yield Column("settle_after", INSTANT)
    # How often it was tried, and how often a receiver that was there refused it.
    yield Column("settle_attempts", BigInteger, nullable=False, server_default="0")
    yield Column("settle_refusals", BigInteger, nullable=False, server_default="0")


hero = Table(
    "hero",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("id", ID, nullable=False),
    Column("level", BigInteger, nullable=False),
    Column("exp", BigInteger, nullable=False),
    Column("gold", BigInteger, nullable=False),
    # The sandbox: how far this player's clock runs ahead, and which change that was.
    Column("clock_offset_seconds", BigInteger, nullable=False, server_default="0"),
    Column("clock_revision", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("level >= 1", name="level_from_1"),
    CheckConstraint("exp >= 0", name="exp_from_0"),
    CheckConstraint("gold >= 0", name="gold_from_0"),
    CheckConstraint("clock_offset_seconds >= 0 AND clock_revision >= 0", name="clock_never_behind"),
)

task_template = Table(
    "task_template",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("id", ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("default_duration_minutes", BigInteger, nullable=False),
    Column("room", ROOM, nullable=False),
    Column("archived_at", INSTANT),
    CheckConstraint("default_duration_minutes > 0", name="duration_from_1"),
    CheckConstraint("char_length(name) <= 80", name="name_to_80"),
    CheckConstraint("char_length(category) <= 40", name="category_to_40"),
)

session = Table(
    "session",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("id", ID, primary_key=True),
    Column("task_template_id", ID, nullable=False),
    # As they were at the start: history keeps them when the task changes.
    Column("task_name", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("room", ROOM, nullable=False),
    Column("duration_minutes", BigInteger, nullable=False),
    Column("started_at", INSTANT, nullable=False),
    Column("ends_at", INSTANT, nullable=False),
    Column("ended_at", INSTANT),
    Column("status", STATUS, nullable=False),
    Column("reward_exp", BigInteger),
    Column("reward_gold", BigInteger),
    Column("levels_gained", BigInteger),
    # Drawn at the start, told only after the completion: it decides the drop.
    Column("seed", LargeBinary(32), nullable=False),
    Column("drop_chance", BigInteger),
    Column("dropped", Boolean),
    # The item as inventory gave it; null until settled, and when everything was owned.
    Column("dropped_item", JSONB),
    Column("rules_version", Text),
    # Success and not settled: this row is the outbox (see settle.py).
    *_outbox_columns(),
    ForeignKeyConstraint(
        ["user_id", "task_template_id"], ["task_template.user_id", "task_template.id"]
    ),
    CheckConstraint("duration_minutes > 0", name="duration_from_1"),
    CheckConstraint("settle_attempts >= 0", name="settle_attempts_from_0"),
    CheckConstraint("settle_refusals >= 0", name="settle_refusals_from_0"),
    CheckConstraint("char_length(task_name) <= 80", name="task_name_to_80"),
    CheckConstraint("char_length(category) <= 40", name="category_to_40"),
    CheckConstraint("char_length(rules_version) <= 64", name="rules_version_to_64"),
    CheckConstraint("octet_length(seed) = 32", name="seed_of_32_bytes"),
    CheckConstraint("(status = 'pending') = (ended_at IS NULL)", name="ended_when_final"),
    CheckConstraint(
        "status <> 'success' OR (reward_exp IS NOT NULL AND reward_gold IS NOT NULL"
        " AND dropped IS NOT NULL AND rules_version IS NOT NULL)",
        name="success_is_paid",
    ),
    Index(
        "session_one_pending", "user_id", unique=True, postgresql_where=text("status = 'pending'")
    ),
    Index("session_overdue", "ends_at", postgresql_where=text("status = 'pending'")),
    Index(
        "session_unsettled",
        "settle_after",
        postgresql_where=text("status = 'success' AND settled_at IS NULL"),
    ),
)

hero_grant = Table(
    "hero_grant",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("id", ID, primary_key=True),
    Column("exp", BigInteger, nullable=False),
    Column("gold", BigInteger, nullable=False),
    Column("granted_at", INSTANT, nullable=False),
    Column("source", Text, nullable=False),
    CheckConstraint("exp >= 0 AND gold >= 0", name="never_takes"),
    CheckConstraint("char_length(source) <= 20", name="source_to_20"),
)

purchase = Table(
    "purchase",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("id", ID, primary_key=True),
    Column("item_id", ID, nullable=False),
    Column("price_gold", BigInteger, nullable=False),
    # The day's offers that it was bought from, and the rules that set the price.
    Column("rotation_id", Text, nullable=False),
    Column("rules_version", Text, nullable=False),
    Column("bought_at", INSTANT, nullable=False),
    # The item as inventory gave it; null until delivered.
    Column("item", JSONB),
    # Set when it can never be delivered; its gold is back with the hero.
    Column("refunded_at", INSTANT),
    # Neither delivered nor refunded: this row is an outbox too.
    *_outbox_columns(),
    CheckConstraint("price_gold >= 0", name="price_from_0"),
    CheckConstraint("settle_attempts >= 0", name="settle_attempts_from_0"),
    CheckConstraint("settle_refusals >= 0", name="settle_refusals_from_0"),
    CheckConstraint("char_length(rotation_id) <= 64", name="rotation_id_to_64"),
    CheckConstraint("char_length(rules_version) <= 64", name="rules_version_to_64"),
    # This key promises that an item is paid for once.
    Index(
        "purchase_one_of_an_item",
        "user_id",
        "item_id",
        unique=True,
        postgresql_where=text("refunded_at IS NULL"),
    ),
    Index("purchase_unsettled", "settle_after", postgresql_where=text("settled_at IS NULL")),
)

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("user_id", ID, primary_key=True),
    # The call, such as "POST /api/tasks", and what the client named its try.
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    # SHA-256 of what was asked: the same key may not ask for something else.
    Column("fingerprint", LargeBinary(32), nullable=False),
    # The result as it was first given: a serialized message.
    Column("answer", LargeBinary, nullable=False),
    Column("answered_at", INSTANT, nullable=False),
    CheckConstraint("char_length(route) <= 80", name="route_to_80"),
    CheckConstraint("char_length(key) <= 255", name="key_to_255"),
    CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint_of_32_bytes"),
    Index("idempotency_key_answered", "answered_at"),
)

trail = Trail(metadata)
job_run = runs.table(metadata)
editions = Editions(metadata)
