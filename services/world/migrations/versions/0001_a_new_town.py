"""the tables of a new town."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    _world_state()
    op.create_table(
        "credited_session",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("session_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("rooms_upgraded", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("credited_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "cardinality(rooms_upgraded) <= 4", name=op.f("credited_session_rooms_to_4")
        ),
        sa.PrimaryKeyConstraint("user_id", "session_id", name=op.f("credited_session_pkey")),
    )
    op.create_table(
        "credited_date",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column(
            "kind", postgresql.ENUM("earned", "bridge", name="credited_kind"), nullable=False
        ),
        sa.PrimaryKeyConstraint("user_id", "local_date", name=op.f("credited_date_pkey")),
    )
    op.create_table(
        "zone_change",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.CheckConstraint("char_length(timezone) <= 64", name=op.f("zone_change_timezone_to_64")),
        sa.PrimaryKeyConstraint("user_id", "changed_at", name=op.f("zone_change_pkey")),
    )


def _world_state() -> None:
    op.create_table(
        "world_state",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("study_room_level", sa.BigInteger(), nullable=False),
        sa.Column("build_room_level", sa.BigInteger(), nullable=False),
        sa.Column("training_room_level", sa.BigInteger(), nullable=False),
        sa.Column("plaza_level", sa.BigInteger(), nullable=False),
        sa.Column("total_sessions_success", sa.BigInteger(), nullable=False),
        sa.Column("day_streak", sa.BigInteger(), nullable=False),
        sa.Column("longest_streak", sa.BigInteger(), nullable=False),
        sa.Column("last_session_date", sa.Date(), nullable=True),
        sa.Column("streak_through", sa.Date(), nullable=True),
        sa.Column("bridged_through", sa.Date(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("zone_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_offset_seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("clock_revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("study_room_level >= 1", name=op.f("world_state_study_from_1")),
        sa.CheckConstraint("build_room_level >= 1", name=op.f("world_state_build_from_1")),
        sa.CheckConstraint("training_room_level >= 1", name=op.f("world_state_training_from_1")),
        sa.CheckConstraint("plaza_level >= 1", name=op.f("world_state_plaza_from_1")),
        sa.CheckConstraint("total_sessions_success >= 0", name=op.f("world_state_total_from_0")),
        sa.CheckConstraint("day_streak >= 0", name=op.f("world_state_streak_from_0")),
        sa.CheckConstraint(
            "longest_streak >= day_streak", name=op.f("world_state_longest_is_longest")
        ),
        sa.CheckConstraint("char_length(timezone) <= 64", name=op.f("world_state_timezone_to_64")),
        sa.CheckConstraint(
            "clock_offset_seconds >= 0 AND clock_revision >= 0",
            name=op.f("world_state_clock_never_behind"),
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("world_state_pkey")),
    )


def downgrade() -> None:
    for table in ("zone_change", "credited_date", "credited_session", "world_state"):
        op.drop_table(table)
    op.execute("DROP TYPE credited_kind")
