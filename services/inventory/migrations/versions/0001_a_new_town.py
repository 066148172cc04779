"""the tables of a new town."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "item",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column(
            "type", postgresql.ENUM("hat", "outfit", "accessory", name="item_type"), nullable=False
        ),
        sa.Column(
            "rarity", postgresql.ENUM("common", "rare", "epic", name="rarity"), nullable=False
        ),
        sa.Column("sprite_key", sa.String(length=80), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("item_pkey")),
        sa.UniqueConstraint("sprite_key", name=op.f("item_sprite_key_key")),
    )
    op.create_table(
        "inventory",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("item_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("obtained_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "source",
            postgresql.ENUM("drop", "shop", "event", "grant", name="item_source"),
            nullable=False,
        ),
        sa.Column("session_id", sa.UUID(as_uuid=False), nullable=True),
        sa.CheckConstraint(
            "(source = 'drop') = (session_id IS NOT NULL)", name=op.f("inventory_drop_of_a_session")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("inventory_item_id_fkey")),
        sa.PrimaryKeyConstraint("user_id", "item_id", name=op.f("inventory_pkey")),
        sa.UniqueConstraint("user_id", "session_id", name=op.f("inventory_user_id_session_id_key")),
    )
    op.create_table(
        "drop_grant",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("session_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("item_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column("obtained_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "item_id"],
            ["inventory.user_id", "inventory.item_id"],
            name=op.f("drop_grant_user_id_item_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("user_id", "session_id", name=op.f("drop_grant_pkey")),
    )
    op.create_table(
        "wardrobe",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("equipped_hat_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column("equipped_outfit_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column("equipped_accessory_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column("clock_offset_seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("clock_revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "clock_offset_seconds >= 0 AND clock_revision >= 0",
            name=op.f("wardrobe_clock_never_behind"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "equipped_accessory_id"],
            ["inventory.user_id", "inventory.item_id"],
            name=op.f("wardrobe_user_id_equipped_accessory_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "equipped_hat_id"],
            ["inventory.user_id", "inventory.item_id"],
            name=op.f("wardrobe_user_id_equipped_hat_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "equipped_outfit_id"],
            ["inventory.user_id", "inventory.item_id"],
            name=op.f("wardrobe_user_id_equipped_outfit_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("wardrobe_pkey")),
    )


def downgrade() -> None:
    op.drop_table("wardrobe")
    op.drop_table("drop_grant")
    op.drop_table("inventory")
    op.drop_table("item")
    op.execute("DROP TYPE item_source, item_type, rarity")
