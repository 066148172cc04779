"""Rows as the contract's answers."""

from datetime import datetime

from bench.baseline import game, schemas
from bench.baseline.models import FocusSession, Hero, Inventory, WorldState


def hero_view(hero: Hero, world: WorldState, now: datetime) -> schemas.Hero:
    """`Hero` of the contract."""
    return schemas.Hero(
        id=hero.id,
        user_id=hero.user_id,
        level=hero.level,
        exp=hero.exp,
        exp_to_next=hero.level * 100,
        gold=hero.gold,
        streak=game.streak_on(world, now.date()),
        equipped_hat_id=hero.equipped_hat_id,
        equipped_outfit_id=hero.equipped_outfit_id,
        equipped_accessory_id=hero.equipped_accessory_id,
    )


def world_view(world: WorldState, now: datetime) -> schemas.World:
    """`World` of the contract."""
    total = world.total_sessions_success
    ahead = ((room, at - total) for room, at in game.UPGRADES if at > total)
    nearest = next(ahead, None)
    return schemas.World(
        id=world.id,
        user_id=world.user_id,
        study_room_level=world.study_room_level,
        build_room_level=world.build_room_level,
        training_room_level=world.training_room_level,
        plaza_level=world.plaza_level,
        total_sessions_success=total,
        day_streak=game.streak_on(world, now.date()),
        longest_streak=world.longest_streak,
        last_session_date=world.last_session_date,
        timezone=world.timezone,
        next_upgrade=nearest
        and schemas.NextUpgrade(room=nearest[0], level=2, sessions_left=nearest[1]),
    )


def session_view(
    session: FocusSession, now: datetime, item: schemas.OwnedItem | None = None
) -> schemas.Session:
    """`Session` of the contract."""
    return schemas.Session(
        session_id=session.id,
        task_template_id=session.task_template_id,
        task_name=session.task_name,
        category=session.category,
        room=session.room,
        duration_minutes=session.duration_minutes,
        status=session.status,
        started_at=session.started_at,
        ends_at=session.ends_at,
        completable_until=session.ends_at + game.WINDOW,
        ended_at=session.ended_at,
        reward_exp=session.reward_exp,
        reward_gold=session.reward_gold,
        dropped_item=item,
        drop_commitment=game.commitment(session.seed),
        server_time=now,
    )


def item_view(owned: Inventory, hero: Hero) -> schemas.OwnedItem:
    """`OwnedItem` of the contract."""
    worn = (hero.equipped_hat_id, hero.equipped_outfit_id, hero.equipped_accessory_id)
    return schemas.OwnedItem(
        id=owned.item_id,
        name=owned.item.name,
        type=owned.item.type,
        rarity=owned.item.rarity,
        sprite_key=owned.item.sprite_key,
        obtained_at=owned.obtained_at,
        equipped=owned.item_id in worn,
        source=owned.source,
    )


def completion_view(
    session: FocusSession, hero: Hero, world: WorldState, owned: Inventory | None, now: datetime
) -> schemas.Completion:
    """`Completion` of the contract."""
    town = world_view(world, now)
    roll, _ = game.roll(session.seed, str(session.id))
    return schemas.Completion(
        exp_reward=session.reward_exp or 0,
        gold_reward=session.reward_gold or 0,
        dropped_item=item_view(owned, hero) if owned else None,
        hero=hero_view(hero, world, now),
        worldState=town,
        world_state=town,
        levels_gained=session.levels_gained or 0,
        rooms_upgraded=session.rooms_upgraded.split(",") if session.rooms_upgraded else [],
        drop_proof=schemas.DropProof(
            seed=session.seed.hex(),
            commitment=game.commitment(session.seed),
            roll=roll,
            chance=game.CHANCE,
            dropped=bool(session.dropped),
            rules_version="baseline",
        ),
    )
