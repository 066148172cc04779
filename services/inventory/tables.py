"""The tables of the inventory service.

The player is the shard: every key of a player's table begins with `user_id`.
`item` and `shop_rotation` belong to no player: small reference tables.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ENUM, JSONB, UUID

from services.kit import runs
from services.kit.audit import Trail
from services.kit.editions import Editions

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    }
)

ID = UUID(as_uuid=False)
INSTANT = DateTime(timezone=True)
ITEM_TYPE = ENUM("hat", "outfit", "accessory", name="item_type", metadata=metadata)
RARITY = ENUM("common", "rare", "epic", name="rarity", metadata=metadata)
# How an item came. An event's item that drops or is sold has `drop` or `shop`; `event` is for what
# an event gives by itself, which no rule does yet.
SOURCE = ENUM("drop", "shop", "event", "grant", name="item_source", metadata=metadata)
DROP = literal_column("'drop'::item_source", SOURCE)

item = Table(
    "item",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", String(80), nullable=False),
    Column("type", ITEM_TYPE, nullable=False),
    Column("rarity", RARITY, nullable=False),
    Column("sprite_key", String(80), nullable=False),
    # A retired item stays with its owners, and can be obtained no more.
    Column("retired_at", INSTANT),
    # When an operator made or last changed it: what is shipped leaves it alone since.
    Column("edited_at", INSTANT),
    UniqueConstraint("sprite_key"),
)

inventory = Table(
    "inventory",
    metadata,
    # This key promises that nobody owns an item twice.
    Column("user_id", ID, primary_key=True),
    Column("item_id", ID, ForeignKey(item.c.id), primary_key=True),
    Column("id", ID, nullable=False),
    Column("obtained_at", INSTANT, nullable=False),
    Column("source", SOURCE, nullable=False),
    # The session that dropped it, which drops no second one.
    Column("session_id", ID),
    # The purchase that it came by, which brings no second one.
    Column("purchase_id", ID),
    UniqueConstraint("user_id", "session_id"),
    UniqueConstraint("user_id", "purchase_id"),
    CheckConstraint("(source = 'drop') = (session_id IS NOT NULL)", name="drop_of_a_session"),
    CheckConstraint("(source = 'shop') = (purchase_id IS NOT NULL)", name="shop_of_a_purchase"),
)

drop_grant = Table(
    "drop_grant",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("session_id", ID, primary_key=True),
    # Null when the player owned everything.
    Column("item_id", ID),
    Column("obtained_at", INSTANT, nullable=False),
    # The rules that chose it; null in rows of before they were noted.
    Column("rules_version", Text),
    ForeignKeyConstraint(["user_id", "item_id"], ["inventory.user_id", "inventory.item_id"]),
    CheckConstraint("char_length(rules_version) <= 64", name="rules_version_to_64"),
)

# What the shop offers and offered. It belongs to no player, grows by a row or two a day,
# and no row of it ever changes: see rotations.py.
shop_rotation = Table(
    "shop_rotation",
    metadata,
    # From when on these offers hold, and from when on no more. No two rows overlap.
    Column("begins_at", INSTANT, primary_key=True),
    Column("until", INSTANT, nullable=False),
    Column("rotation_id", Text, nullable=False),
    # Each as {"item_id": …, "price_gold": …}, in the order in which they are shown.
    Column("offers", JSONB, nullable=False),
    # The rules that dealt them.
    Column("rules_version", Text, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    CheckConstraint("begins_at < until", name="begins_before_it_ends"),
    CheckConstraint("char_length(rotation_id) <= 64", name="rotation_id_to_64"),
    CheckConstraint("char_length(rules_version) <= 64", name="rules_version_to_64"),
)

wardrobe = Table(
    "wardrobe",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("equipped_hat_id", ID),
    Column("equipped_outfit_id", ID),
    Column("equipped_accessory_id", ID),
    # The sandbox: how far this player's clock runs ahead, and which change that was.
    Column("clock_offset_seconds", BigInteger, nullable=False, server_default="0"),
    Column("clock_revision", BigInteger, nullable=False, server_default="0"),
    # What is worn is owned.
    ForeignKeyConstraint(
        ["user_id", "equipped_hat_id"], ["inventory.user_id", "inventory.item_id"]
    ),
    ForeignKeyConstraint(
        ["user_id", "equipped_outfit_id"], ["inventory.user_id", "inventory.item_id"]
    ),
    ForeignKeyConstraint(
        ["user_id", "equipped_accessory_id"], ["inventory.user_id", "inventory.item_id"]
    ),
    CheckConstraint("clock_offset_seconds >= 0 AND clock_revision >= 0", name="clock_never_behind"),
)

trail = Trail(metadata)
job_run = runs.table(metadata)
editions = Editions(metadata)
