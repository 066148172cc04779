"""The tables of the monolith: those of the town, in one database."""

from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.kit.ids import uuid7


def new_id() -> UUID:
    """An id that grows with time, as the town's."""
    return UUID(uuid7(at=datetime.now(UTC)))


class Base(DeclarativeBase):
    """The monolith's tables."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        int: BigInteger,
        bytes: LargeBinary,
    }


class User(Base):
    """An account."""

    __tablename__ = "user"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(unique=True)
    hashed_password: Mapped[str]
    full_name: Mapped[str | None]
    profile_picture: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    is_superuser: Mapped[bool] = mapped_column(default=False)
    is_verified: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class RefreshToken(Base):
    """A login that can be renewed; the token itself is not kept."""

    __tablename__ = "refresh_token"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id"))
    expires_at: Mapped[datetime]


class Hero(Base):
    """Level, gold, and what is worn."""

    __tablename__ = "hero"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id"), unique=True)
    level: Mapped[int] = mapped_column(default=1)
    exp: Mapped[int] = mapped_column(default=0)
    gold: Mapped[int] = mapped_column(default=0)
    equipped_hat_id: Mapped[UUID | None]
    equipped_outfit_id: Mapped[UUID | None]
    equipped_accessory_id: Mapped[UUID | None]
    # The sandbox: how far this player's clock runs ahead.
    clock_offset_seconds: Mapped[int] = mapped_column(default=0)


class WorldState(Base):
    """The player's town."""

    __tablename__ = "world_state"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id"), unique=True)
    study_room_level: Mapped[int] = mapped_column(default=1)
    build_room_level: Mapped[int] = mapped_column(default=1)
    training_room_level: Mapped[int] = mapped_column(default=1)
    plaza_level: Mapped[int] = mapped_column(default=1)
    total_sessions_success: Mapped[int] = mapped_column(default=0)
    day_streak: Mapped[int] = mapped_column(default=0)
    longest_streak: Mapped[int] = mapped_column(default=0)
    last_session_date: Mapped[date | None]
    timezone: Mapped[str] = mapped_column(default="UTC")


class TaskTemplate(Base):
    """What a session can be started from."""

    __tablename__ = "task_template"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id"), index=True)
    name: Mapped[str]
    category: Mapped[str]
    default_duration_minutes: Mapped[int]
    room: Mapped[str]
    is_archived: Mapped[bool] = mapped_column(default=False)


class FocusSession(Base):
    """One timed piece of work; a player has at most one under way."""

    __tablename__ = "session"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id"))
    task_template_id: Mapped[UUID] = mapped_column(ForeignKey("task_template.id"))
    task_name: Mapped[str]
    category: Mapped[str]
    room: Mapped[str]
    duration_minutes: Mapped[int]
    status: Mapped[str] = mapped_column(default="pending")
    started_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    reward_exp: Mapped[int | None]
    reward_gold: Mapped[int | None]
    levels_gained: Mapped[int | None]
    rooms_upgraded: Mapped[str | None]
    seed: Mapped[bytes]
    dropped: Mapped[bool | None]

    __table_args__ = (
        Index(
            "session_one_pending",
            "user_id",
            unique=True,
            postgresql_where=text("status = 'pending'"),
        ),
        Index("session_history", "user_id", "started_at"),
    )


class Item(Base):
    """A cosmetic."""

    __tablename__ = "item"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    type: Mapped[str]
    rarity: Mapped[str]
    sprite_key: Mapped[str]


class Inventory(Base):
    """An item that a player owns."""

    __tablename__ = "inventory"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id"), primary_key=True)
    item_id: Mapped[UUID] = mapped_column(ForeignKey("item.id"), primary_key=True)
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("session.id"), unique=True)
    source: Mapped[str] = mapped_column(default="drop")
    obtained_at: Mapped[datetime]

    item: Mapped[Item] = relationship(lazy="joined")
