"""Worlds as messages."""

from protos.world.v1 import world_pb2 as pb
from services.kit.enums import Words
from services.kit.errors import Failure
from services.kit.times import instant
from services.world import rules, streak
from services.world.crediting import Credit
from services.world.rules import LEVELS, Rules
from services.world.store import Key
from services.world.worlds import Credited, Seen

ROOMS = Words[pb.Room.ValueType](pb.Room)


def credit_of(message: pb.Credit) -> Credit:
    """The success that a message names. Raises ValueError for an instant out of range."""
    key = Key(message.user_id, message.session_id)
    try:
        return Credit(key, instant(message.ends_at))
    except OverflowError as error:
        message_ = f"{message.ends_at.seconds} s is no instant of the calendar"
        raise ValueError(message_) from error


def world_message(seen: Seen, numbers: Rules) -> pb.World:
    """A world as its player sees it now."""
    world = seen.world
    last = world.last_session_date
    return pb.World(
        id=world.id,
        user_id=world.user_id,
        total_sessions_success=world.total_sessions_success,
        day_streak=streak.shown(world, today=streak.local_date(seen.now, world.timezone)),
        longest_streak=world.longest_streak,
        last_session_date=last.isoformat() if last else None,
        timezone=world.timezone,
        next_upgrade=_next_upgrade(seen, numbers),
        **{column: getattr(world, column) for column in LEVELS.values()},
    )


def credit_result(outcome: Credited | Failure, numbers: Rules) -> pb.CreditResult:
    """What became of one credit."""
    if isinstance(outcome, Failure):
        return pb.CreditResult(failure=outcome.as_item())
    rooms = [ROOMS.value(room) for room in outcome.rooms]
    world = world_message(outcome.seen, numbers)
    return pb.CreditResult(credited=pb.Credited(world=world, rooms_upgraded=rooms))


def _next_upgrade(seen: Seen, numbers: Rules) -> pb.NextUpgrade | None:
    upgrade = rules.next_upgrade(seen.world, numbers)
    if upgrade is None:
        return None
    return pb.NextUpgrade(
        room=ROOMS.value(upgrade.room), level=upgrade.level, sessions_left=upgrade.sessions_left
    )
