"""repairs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
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


def downgrade() -> None:
    op.drop_table("repair")
