"""the tables of a new town."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:

    op.create_table(
        "hero",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("level", sa.BigInteger(), nullable=False),
        sa.Column("exp", sa.BigInteger(), nullable=False),
        sa.Column("gold", sa.BigInteger(), nullable=False),
        sa.Column("clock_offset_seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("clock_revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "clock_offset_seconds >= 0 AND clock_revision >= 0",
            name=op.f("hero_clock_never_behind"),
        ),
        sa.CheckConstraint("exp >= 0", name=op.f("hero_exp_from_0")),
        sa.CheckConstraint("gold >= 0", name=op.f("hero_gold_from_0")),
        sa.CheckConstraint("level >= 1", name=op.f("hero_level_from_1")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("hero_pkey")),
    )
    op.create_table(
        "hero_grant",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("exp", sa.BigInteger(), nullable=False),
        sa.Column("gold", sa.BigInteger(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint("char_length(source) <= 20", name=op.f("hero_grant_source_to_20")),
        sa.CheckConstraint("exp >= 0 AND gold >= 0", name=op.f("hero_grant_never_takes")),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("hero_grant_pkey")),
    )
    op.create_table(
        "task_template",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("default_duration_minutes", sa.BigInteger(), nullable=False),
        sa.Column(
            "room", postgresql.ENUM("study", "build", "training", name="room"), nullable=False
        ),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "char_length(category) <= 40", name=op.f("task_template_category_to_40")
        ),
        sa.CheckConstraint("char_length(name) <= 80", name=op.f("task_template_name_to_80")),
        sa.CheckConstraint(
            "default_duration_minutes > 0", name=op.f("task_template_duration_from_1")
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("task_template_pkey")),
    )
    op.create_table(
        "session",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("task_template_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("task_name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column(
            "room", postgresql.ENUM("study", "build", "training", name="room"), nullable=False
        ),
        sa.Column("duration_minutes", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "status",
            postgresql.ENUM("pending", "success", "cancel", "timeout", name="session_status"),
            nullable=False,
        ),
        sa.Column("reward_exp", sa.BigInteger(), nullable=True),
        sa.Column("reward_gold", sa.BigInteger(), nullable=True),
        sa.Column("levels_gained", sa.BigInteger(), nullable=True),
        sa.Column("seed", sa.LargeBinary(length=32), nullable=False),
        sa.Column("drop_chance", sa.BigInteger(), nullable=True),
        sa.Column("dropped", sa.Boolean(), nullable=True),
        sa.Column("dropped_item", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("rules_version", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settle_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settle_attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "(status = 'pending') = (ended_at IS NULL)", name=op.f("session_ended_when_final")
        ),
        sa.CheckConstraint(
            "status <> 'success' OR (reward_exp IS NOT NULL AND reward_gold IS NOT NULL AND dropped IS NOT NULL AND rules_version IS NOT NULL)",
            name=op.f("session_success_is_paid"),
        ),
        sa.CheckConstraint("char_length(category) <= 40", name=op.f("session_category_to_40")),
        sa.CheckConstraint(
            "char_length(rules_version) <= 64", name=op.f("session_rules_version_to_64")
        ),
        sa.CheckConstraint("char_length(task_name) <= 80", name=op.f("session_task_name_to_80")),
        sa.CheckConstraint("settle_attempts >= 0", name=op.f("session_settle_attempts_from_0")),
        sa.CheckConstraint("duration_minutes > 0", name=op.f("session_duration_from_1")),
        sa.CheckConstraint("octet_length(seed) = 32", name=op.f("session_seed_of_32_bytes")),
        sa.ForeignKeyConstraint(
            ["user_id", "task_template_id"],
            ["task_template.user_id", "task_template.id"],
            name=op.f("session_task_template_fkey"),
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("session_pkey")),
    )
    op.create_index(
        "session_one_pending",
        "session",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "session_overdue",
        "session",
        ["ends_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "session_unsettled",
        "session",
        ["settle_after"],
        unique=False,
        postgresql_where=sa.text("status = 'success' AND settled_at IS NULL"),
    )


def downgrade() -> None:

    op.drop_index(
        "session_unsettled",
        table_name="session",
        postgresql_where=sa.text("status = 'success' AND settled_at IS NULL"),
    )
    op.drop_index(
        "session_overdue", table_name="session", postgresql_where=sa.text("status = 'pending'")
    )
    op.drop_index(
        "session_one_pending", table_name="session", postgresql_where=sa.text("status = 'pending'")
    )
    op.drop_table("session")
    op.drop_table("task_template")
    op.drop_table("hero_grant")
    op.drop_table("hero")
