"""The tables of the world service.

The player is the shard: every key begins with `user_id`. What was credited is
never changed or deleted: `world_state` can be rebuilt from it.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    MetaData,
    Table,
    Text,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ENUM, UUID

from services.kit import runs
from services.kit.audit import Trail
from services.kit.editions import Editions

metadata = MetaData(
    naming_convention={"pk": "%(table_name)s_pkey", "ck": "%(table_name)s_%(constraint_name)s"}
)

ID = UUID(as_uuid=False)
INSTANT = DateTime(timezone=True)
DATE = Date()
KIND = ENUM("earned", "bridge", "restored", name="credited_kind", metadata=metadata)
EARNED = literal_column("'earned'::credited_kind", KIND)
BRIDGE = literal_column("'bridge'::credited_kind", KIND)
RESTORED = literal_column("'restored'::credited_kind", KIND)

world_state = Table(
    "world_state",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("id", ID, nullable=False),
    Column("study_room_level", BigInteger, nullable=False),
    Column("build_room_level", BigInteger, nullable=False),
    Column("training_room_level", BigInteger, nullable=False),
    Column("plaza_level", BigInteger, nullable=False),
    Column("total_sessions_success", BigInteger, nullable=False),
    # As of last_session_date: what a later date makes of it is decided at reading. 0 since ended_on.
    Column("day_streak", BigInteger, nullable=False),
    Column("longest_streak", BigInteger, nullable=False),
    Column("last_session_date", Date),
    # The last date that follows last_session_date without a gap, over bridges.
    Column("streak_through", Date),
    # The latest bridge of all: dates after it can be counted without the history.
    Column("bridged_through", Date),
    Column("timezone", Text, nullable=False),
    Column("zone_changed_at", INSTANT),
    # The sandbox: how far this player's clock runs ahead, and which change that was.
    Column("clock_offset_seconds", BigInteger, nullable=False, server_default="0"),
    Column("clock_revision", BigInteger, nullable=False, server_default="0"),
    # What is held in streak freezes as of streak_through; see rules.py.
    Column("freeze_days", BigInteger, nullable=False, server_default="0"),
    # The player's date on which the streak was found over, and stored so; null while it may go on.
    Column("ended_on", Date),
    CheckConstraint("study_room_level >= 1", name="study_from_1"),
    CheckConstraint("build_room_level >= 1", name="build_from_1"),
    CheckConstraint("training_room_level >= 1", name="training_from_1"),
    CheckConstraint("plaza_level >= 1", name="plaza_from_1"),
    CheckConstraint("total_sessions_success >= 0", name="total_from_0"),
    CheckConstraint("day_streak >= 0", name="streak_from_0"),
    CheckConstraint("longest_streak >= day_streak", name="longest_is_longest"),
    CheckConstraint("freeze_days >= 0", name="freeze_days_from_0"),
    CheckConstraint("char_length(timezone) <= 64", name="timezone_to_64"),
    CheckConstraint("clock_offset_seconds >= 0 AND clock_revision >= 0", name="clock_never_behind"),
    # What endings.py looks for: zone by zone, those whose streak may be over.
    Index(
        "world_state_streaks",
        "timezone",
        "streak_through",
        "user_id",
        postgresql_where=text("day_streak > 0"),
    ),
)

credited_session = Table(
    "credited_session",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("session_id", ID, primary_key=True),
    Column("ends_at", INSTANT, nullable=False),
    # The date of ends_at in the zone of that time: no later zone rewrites it.
    Column("local_date", Date, nullable=False),
    # What this very session upgraded, so that a repeat answers the same.
    Column("rooms_upgraded", ARRAY(Text), nullable=False),
    Column("credited_at", INSTANT, nullable=False),
    CheckConstraint("cardinality(rooms_upgraded) <= 4", name="rooms_to_4"),
)

credited_date = Table(
    "credited_date",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("local_date", Date, primary_key=True),
    Column("kind", KIND, nullable=False),
)

zone_change = Table(
    "zone_change",
    metadata,
    Column("user_id", ID, primary_key=True),
    Column("changed_at", INSTANT, primary_key=True),
    Column("timezone", Text, nullable=False),
    CheckConstraint("char_length(timezone) <= 64", name="timezone_to_64"),
)

trail = Trail(metadata)
job_run = runs.table(metadata)
editions = Editions(metadata)
