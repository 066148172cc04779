"""The auth service's process: `python -m services.auth`."""

from collections.abc import Callable
from datetime import timedelta

import structlog

from protos.auth.v1 import auth_pb2_grpc
from services.auth import rules
from services.auth.carriers import carrier
from services.auth.credentials import Credentials
from services.auth.elsewhere import Remote
from services.auth.erasures import Erasures
from services.auth.keys import SigningKeys
from services.auth.letters import Letters
from services.auth.logins import Logins
from services.auth.passwords import Hasher, Passwords, argon2id
from services.auth.personal import HELD
from services.auth.postman import Postman
from services.auth.service import CALLERS, SERVICE, AuthService
from services.auth.settings import AuthSettings
from services.auth.tables import trail
from services.auth.timeline import SOURCES
from services.auth.watch import LISTENERS, Watch
from services.kit import audit, personal, timeline
from services.kit.callers import TokenMaker
from services.kit.client import Client
from services.kit.database import Database
from services.kit.process import run
from services.kit.server import Offer, Served
from services.kit.settings import target_of
from services.kit.sweeper import Sweeper

# Those that hash and those that wait for it take 8 at most: another 8 go on
# answering everything else. Who listens keeps a thread of its own.
THREADS = 16 + LISTENERS
# Session first: it is the one that tells the others of its players.
ELSEWHERE = ("session", "inventory", "world")

log = structlog.get_logger(__name__)


def wired(
    settings: AuthSettings,
    target_of: Callable[[str], str] = target_of,
    *,
    hasher: Hasher | None = None,
    lead: timedelta = rules.KEY_LEAD,
) -> Served:
    """The service as it is served; its database may come later.

    `lead` is how long a signing key is published before it signs.
    """
    if settings.environment == "production" and not settings.smtp_url:
        log.warning("letters_become_files", folder=str(settings.home / "mail"))
    database = Database(settings.database_url)
    passwords = Passwords(hasher or argon2id())
    keys = SigningKeys(database, settings.secret, lead=lead)
    watch = Watch(database, keys)
    credentials = Credentials(database, passwords)
    servicer = AuthService(database, credentials, Logins(settings.secret), keys, watch)
    tokens = TokenMaker("auth", settings.secret)
    clients = [Client(service, target_of(service), tokens, settings.tls) for service in ELSEWHERE]
    postman = Postman(
        database,
        Letters(settings.public_url, settings.sender),
        carrier(settings.smtp_url, settings.home),
    )
    erasures = Erasures(database, [Remote(client) for client in clients])
    # Mail by itself: a mail server that hangs holds up nothing else.
    mail = Sweeper(postman.deliver_due)
    sweeper = Sweeper(erasures.erase_due)
    database.open()

    def close() -> None:
        passwords.close()
        for client in clients:
            client.close()
        database.close()

    return Served(
        name="auth",
        offers=(
            Offer(
                service=SERVICE.full_name,
                callers=CALLERS,
                register=lambda server: auth_pb2_grpc.add_AuthServiceServicer_to_server(
                    servicer, server
                ),
            ),
            # Nobody tells auth to erase an account: it is the one that tells the others.
            personal.offer(database, HELD, erased_by=frozenset()),
            audit.offer(database, trail),
            timeline.offer(database, SOURCES),
        ),
        is_ready=lambda: database.is_ready() and keys.is_ready(),
        close=close,
        tasks=(mail.run, sweeper.run, watch.run),
        threads=THREADS,
    )


if __name__ == "__main__":
    run("auth", wired, AuthSettings)
