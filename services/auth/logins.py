"""Logins: a family of refresh tokens each, of which only the newest is unused."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import structlog

from services.auth import rules, store
from services.auth.failures import TokenInvalid, TokenReused
from services.auth.tokens import RefreshTokens, fingerprint
from services.kit.clock import database_now
from services.kit.database import Connection
from services.kit.errors import Failure
from services.kit.ids import is_canonical, uuid7

log = structlog.get_logger(__name__)

# 20,000 ids of 38 bytes stay below the largest message, 1 MiB.
ENDED_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Grant:
    """What a login or a refresh decided to hand out."""

    user: store.UserRow
    family_id: str
    refresh_token: str
    refresh_expires_at: datetime
    now: datetime


class Ends(NamedTuple):
    """Families that ended, the first to end first.

    `until` is from when on to look next; with `more`, there is more to be seen at once.
    """

    families: list[store.Ended]
    until: datetime
    more: bool


@dataclass(frozen=True, slots=True)
class _Login:
    """Whose family is at hand, locked or new, since when, and when it is now."""

    connection: Connection
    user: store.UserRow
    family_id: str
    since: datetime
    now: datetime


class Logins:
    """Opens families and hands out their tokens, within the caller's transaction."""

    def __init__(self, secret: str) -> None:
        self._tokens = RefreshTokens(secret)

    def opened(
        self, connection: Connection, user: store.UserRow, *, device: str | None, now: datetime
    ) -> Grant:
        """A new family of a locked account, with its first token."""
        family = store.FamilyRow(uuid7(now), user.id, now, device=device)
        store.add_family(connection, family)
        return self._added(_Login(connection, user, family.id, now, now), generation=1)

    def refreshed(self, connection: Connection, token: str) -> Grant | Failure:
        """What a presented token is exchanged for.

        A failure is returned, not raised: a family that ends is to be committed.
        """
        presented = fingerprint(token)
        family = store.lock_family_of(connection, presented)
        if family is None:
            return self._forgotten(connection, token)
        user = store.read_users(connection, [family.user_id])[family.user_id]
        now = database_now(connection)
        login = _Login(connection, user, family.id, family.created_at, now)
        return self._decided(login, family, store.read_token(connection, presented))

    def _forgotten(self, connection: Connection, token: str) -> Failure:
        """What a token deserves that is not stored: ours, it was used up long ago."""
        found = self._tokens.read(token)
        family = store.lock_family(connection, found[0]) if found else None
        if not found or family is None or family.end_reason not in (None, rules.REUSE):
            return TokenInvalid()
        # Newer than all that is known: the database was restored from a backup.
        if found[1] > store.newest_token(connection, family.id).generation:
            return TokenInvalid()
        return _reused(connection, family.id, now=database_now(connection))

    def _decided(
        self, login: _Login, family: store.FamilyRow, token: store.TokenRow
    ) -> Grant | Failure:
        match rules.verdict(
            end_reason=family.end_reason,
            is_active=login.user.is_active,
            used_at=token.used_at,
            expires_at=token.expires_at,
            now=login.now,
        ):
            case rules.Verdict.ROTATE:
                return self._rotated(login, token)
            case rules.Verdict.REPEAT:
                return self._repeated(login)
            case rules.Verdict.REUSED:
                return _reused(login.connection, login.family_id, now=login.now)
            case rules.Verdict.EXPIRED | rules.Verdict.INVALID:
                return TokenInvalid()

    def _repeated(self, login: _Login) -> Grant:
        """The newest token again; a new one when the secret that made it was changed."""
        newest = store.newest_token(login.connection, login.family_id)
        value = self._tokens.of(login.family_id, newest.generation)
        if fingerprint(value) != newest.token_hash:
            return self._rotated(login, newest)
        return Grant(login.user, login.family_id, value, newest.expires_at, login.now)

    def _rotated(self, login: _Login, token: store.TokenRow) -> Grant:
        store.use_token(login.connection, token.token_hash, now=login.now)
        return self._added(login, generation=token.generation + 1)

    def _added(self, login: _Login, *, generation: int) -> Grant:
        value = self._tokens.of(login.family_id, generation)
        expires = min(login.now + rules.REFRESH_LIFETIME, login.since + rules.LOGIN_LIFETIME)
        row = store.TokenRow(fingerprint(value), login.family_id, generation, login.now, expires)
        store.add_token(login.connection, row)
        return Grant(login.user, login.family_id, value, expires, login.now)


def log_out(connection: Connection, user_id: str, family_id: str) -> bool:
    """Ends one login of an account, if it is open; says whether it is the account's at all."""
    family = store.lock_family(connection, family_id) if is_canonical(family_id) else None
    if family is None or family.user_id != user_id:
        return False
    now = database_now(connection)
    store.end_families(connection, [family_id], reason=rules.LOGOUT, now=now)
    return True


def log_out_everywhere(connection: Connection, user_id: str) -> None:
    """Ends every login of an account."""
    families = [family.id for family in store.lock_open_families(connection, user_id)]
    now = database_now(connection)
    store.end_families(connection, families, reason=rules.LOGOUT, now=now)


def end_all(
    connection: Connection, user_id: str, reason: str, *, now: datetime, kept: str = ""
) -> None:
    """Ends every login of a locked account, but the one `kept`."""
    families = store.lock_open_families(connection, user_id)
    others = [family.id for family in families if family.id != kept]
    store.end_families(connection, others, reason=reason, now=now)


def ended_since(connection: Connection, since: datetime | None, *, now: datetime) -> Ends:
    """The families that ended at or after `since`; without it, all that still matter.

    `now` is the database's time, read before.
    """
    until = now - rules.ENDED_OVERLAP
    oldest = now - rules.ENDED_MATTERS
    since = oldest if since is None else max(since, oldest)
    if since > now:
        # The clock was set back: what ends until it is there again must not go unseen.
        since = until
    found = store.ended_families(connection, since=since, limit=ENDED_AT_ONCE)
    more = len(found) == ENDED_AT_ONCE
    return Ends(found, min(until, found[-1].ended_at) if more else until, more)


def _reused(connection: Connection, family_id: str, *, now: datetime) -> Failure:
    store.end_families(connection, [family_id], reason=rules.REUSE, now=now)
    log.warning("refresh_token_reused", login=family_id)
    return TokenReused()
