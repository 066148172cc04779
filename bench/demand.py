"""A bench whose answers are wrong measures nothing: it stops."""


def demand(holds: object, otherwise: str) -> None:
    """Passes when something holds. Exits otherwise, saying why."""
    if not holds:
        message = f"The bench stops: {otherwise}"
        raise SystemExit(message)
