"""what operators do: the audit trail, and logins that they end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TYPE end_reason ADD VALUE 'disabled'")
    op.create_index(
        "user_superuser", "user", ["id"], unique=False, postgresql_where=sa.text("is_superuser")
    )
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


def downgrade() -> None:
    op.drop_table("audit")
    op.drop_index("user_superuser", table_name="user")
    # PostgreSQL takes no value out of a type: 'disabled' stays, and stands for itself.
