"""What the session service holds about a player: see kit/personal.py."""

from sqlalchemy import case

from services.kit.personal import Held
from services.session.tables import (
    PENDING,
    hero,
    idempotency_key,
    metadata,
    session,
    trail,
)

HELD = Held(
    metadata,
    # As once.py, sessions.py and purchases.py do.
    locked_first=(idempotency_key, session, hero),
    shown={
        # While a session is pending, its seed foretells the drop.
        session.c.seed: case((session.c.status != PENDING, session.c.seed)),
        idempotency_key.c.fingerprint: idempotency_key.c.fingerprint,
        idempotency_key.c.answer: idempotency_key.c.answer,
        # Who changed it is somebody else.
        trail.table.c.actor: None,
    },
)
