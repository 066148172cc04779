"""The auth service's calls: messages in, messages out, passwords checked between.

What is locked, decided and saved stands in accounts.py and logins.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import grpc

from protos.auth.v1 import auth_pb2 as pb
from protos.auth.v1 import auth_pb2_grpc
from services.auth import accounts, rules, store
from services.auth.accounts import Change, require_fit
from services.auth.failures import BadCredentials, UserUnknown, WrongPassword
from services.auth.logins import Grant, Logins, end_others, log_out
from services.auth.messages import key_message, result_message, user_message
from services.auth.passwords import Passwords, require_strong
from services.auth.tokens import SigningKeys, access_token
from services.kit.batches import isolated
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.errors import Failure
from services.kit.ids import is_canonical
from services.kit.times import instant, wire

SERVICE = pb.DESCRIPTOR.services_by_name["AuthService"]
CALLERS: Mapping[str, frozenset[str]] = {
    method.name: frozenset({"gateway"}) for method in SERVICE.methods
}
# 20,000 ids of 38 bytes stay below the largest message, 1 MiB.
ENDED_AT_ONCE = 20_000

Context = grpc.ServicerContext
Answer = TypeVar("Answer")


class AuthService(auth_pb2_grpc.AuthServiceServicer):
    """Accounts, logins and the tokens that prove them: see protos/auth/v1/auth.proto."""

    def __init__(
        self, database: Database, passwords: Passwords, logins: Logins, keys: SigningKeys
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._logins = logins
        self._keys = keys

    def Register(self, request: pb.RegisterRequest, _: Context) -> pb.RegisterResponse:
        email, full_name = rules.normal_email(request.email), request.full_name or None
        require_fit(email=email, full_name=full_name)
        require_strong(request.password, email, full_name)
        # Before the transaction: no row or connection waits for a hash.
        hashed = self._passwords.hashed(request.password)

        def work(connection: Connection) -> store.UserRow:
            now = database_now(connection)
            return accounts.opened(connection, email, full_name, hashed, now=now)

        return pb.RegisterResponse(user=user_message(self._database.transact(work)))

    def Login(self, request: pb.LoginRequest, _: Context) -> pb.LoginResponse:
        user, renewed = self._checked(request)

        def work(connection: Connection) -> Grant:
            locked = accounts.locked(connection, user)
            now = database_now(connection)
            if renewed:
                store.save_password(connection, locked.id, renewed)
            return self._logins.opened(connection, locked, now=now)

        return pb.LoginResponse(tokens=self._tokens(self._database.transact(work)))

    def Refresh(self, request: pb.RefreshRequest, _: Context) -> pb.RefreshResponse:
        outcome = self._database.transact(
            lambda connection: self._logins.refreshed(connection, request.refresh_token)
        )
        return pb.RefreshResponse(tokens=self._tokens(_granted(outcome)))

    def Logout(self, request: pb.LogoutRequest, _: Context) -> pb.LogoutResponse:
        if is_canonical(request.user_id):
            self._database.transact(
                lambda connection: log_out(connection, request.user_id, request.family_id)
            )
        return pb.LogoutResponse()

    def BatchGetUsers(
        self, request: pb.BatchGetUsersRequest, _: Context
    ) -> pb.BatchGetUsersResponse:
        found = isolated(self._users, request.user_ids)
        return pb.BatchGetUsersResponse(results=[result_message(user) for user in found])

    def UpdateUser(self, request: pb.UpdateUserRequest, _: Context) -> pb.UpdateUserResponse:
        user = _granted(self._users([request.user_id])[0])
        if request.HasField("email") or request.HasField("password"):
            self._require_password(user, request.current_password)
        change = self._change(user, request)

        def work(connection: Connection) -> store.UserRow:
            locked = accounts.locked(connection, user)
            now = database_now(connection)
            if change.hashed_password:
                end_others(connection, locked.id, request.family_id, now=now)
            return accounts.saved(connection, locked, change, now=now)

        return pb.UpdateUserResponse(user=user_message(self._database.transact(work)))

    def GetSigningKeys(
        self, request: pb.GetSigningKeysRequest, _: Context
    ) -> pb.GetSigningKeysResponse:
        del request
        keys = [key_message(row) for row in self._keys.published()]
        return pb.GetSigningKeysResponse(keys=keys)

    def ListEndedFamilies(
        self, request: pb.ListEndedFamiliesRequest, _: Context
    ) -> pb.ListEndedFamiliesResponse:
        with self._database.read() as connection:
            now = database_now(connection)
            since = now - rules.ENDED_MATTERS
            if request.HasField("since"):
                since = max(since, instant(request.since))
            ended = store.ended_families(connection, since=since, limit=ENDED_AT_ONCE)
        until = now - rules.ENDED_OVERLAP
        if len(ended) == ENDED_AT_ONCE:
            until = min(until, ended[-1].ended_at)
        ids = [family.id for family in ended]
        return pb.ListEndedFamiliesResponse(family_ids=ids, until=wire(until), now=wire(now))

    def _checked(self, request: pb.LoginRequest) -> tuple[store.UserRow, str | None]:
        """Whose login it is, and a new hash when the stored one is out of date.

        Unknown, wrong and inactive take the same: one statement and one hash.
        """
        user = self._found(request.email)
        stored = user.hashed_password if user else None
        matches, renewed = self._passwords.verified(request.password, stored)
        if user is None or not matches or not user.is_active:
            raise BadCredentials
        return user, renewed

    def _found(self, email: str) -> store.UserRow | None:
        """The account with an e-mail address as typed."""
        unfit = rules.unfit_field({"email": rules.normal_email(email)})
        # What cannot be an address is looked for all the same, to take the same.
        key = "" if unfit else rules.email_key(email)
        with self._database.read() as connection:
            return store.find_user(connection, key)

    def _users(self, ids: Sequence[str]) -> list[store.UserRow | Failure]:
        """The account of each id, in order."""
        wanted = [user_id for user_id in set(ids) if is_canonical(user_id)]
        with self._database.read() as connection:
            found = store.read_users(connection, wanted)
        return [found.get(user_id) or UserUnknown() for user_id in ids]

    def _require_password(self, user: store.UserRow, password: str) -> None:
        matches, _ = self._passwords.verified(password, user.hashed_password)
        if not matches:
            raise WrongPassword

    def _change(self, user: store.UserRow, request: pb.UpdateUserRequest) -> Change:
        """What is given, allowed and hashed. Raises FieldInvalid, PasswordTooWeak."""
        email = _given(request, "email")
        change = Change(
            full_name=_given(request, "full_name"),
            profile_picture=_given(request, "profile_picture"),
            email=None if email is None else rules.normal_email(email),
        )
        wanted = accounts.changed(user, change)
        require_fit(
            email=wanted.email,
            full_name=wanted.full_name,
            profile_picture=wanted.profile_picture,
        )
        if not request.HasField("password"):
            return change
        require_strong(request.password, wanted.email, wanted.full_name)
        return replace(change, hashed_password=self._passwords.hashed(request.password))

    def _tokens(self, grant: Grant) -> pb.Tokens:
        token, expires = access_token(
            self._keys.active(), user_id=grant.user.id, family_id=grant.family_id, now=grant.now
        )
        return pb.Tokens(
            access_token=token,
            expires_at=wire(expires),
            refresh_token=grant.refresh_token,
            refresh_expires_at=wire(grant.refresh_expires_at),
            user=user_message(grant.user),
        )


def _granted(outcome: Answer | Failure) -> Answer:
    """What was decided. Raises the failure that was decided: after the commit, not within it."""
    if isinstance(outcome, Failure):
        raise outcome
    return outcome


def _given(message: Any, field: str) -> Any:
    """An optional field's value, or None where it is absent."""
    return getattr(message, field) if message.HasField(field) else None
