"""What a player's successes come to over stretches of time.

Dates are the caller's business: it says which stretches of time were which date.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import BigInteger, bindparam, cast, func, select, tuple_

from services.kit.database import Database
from services.kit.ids import before_all
from services.kit.statements import Query
from services.session.stretches import Stretch, bounds_of, is_within, place_among_bounds
from services.session.tables import ID, SUCCESS, session

# Sessions are found by their ids, which tell of their starts. None lasts that long by far.
LONGEST = timedelta(days=7)
# Players name their own: nobody reads more, and an answer stays small.
MOST_CATEGORIES = 100


class Sum(NamedTuple):
    """How many sessions, and their minutes."""

    sessions: int
    minutes: int


class Statistics(NamedTuple):
    """The sums of all; of each stretch, and of the rooms and categories that have any.

    Categories with the most minutes come first, then by name.
    """

    total: Sum
    exp: int
    gold: int
    drops: int
    stretches: list[Sum]
    rooms: dict[str, Sum]
    categories: dict[str, Sum]


class _Group(NamedTuple):
    """The sums of one place among the bounds, of one room, of one category, or of all."""

    place: int | None
    room: str | None
    category: str | None
    sessions: int
    minutes: int
    exp: int
    gold: int
    drops: int

    @property
    def is_whole(self) -> bool:
        """Whether these are the sums of all."""
        return self.place is None and self.room is None and self.category is None

    @property
    def sum(self) -> Sum:
        """How many, and their minutes."""
        return Sum(self.sessions, self.minutes)


_successes = (
    select(
        place_among_bounds().label("place"),
        session.c.room,
        session.c.category,
        session.c.duration_minutes,
        session.c.reward_exp,
        session.c.reward_gold,
        session.c.dropped_item.is_not(None).label("has_dropped"),
    )
    .where(
        session.c.user_id == bindparam("user_id", type_=ID),
        session.c.id > bindparam("after", type_=ID),
        session.c.id < bindparam("before", type_=ID),
        session.c.status == SUCCESS,
    )
    .subquery("successes")
)
_of = _successes.c
_SUMS = Query(
    select(
        _of.place,
        _of.room,
        _of.category,
        func.count().label("sessions"),
        *(
            cast(func.coalesce(func.sum(column), 0), BigInteger).label(name)
            for name, column in (
                ("minutes", _of.duration_minutes),
                ("exp", _of.reward_exp),
                ("gold", _of.reward_gold),
            )
        ),
        func.count().filter(_of.has_dropped).label("drops"),
    )
    .where(is_within(_of.place))
    .group_by(func.grouping_sets(_of.place, _of.room, _of.category, tuple_())),
    _Group,
)


class Statistician:
    """Sums a player's successful sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def statistics(self, user_id: str, stretches: Sequence[Stretch]) -> Statistics:
        """The sums of the sessions whose `ends_at` lies in one of `stretches`.

        These are in order, and none reaches into the next. Raises Unavailable.
        """
        groups = self._groups(user_id, stretches) if stretches else []
        places = {group.place: group.sum for group in groups if group.place is not None}
        whole = next((group for group in groups if group.is_whole), _NONE)
        return Statistics(
            total=whole.sum,
            exp=whole.exp,
            gold=whole.gold,
            drops=whole.drops,
            stretches=[places.get(2 * n + 1, _NONE.sum) for n in range(len(stretches))],
            rooms={group.room: group.sum for group in groups if group.room},
            categories=dict(_most(groups)),
        )

    def _groups(self, user_id: str, stretches: Sequence[Stretch]) -> list[_Group]:
        with self._database.read() as connection:
            return _SUMS.all(
                connection,
                user_id=user_id,
                after=before_all(stretches[0].begins_at - LONGEST),
                before=before_all(stretches[-1].ends_at + LONGEST),
                bounds=bounds_of(stretches),
            )


_NONE = _Group(None, None, None, sessions=0, minutes=0, exp=0, gold=0, drops=0)


def _most(groups: Sequence[_Group]) -> Iterator[tuple[str, Sum]]:
    named = [(group.category, group.sum) for group in groups if group.category is not None]
    named.sort(key=lambda each: (-each[1].minutes, each[0]))
    yield from named[:MOST_CATEGORIES]
