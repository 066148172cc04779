"""What the auth service holds about a player: see kit/personal.py.

Of a login's tokens, and of the tries to log in, only hashes are kept, which tell nothing
of anybody.
"""

from sqlalchemy import select

from services.auth.tables import mail, mail_token, metadata, trail, user
from services.kit.personal import Held

HELD = Held(
    metadata,
    owners={
        user: user.c.id,
        # A letter waits for an address, whoever that belongs to.
        mail: select(user.c.id).where(user.c.email_key == mail.c.email_key).scalar_subquery(),
    },
    shown={
        user.c.hashed_password: None,
        mail_token.c.token_hash: None,
        # Who changed it is somebody else.
        trail.table.c.actor: None,
    },
)
