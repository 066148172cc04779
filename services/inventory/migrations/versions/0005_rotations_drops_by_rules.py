"""the shop's offers, period by period; the rules that chose a drop."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "shop_rotation",
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rotation_id", sa.Text(), nullable=False),
        sa.Column("offers", postgresql.JSONB(), nullable=False),
        sa.Column("rules_version", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("begins_at < until", name=op.f("shop_rotation_begins_before_it_ends")),
        sa.CheckConstraint(
            "char_length(rotation_id) <= 64", name=op.f("shop_rotation_rotation_id_to_64")
        ),
        sa.CheckConstraint(
            "char_length(rules_version) <= 64", name=op.f("shop_rotation_rules_version_to_64")
        ),
        sa.PrimaryKeyConstraint("begins_at", name=op.f("shop_rotation_pkey")),
    )
    op.add_column("drop_grant", sa.Column("rules_version", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("drop_grant_rules_version_to_64"), "drop_grant", "char_length(rules_version) <= 64"
    )


def downgrade() -> None:
    op.drop_column("drop_grant", "rules_version")
    op.drop_table("shop_rotation")
