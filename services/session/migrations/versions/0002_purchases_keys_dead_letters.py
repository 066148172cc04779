"""purchases, idempotency keys, dead letters, repairs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "idempotency_key",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("char_length(key) <= 255", name=op.f("idempotency_key_key_to_255")),
        sa.CheckConstraint("char_length(route) <= 80", name=op.f("idempotency_key_route_to_80")),
        sa.CheckConstraint(
            "octet_length(fingerprint) = 32", name=op.f("idempotency_key_fingerprint_of_32_bytes")
        ),
        sa.PrimaryKeyConstraint("user_id", "route", "key", name=op.f("idempotency_key_pkey")),
    )
    op.create_index("idempotency_key_answered", "idempotency_key", ["answered_at"], unique=False)
    op.create_table(
        "purchase",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("item_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("price_gold", sa.BigInteger(), nullable=False),
        sa.Column("rotation_id", sa.Text(), nullable=False),
        sa.Column("rules_version", sa.Text(), nullable=False),
        sa.Column("bought_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("item", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settle_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settle_attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("settle_refusals", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "char_length(rotation_id) <= 64", name=op.f("purchase_rotation_id_to_64")
        ),
        sa.CheckConstraint(
            "char_length(rules_version) <= 64", name=op.f("purchase_rules_version_to_64")
        ),
        sa.CheckConstraint("price_gold >= 0", name=op.f("purchase_price_from_0")),
        sa.CheckConstraint("settle_attempts >= 0", name=op.f("purchase_settle_attempts_from_0")),
        sa.CheckConstraint("settle_refusals >= 0", name=op.f("purchase_settle_refusals_from_0")),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("purchase_pkey")),
    )
    op.create_index(
        "purchase_one_of_an_item",
        "purchase",
        ["user_id", "item_id"],
        unique=True,
        postgresql_where=sa.text("refunded_at IS NULL"),
    )
    op.create_index(
        "purchase_unsettled",
        "purchase",
        ["settle_after"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "repair",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("invariant", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("repaired_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("char_length(invariant) <= 10", name=op.f("repair_invariant_to_10")),
        sa.CheckConstraint("char_length(operator) <= 80", name=op.f("repair_operator_to_80")),
        sa.CheckConstraint("char_length(reason) <= 500", name=op.f("repair_reason_to_500")),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("repair_pkey")),
    )
    op.add_column(
        "session", sa.Column("settle_refusals", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_check_constraint(
        op.f("session_settle_refusals_from_0"), "session", "settle_refusals >= 0"
    )


def downgrade() -> None:
    op.drop_column("session", "settle_refusals")
    op.drop_table("repair")
    op.drop_index(
        "purchase_unsettled", table_name="purchase", postgresql_where=sa.text("settled_at IS NULL")
    )
    op.drop_index(
        "purchase_one_of_an_item",
        table_name="purchase",
        postgresql_where=sa.text("refunded_at IS NULL"),
    )
    op.drop_table("purchase")
    op.drop_index("idempotency_key_answered", table_name="idempotency_key")
    op.drop_table("idempotency_key")
