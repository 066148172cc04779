"""A player of the tests, who has an account and goes through the door."""

import uuid
from typing import Any

from protos.auth.v1 import auth_pb2 as pb
from tests.service.auth.conftest import House

PASSWORD = "a fine long password"


class Member:
    """Someone with an account of their own."""

    def __init__(self, house: House, email: str = "") -> None:
        self._house = house
        self.email = email or new_email()
        self.user = house.auth.Register(registration(self.email)).user
        self.id: str = self.user.id

    def log_in(self, password: str = PASSWORD) -> pb.Tokens:
        """Opens a family."""
        request = pb.LoginRequest(email=self.email, password=password)
        tokens: pb.Tokens = self._house.auth.Login(request).tokens
        return tokens

    def refresh(self, token: str) -> pb.Tokens:
        """Uses a refresh token up."""
        request = pb.RefreshRequest(refresh_token=token)
        tokens: pb.Tokens = self._house.auth.Refresh(request).tokens
        return tokens

    def log_out(self, family_id: str) -> None:
        """Ends a family."""
        self._house.auth.Logout(pb.LogoutRequest(user_id=self.id, family_id=family_id))

    def update(self, **fields: Any) -> pb.User:
        """Changes the account."""
        request = pb.UpdateUserRequest(user_id=self.id, **fields)
        user: pb.User = self._house.auth.UpdateUser(request).user
        return user

    def now(self) -> pb.User:
        """The account as it is."""
        request = pb.BatchGetUsersRequest(user_ids=[self.id])
        user: pb.User = self._house.auth.BatchGetUsers(request).results[0].user
        return user

    def families(self) -> list[str]:
        """The families that have not ended, oldest first."""
        sql = "SELECT id FROM refresh_family WHERE user_id = %s AND ended_at IS NULL ORDER BY id"
        return [str(row[0]) for row in self._house.rows(sql, self.id)]

    def wait(self, seconds: int) -> None:
        """Lets time pass over what the member's tokens were used for."""
        self._house.change(
            "UPDATE refresh_token SET used_at = used_at - make_interval(secs => %s)"
            " WHERE family_id IN (SELECT id FROM refresh_family WHERE user_id = %s)",
            seconds,
            self.id,
        )

    def deactivate(self) -> None:
        """Closes the account as an operator would."""
        self._house.change('UPDATE "user" SET is_active = false WHERE id = %s', self.id)


def new_email() -> str:
    """An address that nobody has."""
    return f"{uuid.uuid4()}@example.com"


def registration(email: str, password: str = PASSWORD, **more: str) -> pb.RegisterRequest:
    """A wish for an account."""
    return pb.RegisterRequest(email=email, password=password, **more)
