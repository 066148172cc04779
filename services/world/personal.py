"""What the world service holds about a player: see kit/personal.py."""

from services.kit.personal import Held
from services.world.tables import metadata, trail, world_state

HELD = Held(
    metadata,
    # As worlds.py does.
    locked_first=(world_state,),
    # Who changed it is somebody else.
    shown={trail.table.c.actor: None},
)
