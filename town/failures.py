"""What can keep the town from opening, each said in one sentence."""


class CannotOpen(Exception):
    """The town cannot open. The message is one sentence for whoever starts it; the exit code is 2."""


class PostgresFailed(CannotOpen):
    """The embedded PostgreSQL cannot be made, started or reached."""


class DatabaseFailed(CannotOpen):
    """A database server given by the operator cannot be reached or prepared."""


class AlreadyOpen(CannotOpen):
    """Another process has the town on this data open."""

    def __init__(self, home: object) -> None:
        super().__init__(f"The town in {home} is already open; close it, or set NESRA_HOME.")


class NotOpen(CannotOpen):
    """There is no open town where one was looked for."""

    def __init__(self, home: object) -> None:
        super().__init__(
            f"There is no open town in {home}: open it with `nesra up`, or set NESRA_HOME or NESRA_DATABASE_URL."
        )


class PortTaken(CannotOpen):
    """Somebody else listens where the gateway shall."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"Port {port} on {host} is taken: set NESRA_PORT to another one.")


class WrongSetting(CannotOpen):
    """An environment variable says what cannot be."""

    def __init__(self, *, name: str, demand: str) -> None:
        super().__init__(f"{name} {demand}.")


class DidNotStart(CannotOpen):
    """A process of the town did not become ready."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} did not start: {why.strip().rstrip('.')}.")
