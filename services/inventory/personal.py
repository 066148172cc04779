"""What the inventory service holds about a player: see kit/personal.py."""

from services.inventory.tables import metadata, trail, wardrobe
from services.kit.personal import Held

HELD = Held(
    metadata,
    # As wardrobes.py does.
    locked_first=(wardrobe,),
    # Who changed it is somebody else.
    shown={trail.table.c.actor: None},
)
