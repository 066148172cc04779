"""Writes without a key by nature, made safe to repeat by the client's own key.

The key is stored in the transaction of the effect that it names, so there is
either both or neither, and nothing "in progress" that a crash could leave
behind: whoever comes with the same key meanwhile waits for that transaction.
What is kept is the first outcome whatever it was, but for what asks to be tried
again (Unavailable) and for bugs (Internal).
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Literal, Protocol, Self, TypeAlias, TypeVar

from psycopg.errors import LockNotAvailable

from protos.session.v1 import session_pb2 as pb
from services.kit.database import Connection, Database
from services.kit.errors import Failure, Internal, Refused, Unavailable
from services.kit.failpoints import reach
from services.session import key_store
from services.session.failures import IdempotencyKeyInProgress, IdempotencyKeyReused
from services.session.key_store import KeyName, KeyRow


class _Asked(Protocol):
    """A message that may carry a key."""

    user_id: str

    @property
    def once(self) -> pb.Once: ...
    def HasField(self, field_name: Literal["once"], /) -> bool: ...  # noqa: N802  # protobuf's


class _Answer(Protocol):
    """A message that tells whether it was told before."""

    replayed: bool

    @classmethod
    def FromString(cls, s: bytes, /) -> Self: ...  # noqa: N802  # protobuf's
    def SerializeToString(self) -> bytes: ...  # noqa: N802  # protobuf's


Asked = TypeVar("Asked", bound=_Asked)
Answer = TypeVar("Answer", bound=_Answer)
Claim: TypeAlias = Callable[[Connection, Collection[KeyRow]], set[KeyName]]


class _KeyHeld(Exception):
    """Another transaction kept a key for longer than one may wait."""


class Once:
    """Answers a call once per key; what comes without a key is done each time.

    `work` decides and saves within one transaction, which may run up to three
    times, and gives the answer as it is sent. A key takes `kind` to read that
    answer again; what is told again says so: an answer by `replayed`, a failure
    by its metadata. Raises Unavailable; then it may or may not be done, and
    asking again with the same key tells.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def answer(
        self, asked: Asked, kind: type[Answer], work: Callable[[Connection], Answer]
    ) -> Answer:
        """The answer to one call.

        Raises what `work` raises, IdempotencyKeyReused, IdempotencyKeyInProgress.
        """
        if not asked.HasField("once"):
            return self._database.transact(work)
        (outcome,) = self.answers([asked], kind, lambda connection, _: [_tried(connection, work)])
        if isinstance(outcome, Failure):
            raise outcome
        return outcome

    def known(self, asked: Asked, kind: type[Answer]) -> Answer | None:
        """What was answered to the call's key before, if anything was, and it has one.

        Raises the failure that it was, IdempotencyKeyReused, Unavailable.
        """
        row = _row(asked)
        if row is None:
            return None
        with self._database.read() as connection:
            known = key_store.read(connection, [row.name]).get(row.name)
        if known is None:
            return None
        outcome = _told_again(row, known, kind)
        if isinstance(outcome, Failure):
            raise outcome
        return outcome

    def answers(
        self,
        asked: Sequence[Asked],
        kind: type[Answer],
        work: Callable[[Connection, Sequence[Asked]], Sequence[Answer | Failure]],
    ) -> Sequence[Answer | Failure]:
        """The answer to each of a batch, in one transaction; each fails alone.

        `work` is given those that are to be done. The others get what was
        answered before, or IdempotencyKeyReused, IdempotencyKeyInProgress.
        """
        run = partial(_outcomes, asked=asked, kind=kind, work=work)
        try:
            outcomes = self._database.transact(partial(run, claim=_claimed))
        except _KeyHeld:
            # The whole batch has waited for that one: from here on nobody waits.
            outcomes = self._database.transact(partial(run, claim=_claimed_at_once))
        reach("once.committed")
        return outcomes


def _outcomes(
    connection: Connection,
    *,
    asked: Sequence[Asked],
    kind: type[Answer],
    work: Callable[[Connection, Sequence[Asked]], Sequence[Answer | Failure]],
    claim: Claim,
) -> Sequence[Answer | Failure]:
    rows = [_row(one) for one in asked]
    # The same key may occur twice in a batch: the first is done, the others are told.
    first = {row.name: row for row in reversed(rows) if row}
    claimed = claim(connection, first.values())
    turns = [
        place
        for place, row in enumerate(rows)
        if row is None or (row is first[row.name] and row.name in claimed)
    ]
    outcomes = work(connection, [asked[place] for place in turns]) if turns else []
    done = dict(zip(turns, outcomes, strict=True))
    known = key_store.read(connection, first.keys() - claimed)
    known |= _kept(connection, [(row, done[place]) for place in turns if (row := rows[place])])
    reach("once.kept")
    return [
        done[place] if row is None or place in done else _told_again(row, known.get(row.name), kind)
        for place, row in enumerate(rows)
    ]


def _row(asked: _Asked) -> KeyRow | None:
    if not asked.HasField("once"):
        return None
    once = asked.once
    return KeyRow(asked.user_id, once.route, once.key, once.fingerprint)


def _claimed(connection: Connection, rows: Collection[KeyRow]) -> set[KeyName]:
    """The keys that are now this transaction's, after waiting for those that hold one."""
    try:
        return key_store.claim(connection, rows)
    except LockNotAvailable as error:
        raise _KeyHeld from error


def _claimed_at_once(connection: Connection, rows: Collection[KeyRow]) -> set[KeyName]:
    """As `_claimed`, one by one: a key that is held is left out, and fails alone."""
    claimed: set[KeyName] = set()
    connection.execute("SET LOCAL lock_timeout = '1ms'")
    for row in sorted(rows, key=lambda row: row.name):
        with suppress(LockNotAvailable), connection.transaction():
            claimed |= key_store.claim(connection, [row])
    connection.execute("SET LOCAL lock_timeout TO DEFAULT")
    return claimed


def _tried(connection: Connection, work: Callable[[Connection], Answer]) -> Answer | Failure:
    """What `work` comes to; of what fails nothing stays but the failure."""
    try:
        with connection.transaction():
            return work(connection)
    except Failure as failure:
        return failure


def _kept(
    connection: Connection, done: Sequence[tuple[KeyRow, Answer | Failure]]
) -> dict[KeyName, KeyRow]:
    """Stores outcomes with their keys, and gives back the keys of what is no outcome."""
    passing = {row.name for row, outcome in done if isinstance(outcome, (Unavailable, Internal))}
    kept = [
        row._replace(answer=_stored(outcome)) for row, outcome in done if row.name not in passing
    ]
    key_store.answer(connection, kept)
    key_store.release(connection, passing)
    return {row.name: row for row in kept}


def _stored(outcome: Answer | Failure) -> bytes:
    if isinstance(outcome, Failure):
        return pb.Outcome(failure=outcome.as_item()).SerializeToString()
    return pb.Outcome(answer=outcome.SerializeToString()).SerializeToString()


def _told_again(row: KeyRow, known: KeyRow | None, kind: type[Answer]) -> Answer | Failure:
    """What was answered to the key before."""
    if known is None:
        # Held by another transaction, or given back or purged in this very moment.
        return IdempotencyKeyInProgress(retry_after="1")
    if known.fingerprint != row.fingerprint:
        return IdempotencyKeyReused()
    outcome = pb.Outcome.FromString(known.answer)
    if outcome.HasField("failure"):
        failure = outcome.failure
        return Refused(failure.reason, {**failure.metadata, "replayed": "true"})
    answer = kind.FromString(outcome.answer)
    answer.replayed = True
    return answer
