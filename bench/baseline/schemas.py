"""What the monolith reads and answers: the models of the /api contract."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Minutes = Annotated[int, Field(ge=5, le=180)]


class Answer(BaseModel):
    """An answer that is read off an ORM object."""

    model_config = ConfigDict(from_attributes=True)


class Credentials(BaseModel):
    """An account's e-mail and password."""

    email: str
    password: str = Field(min_length=8, max_length=128)


class User(Answer):
    """`User` of the contract."""

    id: UUID
    email: str
    full_name: str | None
    profile_picture: str | None
    is_active: bool
    is_superuser: bool
    is_verified: bool
    created_at: datetime
    updated_at: datetime


class Tokens(Answer):
    """`Tokens` of the contract."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # a word of OAuth2
    expires_in: int
    refresh_token: str
    user: User


class Task(Answer):
    """`Task` of the contract."""

    id: UUID
    name: str
    category: str
    default_duration_minutes: int
    room: str


class Start(BaseModel):
    """What to start."""

    task_template_id: UUID
    duration_minutes: Minutes | None = None


class Chosen(BaseModel):
    """Which session is meant."""

    session_id: UUID


class Advance(BaseModel):
    """How far to move the player's own clock."""

    advance_minutes: int = Field(ge=0)


class Clock(Answer):
    """The player's own clock."""

    now: datetime
    offset_seconds: int


class OwnedItem(Answer):
    """`OwnedItem` of the contract."""

    id: UUID
    name: str
    type: str
    rarity: str
    sprite_key: str
    obtained_at: datetime
    equipped: bool
    source: str


class Session(Answer):
    """`Session` of the contract."""

    session_id: UUID
    task_template_id: UUID
    task_name: str
    category: str
    room: str
    duration_minutes: int
    status: str
    started_at: datetime
    ends_at: datetime
    completable_until: datetime
    ended_at: datetime | None
    reward_exp: int | None
    reward_gold: int | None
    dropped_item: OwnedItem | None = None
    drop_commitment: str
    server_time: datetime


class Hero(Answer):
    """`Hero` of the contract."""

    id: UUID
    user_id: UUID
    level: int
    exp: int
    exp_to_next: int
    gold: int
    streak: int
    equipped_hat_id: UUID | None
    equipped_outfit_id: UUID | None
    equipped_accessory_id: UUID | None


class NextUpgrade(Answer):
    """The next room that will grow."""

    room: str
    level: int
    sessions_left: int


class World(Answer):
    """`World` of the contract."""

    id: UUID
    user_id: UUID
    study_room_level: int
    build_room_level: int
    training_room_level: int
    plaza_level: int
    total_sessions_success: int
    day_streak: int
    longest_streak: int
    last_session_date: date | None
    timezone: str
    next_upgrade: NextUpgrade | None


class Profile(Answer):
    """Everything at a glance."""

    user: User
    hero: Hero
    worldState: World  # noqa: N815  # the contract's one name in camel case
    world_state: World


class DropProof(Answer):
    """`drop_proof` of the contract."""

    seed: str
    commitment: str
    roll: int
    chance: int
    dropped: bool
    rules_version: str


class Completion(Answer):
    """`Completion` of the contract."""

    success: Literal[True] = True
    exp_reward: int
    gold_reward: int
    dropped_item: OwnedItem | None
    hero: Hero
    worldState: World  # noqa: N815  # the contract's one name in camel case
    world_state: World
    levels_gained: int
    rooms_upgraded: list[str]
    settled: Literal[True] = True
    drop_proof: DropProof
