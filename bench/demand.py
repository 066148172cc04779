"""A bench whose answers are wrong measures nothing: it stops."""

from typing import NoReturn


def demand(holds: object, otherwise: str) -> None:
    """Passes when something holds. Exits otherwise, saying why."""
    if not holds:
        stop(otherwise)


def stop(why: str) -> NoReturn:
    """Exits, saying why."""
    message = f"The bench stops: {why}"
    raise SystemExit(message)
