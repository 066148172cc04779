"""The rules that the services of a town use and used, as each keeps them in its own database."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg.rows import class_row

from services.kit.editions import Kept
from services.kit.rulesfile import Rules, Shape
from town.numbers import SESSION, WORLD, Numbers, given_file, given_numbers
from town.reading import Connection, connection_of

KEPT: Final = """
    SELECT version, content, first_used_at, last_used_at FROM rules_version
    ORDER BY last_used_at DESC
"""


def kept_by(connection: Connection) -> list[Kept]:
    """Return every rules file that the service of this database ever used, the one in use first."""
    return connection.cursor(row_factory=class_row(Kept)).execute(KEPT).fetchall()


def numbers_of(urls: Mapping[str, str]) -> Numbers:
    """Return the numbers that the town at `urls` uses and used, whatever its rules file says by now.

    Of services that kept none yet, those of the rules file. Raises CannotOpen.
    """
    with connection_of("session", urls) as session, connection_of("world", urls) as world:
        sessions, worlds = _bound(kept_by(session), SESSION), _bound(kept_by(world), WORLD)
    if sessions and worlds:
        return Numbers(
            _first(sessions), _first(worlds), sessions, tuple(dict.fromkeys(worlds.values()))
        )
    given = given_numbers()
    return Numbers(
        _first(sessions) or given.session,
        _first(worlds) or given.world,
        dict(given.sessions) | sessions,
        tuple(dict.fromkeys(worlds.values())),
    )


def _bound(kept: Sequence[Kept], shape: Shape[Rules]) -> dict[str, Rules]:
    """Return the rules by version, in the same order, without those that today's services could not read."""
    # What those of old do not know is as in the newest.
    newest = kept[0].file if kept else given_file()
    found = {each.version: each.file.bound_after(shape, newest) for each in kept}
    return {version: rules for version, rules in found.items() if rules is not None}


def _first(rules: Mapping[str, Rules]) -> Any:
    return next(iter(rules.values()), None)
