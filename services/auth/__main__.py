"""The auth service's process: `python -m services.auth`."""

from protos.auth.v1 import auth_pb2_grpc
from services.auth.logins import Logins
from services.auth.passwords import Hasher, Passwords, argon2id
from services.auth.service import CALLERS, SERVICE, AuthService
from services.auth.tokens import SigningKeys
from services.kit.database import Database
from services.kit.process import run
from services.kit.server import Offer, Served
from services.kit.settings import ServiceSettings

# Those that hash and those that wait for it take 8 at most: the other half
# goes on answering everything else.
THREADS = 16


def wired(settings: ServiceSettings, *, hasher: Hasher | None = None) -> Served:
    """The service as it is served; its database may come later."""
    database = Database(settings.database_url)
    passwords = Passwords(hasher or argon2id())
    keys = SigningKeys(database, settings.secret)
    servicer = AuthService(database, passwords, Logins(settings.secret), keys)
    database.open()

    def close() -> None:
        passwords.close()
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
        ),
        is_ready=lambda: database.is_ready() and keys.is_ready(),
        close=close,
        threads=THREADS,
    )


if __name__ == "__main__":
    run("auth", wired)
