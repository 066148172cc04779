"""What can keep the town from opening, each said in one sentence."""


class CannotOpen(Exception):
    """The town cannot open. The message is one sentence for whoever starts it; the exit code is 2."""


class PostgresFailed(CannotOpen):
    """The embedded PostgreSQL cannot be made, started or reached."""
