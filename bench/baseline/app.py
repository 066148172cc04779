"""The monolith: `uvicorn bench.baseline.app:app --workers 2`."""

import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from bench.baseline import game, schemas, views
from bench.baseline.models import (
    FocusSession,
    Hero,
    Inventory,
    Item,
    RefreshToken,
    TaskTemplate,
    User,
    WorldState,
)

DATABASE_URL = os.environ["BASELINE_DATABASE_URL"]
SECRET = os.environ["BASELINE_SECRET"]
ACCESS = timedelta(minutes=15)
REFRESH = timedelta(days=30)

engine = create_async_engine(DATABASE_URL, pool_size=10, max_overflow=10)
make_session = async_sessionmaker(engine, expire_on_commit=False)
# As costly as the town's: see services/auth/passwords.py.
passwords = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))
bearer = HTTPBearer()
app = FastAPI(title="A monolith to compare with")


async def database() -> AsyncIterator[AsyncSession]:
    """A database session per request."""
    async with make_session() as session:
        yield session


def player(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> UUID:
    """Whose request it is."""
    try:
        claims = jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None
    return UUID(claims["sub"])


Database = Annotated[AsyncSession, Depends(database)]
Player = Annotated[UUID, Depends(player)]


@app.get("/readyz")
async def ready(database: Database) -> dict[str, str]:
    """Whether it may take traffic."""
    await database.execute(select(1))
    return {"status": "ready"}


@app.post("/api/auth/register", status_code=201)
async def register(body: schemas.Credentials, database: Database) -> schemas.User:
    """Opens an account, with its hero, town and starter tasks."""
    hashed = await run_in_threadpool(passwords.hash, body.password)
    now = datetime.now(UTC)
    user = User(
        email=body.email.lower(),
        hashed_password=hashed,
        full_name=None,
        profile_picture=None,
        created_at=now,
        updated_at=now,
    )
    database.add(user)
    try:
        await database.flush()
    except IntegrityError:
        raise HTTPException(409, "EMAIL_TAKEN") from None
    database.add_all([Hero(user_id=user.id), WorldState(user_id=user.id)])
    database.add_all(
        TaskTemplate(user_id=user.id, name=n, category=c, default_duration_minutes=m, room=r)
        for n, c, m, r in game.STARTERS
    )
    await database.commit()
    return schemas.User.model_validate(user)


@app.post("/api/auth/login")
async def login(body: schemas.Credentials, database: Database) -> schemas.Tokens:
    """Tokens for an account."""
    user = await database.scalar(select(User).where(User.email == body.email.lower()))
    if user is None or not await run_in_threadpool(
        passwords.verify, body.password, user.hashed_password
    ):
        raise HTTPException(401, "BAD_CREDENTIALS")
    now, refresh = datetime.now(UTC), secrets.token_urlsafe(32)
    database.add(
        RefreshToken(
            token_hash=hashlib.sha256(refresh.encode()).digest(),
            user_id=user.id,
            expires_at=now + REFRESH,
        )
    )
    await database.commit()
    claims = {"sub": str(user.id), "iat": now, "exp": now + ACCESS}
    return schemas.Tokens(
        access_token=jwt.encode(claims, SECRET),
        expires_in=int(ACCESS.total_seconds()),
        refresh_token=refresh,
        user=schemas.User.model_validate(user),
    )


@app.get("/api/profile")
async def profile(player: Player, database: Database) -> schemas.Profile:
    """Account, hero and town."""
    wanted = (
        select(User, Hero, WorldState)
        .join(Hero, Hero.user_id == User.id)
        .join(WorldState, WorldState.user_id == User.id)
        .where(User.id == player)
    )
    user, hero, world = (await database.execute(wanted)).one()
    now = game.players_now(hero, datetime.now(UTC))
    town = views.world_view(world, now)
    return schemas.Profile(
        user=schemas.User.model_validate(user),
        hero=views.hero_view(hero, world, now),
        worldState=town,
        world_state=town,
    )


@app.get("/api/tasks")
async def tasks(player: Player, database: Database) -> list[schemas.Task]:
    """The player's tasks."""
    wanted = (
        select(TaskTemplate)
        .where(TaskTemplate.user_id == player, TaskTemplate.is_archived.is_(False))
        .order_by(TaskTemplate.id)
    )
    return [schemas.Task.model_validate(task) for task in await database.scalars(wanted)]


@app.get("/api/inventory")
async def inventory(player: Player, database: Database) -> list[schemas.OwnedItem]:
    """What the player owns."""
    hero = (await database.scalars(select(Hero).where(Hero.user_id == player))).one()
    wanted = (
        select(Inventory).where(Inventory.user_id == player).order_by(Inventory.obtained_at.desc())
    )
    return [views.item_view(owned, hero) for owned in await database.scalars(wanted)]


@app.get("/api/session/history")
async def history(
    player: Player, database: Database, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> list[schemas.Session]:
    """Finished sessions, newest first."""
    hero = (await database.scalars(select(Hero).where(Hero.user_id == player))).one()
    now = game.players_now(hero, datetime.now(UTC))
    wanted = (
        select(FocusSession, Inventory)
        .outerjoin(Inventory, Inventory.session_id == FocusSession.id)
        .where(FocusSession.user_id == player, FocusSession.status != "pending")
        .order_by(FocusSession.started_at.desc())
        .limit(limit)
    )
    return [
        views.session_view(session, now, views.item_view(owned, hero) if owned else None)
        for session, owned in await database.execute(wanted)
    ]


@app.post("/api/session/start", status_code=201)
async def start(body: schemas.Start, player: Player, database: Database) -> schemas.Session:
    """Starts a session; a player has at most one under way."""
    wanted = (
        select(TaskTemplate, Hero)
        .join(Hero, Hero.user_id == TaskTemplate.user_id)
        .where(
            TaskTemplate.id == body.task_template_id,
            TaskTemplate.user_id == player,
            TaskTemplate.is_archived.is_(False),
        )
    )
    found = (await database.execute(wanted)).one_or_none()
    if found is None:
        raise HTTPException(404)
    task, hero = found
    now = game.players_now(hero, datetime.now(UTC))
    minutes = body.duration_minutes or task.default_duration_minutes
    session = FocusSession(
        user_id=player,
        task_template_id=task.id,
        task_name=task.name,
        category=task.category,
        room=task.room,
        duration_minutes=minutes,
        started_at=now,
        ends_at=now + timedelta(minutes=minutes),
        seed=secrets.token_bytes(32),
    )
    database.add(session)
    try:
        await database.commit()
    except IntegrityError:
        raise HTTPException(409, "SESSION_ALREADY_ACTIVE") from None
    return views.session_view(session, now)


@app.post("/api/session/complete")
async def complete(body: schemas.Chosen, player: Player, database: Database) -> schemas.Completion:
    """Completes a session: pays the hero, rolls the dice, lets the town grow."""
    wanted = (
        select(FocusSession, Hero, WorldState)
        .join(Hero, Hero.user_id == FocusSession.user_id)
        .join(WorldState, WorldState.user_id == FocusSession.user_id)
        .where(FocusSession.id == body.session_id, FocusSession.user_id == player)
        .with_for_update()
    )
    found = (await database.execute(wanted)).one_or_none()
    if found is None:
        raise HTTPException(404)
    session, hero, world = found
    now = game.players_now(hero, datetime.now(UTC))
    if session.status == "success":
        owned = await database.scalar(select(Inventory).where(Inventory.session_id == session.id))
        return views.completion_view(session, hero, world, owned, now)
    if session.status != "pending" or now > session.ends_at + game.WINDOW:
        raise HTTPException(409, "SESSION_TIMED_OUT")
    if now < session.ends_at - game.GRACE:
        raise HTTPException(409, "SESSION_TOO_EARLY")
    game.pay(hero, session, now)
    game.grow(world, session)
    owned = await _drop(database, session, now)
    await database.commit()
    return views.completion_view(session, hero, world, owned, now)


async def _drop(database: AsyncSession, session: FocusSession, now: datetime) -> Inventory | None:
    """The item that a session drops, if any: one that the player does not own."""
    roll, choice = game.roll(session.seed, str(session.id))
    session.dropped = roll < game.CHANCE
    if not session.dropped:
        return None
    owns = select(Inventory.item_id).where(Inventory.user_id == session.user_id)
    wanted = select(Item).where(Item.id.not_in(owns)).order_by(Item.id)
    items = (await database.scalars(wanted)).all()
    if not items:
        return None
    weights = {item.rarity: game.RARITIES[item.rarity] for item in items}
    rarity = game.weighted(weights, int.from_bytes(choice[:8]))
    of_rarity = [item for item in items if item.rarity == rarity]
    chosen = of_rarity[int.from_bytes(choice[8:]) % len(of_rarity)]
    owned = Inventory(user_id=session.user_id, item=chosen, session_id=session.id, obtained_at=now)
    database.add(owned)
    await database.flush()
    return owned


@app.post("/api/sandbox/clock")
async def advance(body: schemas.Advance, player: Player, database: Database) -> schemas.Clock:
    """Moves the player's own clock forward."""
    wanted = select(Hero).where(Hero.user_id == player).with_for_update()
    hero = (await database.scalars(wanted)).one()
    hero.clock_offset_seconds += 60 * body.advance_minutes
    await database.commit()
    return schemas.Clock(
        now=game.players_now(hero, datetime.now(UTC)), offset_seconds=hero.clock_offset_seconds
    )
