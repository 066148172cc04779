"""the audit trail, which takes in the repairs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

# No service ever read or wrote `repair`: only `nesra repair`, which comes with these tables.
TAKE_IN = """
    INSERT INTO audit (user_id, id, actor, action, target, reason, changes, at)
    SELECT user_id, id, 'operator ' || operator, 'repair.' || invariant, user_id,
           coalesce(nullif(reason, ''), 'none given'),
           jsonb_build_object('repaired', jsonb_build_array("before", "after")), repaired_at
    FROM repair
"""


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changes", postgresql.JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("char_length(action) BETWEEN 1 AND 40", name=op.f("audit_action_to_40")),
        sa.CheckConstraint("char_length(actor) BETWEEN 1 AND 120", name=op.f("audit_actor_to_120")),
        sa.CheckConstraint(
            "char_length(reason) BETWEEN 1 AND 500", name=op.f("audit_reason_to_500")
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("audit_pkey")),
    )
    op.create_index("audit_newest", "audit", ["id"], unique=False)
    op.execute(TAKE_IN)
    op.drop_table("repair")


def downgrade() -> None:
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
    op.drop_table("audit")
