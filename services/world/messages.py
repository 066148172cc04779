"""Worlds as messages, written where they are sent from.

A message that is put into another is encoded and decoded: that is three times as dear.
"""

from collections.abc import Iterable

from protos.world.v1 import world_pb2 as pb
from services.kit.enums import Words
from services.kit.errors import Failure
from services.kit.times import instant, wire
from services.world import rules, streak
from services.world.crediting import Credit
from services.world.explaining import Told
from services.world.rules import Rules
from services.world.store import Key
from services.world.streak import ZoneChange
from services.world.worlds import Credited, Explained, Seen

DATE_KINDS = Words[pb.DateKind.ValueType](pb.DateKind)
ROOMS = Words[pb.Room.ValueType](pb.Room)


def credit_of(message: pb.Credit) -> Credit:
    """The success that a message names. Raises ValueError for an instant out of range."""
    key = Key(message.user_id, message.session_id)
    try:
        return Credit(key, instant(message.ends_at))
    except OverflowError as error:
        message_ = f"{message.ends_at.seconds} s is no instant of the calendar"
        raise ValueError(message_) from error


def tell_credit(result: pb.CreditResult, outcome: Credited | Failure, numbers: Rules) -> None:
    """Writes what became of one credit."""
    if isinstance(outcome, Failure):
        result.failure.CopyFrom(outcome.as_item())
    else:
        tell_world(result.credited.world, outcome.seen, numbers)
        result.credited.rooms_upgraded.extend([ROOMS.value(room) for room in outcome.rooms])


def tell_world(message: pb.World, seen: Seen, numbers: Rules) -> None:
    """Writes a world as its player sees it now."""
    world, now = seen
    message.id = world.id
    message.user_id = world.user_id
    message.study_room_level = world.study_room_level
    message.build_room_level = world.build_room_level
    message.training_room_level = world.training_room_level
    message.plaza_level = world.plaza_level
    message.total_sessions_success = world.total_sessions_success
    today = streak.local_date(now, world.timezone)
    message.day_streak = streak.shown(world, today=today, freezes=numbers.freezes)
    message.longest_streak = world.longest_streak
    if world.last_session_date:
        message.last_session_date = world.last_session_date.isoformat()
    message.timezone = world.timezone
    if upgrade := rules.next_upgrade(world, numbers):
        message.next_upgrade.room = ROOMS.value(upgrade.room)
        message.next_upgrade.level = upgrade.level
        message.next_upgrade.sessions_left = upgrade.sessions_left


def zones_message(seen: Seen, changes: Iterable[ZoneChange]) -> pb.GetZonesResponse:
    """The zones in which a player lived, and the date that it is there now."""
    return pb.GetZonesResponse(
        today=streak.local_date(seen.now, seen.world.timezone).isoformat(),
        changes=[
            pb.ZoneChange(changed_at=wire(change.changed_at), timezone=change.timezone)
            for change in changes
        ],
    )


def tell_explained(message: pb.ExplainStreakResponse, explained: Explained, numbers: Rules) -> None:
    """Writes why a streak is what it is."""
    seen = explained.seen
    tell_world(message.world, seen, numbers)
    message.today = streak.local_date(seen.now, seen.world.timezone).isoformat()
    message.freezes_held = numbers.freezes.held(seen.world.freeze_days)
    message.why = explained.why
    for told in explained.dates:
        message.dates.append(_told_date(told))


def _told_date(told: Told) -> pb.StreakDate:
    found = told.sessions
    return pb.StreakDate(
        date=told.day.isoformat(),
        kind=DATE_KINDS.value(told.kind),
        timezone=told.zone,
        day_streak=told.day_streak,
        session_id=found.session_id if found else None,
        ends_at=wire(found.ends_at) if found else None,
        sessions=found.sessions if found else 0,
        why=told.why,
    )
