"""What the auth service tells of a player's timeline: see kit/timeline.py.

No address and no token: of a login what the list of devices shows.
"""

from protos.timeline.v1 import timeline_pb2 as pb
from services.auth.tables import refresh_family, trail, user
from services.kit.timeline import Source, changes_of

SOURCES = (
    Source(
        pb.KIND_ACCOUNT_CREATED,
        player=user.c.id,
        at=user.c.created_at,
        of=user.c.id,
    ),
    Source(
        pb.KIND_LOGGED_IN,
        player=refresh_family.c.user_id,
        at=refresh_family.c.created_at,
        of=refresh_family.c.id,
        device=refresh_family.c.device,
    ),
    Source(
        pb.KIND_LOGGED_OUT,
        player=refresh_family.c.user_id,
        at=refresh_family.c.ended_at,
        of=refresh_family.c.id,
        device=refresh_family.c.device,
        reason=refresh_family.c.end_reason,
    ),
    changes_of(trail),
)
