"""restored dates, and what is held in streak freezes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # Nothing here uses the new value: in the transaction that adds it, that is not allowed.
    op.execute("ALTER TYPE credited_kind ADD VALUE 'restored'")
    op.add_column(
        "world_state",
        sa.Column("freeze_days", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.create_check_constraint(
        op.f("world_state_freeze_days_from_0"), "world_state", "freeze_days >= 0"
    )


def downgrade() -> None:
    op.drop_column("world_state", "freeze_days")
    # A value of an enum cannot be dropped: it stays, and restored dates become earned ones.
    op.execute("UPDATE credited_date SET kind = 'earned' WHERE kind = 'restored'")
