"""every rules file that was ever used."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "rules_version",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "char_length(content) <= 65536", name=op.f("rules_version_content_to_64_kib")
        ),
        sa.CheckConstraint(
            "char_length(version) BETWEEN 1 AND 64", name=op.f("rules_version_version_to_64")
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("rules_version_pkey")),
    )


def downgrade() -> None:
    op.drop_table("rules_version")
