"""What the session service decides with, made of one edition of its rules."""

from typing import NamedTuple

from services.kit.database import Database
from services.kit.rulesfile import Edition, Shape
from services.session.players import Players
from services.session.rules import Rules, losses
from services.session.sessions import Sessions

SHAPE = Shape("session", Rules, losses, shared=("events",))


class Play(NamedTuple):
    """Sessions and players under one edition."""

    edition: Edition[Rules]
    sessions: Sessions
    players: Players

    @property
    def rules(self) -> Rules:
        """The numbers."""
        return self.edition.rules


def play(database: Database, edition: Edition[Rules], *, has_sandbox: bool) -> Play:
    """Everything that follows one edition."""
    rules, version = edition
    return Play(
        edition,
        Sessions(database, rules, version, has_sandbox=has_sandbox),
        Players(database, rules, has_sandbox=has_sandbox),
    )
