"""signing keys rotate."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "signing_key",
        sa.Column(
            "signs_from",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    op.add_column(
        "signing_key",
        sa.Column(
            "renew_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now() + interval '30 days'"),
            nullable=False,
        ),
    )
    op.add_column("signing_key", sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE signing_key SET signs_from = created_at")
    op.create_check_constraint(
        op.f("signing_key_what_is_revoked_is_retired"),
        "signing_key",
        "revoked_at IS NULL OR retired_at IS NOT NULL",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("signing_key_what_is_revoked_is_retired"), "signing_key")
    op.drop_column("signing_key", "revoked_at")
    op.drop_column("signing_key", "renew_at")
    op.drop_column("signing_key", "signs_from")
