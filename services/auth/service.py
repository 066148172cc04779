"""The auth service's calls: messages in, messages out, passwords checked between.

What is locked, decided and saved stands in accounts.py and logins.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import grpc
import structlog

from protos.auth.v1 import auth_pb2 as pb
from protos.auth.v1 import auth_pb2_grpc
from services.auth import accounts, attempts, operators, rules, store
from services.auth.accounts import Change, require_fit
from services.auth.credentials import Credentials
from services.auth.failures import DeviceUnknown, UserUnknown
from services.auth.keys import SigningKeys
from services.auth.logins import (
    Grant,
    Logins,
    end_all,
    ended_since,
    log_out,
    log_out_everywhere,
)
from services.auth.messages import (
    device_message,
    key_message,
    news_message,
    result_message,
    user_message,
)
from services.auth.operators import Standing
from services.auth.recovery import Recovery, queue, use_up_all
from services.auth.search import Search
from services.auth.tokens import access_token
from services.auth.watch import Watch
from services.kit.audit import warrant_of
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

log = structlog.get_logger(__name__)

Context = grpc.ServicerContext
Answer = TypeVar("Answer")


class AuthService(auth_pb2_grpc.AuthServiceServicer):
    """Accounts, logins and the tokens that prove them: see protos/auth/v1/auth.proto."""

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        logins: Logins,
        keys: SigningKeys,
        watch: Watch,
    ) -> None:
        self._database = database
        self._credentials = credentials
        self._recovery = Recovery(database, credentials)
        self._logins = logins
        self._keys = keys
        self._watch = watch

    def Register(self, request: pb.RegisterRequest, _: Context) -> pb.RegisterResponse:
        email, full_name = rules.normal_email(request.email), request.full_name or None
        require_fit(email=email, full_name=full_name)
        hashed = self._credentials.hashed(request.password, email, full_name)

        def work(connection: Connection) -> store.UserRow:
            now = database_now(connection)
            user = accounts.new(email, hashed, now=now, full_name=full_name)
            return accounts.open_account(connection, user)

        user = self._database.transact(work)
        log.info("account_opened", user=user.id)
        return pb.RegisterResponse(user=user_message(user))

    def Login(self, request: pb.LoginRequest, _: Context) -> pb.LoginResponse:
        found = self._credentials.of_login(request.email, request.password, request.address)
        device = rules.device_name(request.device)

        def work(connection: Connection) -> Grant:
            locked = accounts.locked(connection, found.user)
            now = database_now(connection)
            attempts.clear(connection, found.tries)
            user = accounts.restored(connection, locked, now=now)
            if found.renewed:
                store.save_password(connection, user.id, found.renewed)
            return self._logins.opened(connection, user, device=device, now=now)

        grant = self._database.transact(work)
        log.info("logged_in", user=grant.user.id, login=grant.family_id, address=request.address)
        return pb.LoginResponse(tokens=self._tokens(grant))

    def Refresh(self, request: pb.RefreshRequest, _: Context) -> pb.RefreshResponse:
        outcome = self._database.transact(
            lambda connection: self._logins.refreshed(connection, request.refresh_token)
        )
        return pb.RefreshResponse(tokens=self._tokens(_granted(outcome)))

    def Logout(self, request: pb.LogoutRequest, _: Context) -> pb.LogoutResponse:
        self._database.transact(
            lambda connection: log_out(connection, request.user_id, request.family_id)
        )
        log.info("logged_out", user=request.user_id, login=request.family_id)
        return pb.LogoutResponse()

    def LogoutEverywhere(
        self, request: pb.LogoutEverywhereRequest, _: Context
    ) -> pb.LogoutEverywhereResponse:
        self._database.transact(lambda connection: log_out_everywhere(connection, request.user_id))
        log.info("logged_out_everywhere", user=request.user_id)
        return pb.LogoutEverywhereResponse()

    def ListDevices(self, request: pb.ListDevicesRequest, _: Context) -> pb.ListDevicesResponse:
        with self._database.read() as connection:
            now = database_now(connection)
            logins = store.open_logins(connection, request.user_id, now=now)
        return pb.ListDevicesResponse(devices=[device_message(login) for login in logins])

    def EndDevice(self, request: pb.EndDeviceRequest, _: Context) -> pb.EndDeviceResponse:
        if not self._database.transact(
            lambda connection: log_out(connection, request.user_id, request.device_id)
        ):
            raise DeviceUnknown
        log.info("logged_out", user=request.user_id, login=request.device_id)
        return pb.EndDeviceResponse()

    def RequestVerify(
        self, request: pb.RequestVerifyRequest, _: Context
    ) -> pb.RequestVerifyResponse:
        self._recovery.ask(rules.VERIFY, request.email)
        return pb.RequestVerifyResponse()

    def VerifyEmail(self, request: pb.VerifyEmailRequest, _: Context) -> pb.VerifyEmailResponse:
        return pb.VerifyEmailResponse(user=user_message(self._recovery.verify(request.token)))

    def ForgotPassword(
        self, request: pb.ForgotPasswordRequest, _: Context
    ) -> pb.ForgotPasswordResponse:
        self._recovery.ask(rules.RESET, request.email)
        return pb.ForgotPasswordResponse()

    def ResetPassword(
        self, request: pb.ResetPasswordRequest, _: Context
    ) -> pb.ResetPasswordResponse:
        self._recovery.reset(request.token, request.password)
        return pb.ResetPasswordResponse()

    def DeleteUser(self, request: pb.DeleteUserRequest, _: Context) -> pb.DeleteUserResponse:
        user = _granted(self._users([request.user_id])[0])
        self._credentials.confirm(user, request.password, request.address)

        def work(connection: Connection) -> datetime:
            locked = accounts.locked(connection, user)
            now = database_now(connection)
            end_all(connection, locked.id, rules.DELETION, now=now)
            queue(connection, rules.DELETION, locked.email, now=now)
            return accounts.deleted(connection, locked, now=now)

        restorable_until = self._database.transact(work)
        log.info("deletion_asked_for", user=user.id)
        return pb.DeleteUserResponse(restorable_until=wire(restorable_until))

    def BatchGetUsers(
        self, request: pb.BatchGetUsersRequest, _: Context
    ) -> pb.BatchGetUsersResponse:
        found = isolated(self._users, request.user_ids)
        return pb.BatchGetUsersResponse(results=[result_message(user) for user in found])

    def UpdateUser(self, request: pb.UpdateUserRequest, _: Context) -> pb.UpdateUserResponse:
        user = _granted(self._users([request.user_id])[0])
        if request.HasField("email") or request.HasField("password"):
            self._credentials.confirm(user, request.current_password, request.address)
        change = self._change(user, request)

        def work(connection: Connection) -> store.UserRow:
            locked = accounts.locked(connection, user)
            now = database_now(connection)
            if change.hashed_password:
                kept = request.family_id
                end_all(connection, locked.id, rules.PASSWORD, now=now, kept=kept)
                queue(connection, rules.PASSWORD_CHANGED, locked.email, now=now)
            saved = accounts.saved(connection, locked, change, now=now)
            if saved.email != locked.email:
                queue(connection, rules.EMAIL_CHANGED, locked.email, now=now)
                use_up_all(connection, locked.id, now=now)
            return saved

        saved = self._database.transact(work)
        if change.hashed_password:
            log.info("password_changed", user=saved.id)
        if change.email is not None:
            log.info("email_changed", user=saved.id)
        return pb.UpdateUserResponse(user=user_message(saved))

    def SearchUsers(self, request: pb.SearchUsersRequest, _: Context) -> pb.SearchUsersResponse:
        search = Search(request.query, request.before, max(1, min(request.limit, 100)))
        with self._database.read() as connection:
            found = search.page(connection)
        users = [user_message(user) for user in found.users]
        return pb.SearchUsersResponse(users=users, next_before=found.next_before)

    def AdminUpdateUser(
        self, request: pb.AdminUpdateUserRequest, _: Context
    ) -> pb.AdminUpdateUserResponse:
        standing = Standing(
            is_active=_given(request, "is_active"),
            is_verified=_given(request, "is_verified"),
            is_superuser=_given(request, "is_superuser"),
        )
        warrant = warrant_of(request.warrant)
        user = self._database.transact(
            lambda connection: operators.placed(connection, request.user_id, standing, warrant)
        )
        return pb.AdminUpdateUserResponse(user=user_message(user))

    def GetSigningKeys(
        self, request: pb.GetSigningKeysRequest, _: Context
    ) -> pb.GetSigningKeysResponse:
        del request
        keys = [key_message(row) for row in self._keys.published().rows]
        return pb.GetSigningKeysResponse(keys=keys)

    def ListEndedFamilies(
        self, request: pb.ListEndedFamiliesRequest, _: Context
    ) -> pb.ListEndedFamiliesResponse:
        with self._database.read() as connection:
            now = database_now(connection)
            ends = ended_since(connection, _since(request), now=now)
        return pb.ListEndedFamiliesResponse(
            family_ids=[family.id for family in ends.families],
            until=wire(ends.until),
            now=wire(now),
            more=ends.more,
        )

    def WatchLogins(
        self, request: pb.WatchLoginsRequest, context: Context
    ) -> Iterator[pb.WatchLoginsResponse]:
        for news in self._watch.listen(_since(request), context):
            yield news_message(news)

    def _users(self, ids: Sequence[str]) -> list[store.UserRow | Failure]:
        """The account of each id, in order."""
        wanted = [user_id for user_id in set(ids) if is_canonical(user_id)]
        with self._database.read() as connection:
            found = store.read_users(connection, wanted)
        return [found.get(user_id) or UserUnknown() for user_id in ids]

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
        hashed = self._credentials.hashed(request.password, wanted.email, wanted.full_name)
        return replace(change, hashed_password=hashed)

    def _tokens(self, grant: Grant) -> pb.Tokens:
        token, expires = access_token(
            self._keys.signing_at(grant.now),
            user_id=grant.user.id,
            family_id=grant.family_id,
            now=grant.now,
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


def _since(
    request: pb.ListEndedFamiliesRequest | pb.WatchLoginsRequest,
) -> datetime | None:
    return instant(request.since) if request.HasField("since") else None


def _given(message: Any, field: str) -> Any:
    """An optional field's value, or None where it is absent."""
    return getattr(message, field) if message.HasField(field) else None
