"""What the inventory service tells of a player's timeline: see kit/timeline.py."""

from protos.timeline.v1 import timeline_pb2 as pb
from services.inventory.tables import drop_grant, inventory, trail
from services.kit.timeline import Source, changes_of

SOURCES = (
    Source(
        pb.KIND_ITEM_OBTAINED,
        player=inventory.c.user_id,
        at=inventory.c.obtained_at,
        of=inventory.c.id,
        item_id=inventory.c.item_id,
        source=inventory.c.source,
        session_id=inventory.c.session_id,
        purchase_id=inventory.c.purchase_id,
    ),
    Source(
        pb.KIND_DROP_EMPTY,
        player=drop_grant.c.user_id,
        at=drop_grant.c.obtained_at,
        of=drop_grant.c.session_id,
        where=[drop_grant.c.item_id.is_(None)],
    ),
    changes_of(trail),
)
