"""What the world service tells of a player's timeline: see kit/timeline.py."""

from protos.timeline.v1 import timeline_pb2 as pb
from services.kit.timeline import Source, changes_of
from services.world.tables import credited_session, trail, zone_change

SOURCES = (
    Source(
        pb.KIND_SESSION_CREDITED,
        player=credited_session.c.user_id,
        at=credited_session.c.credited_at,
        of=credited_session.c.session_id,
        date=credited_session.c.local_date,
        rooms_upgraded=credited_session.c.rooms_upgraded,
    ),
    Source(
        pb.KIND_ZONE_CHANGED,
        player=zone_change.c.user_id,
        at=zone_change.c.changed_at,
        of=zone_change.c.user_id,
        timezone=zone_change.c.timezone,
    ),
    changes_of(trail),
)
