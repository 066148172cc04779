"""What tells of an attack is logged: what, who, from where; never an address of mail or a secret."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from protos.auth.v1 import auth_pb2 as pb
from protos.auth.v1 import auth_pb2_grpc
from services.kit.errors import Refused
from tests.service.auth.conftest import House, OpenHouse
from tests.service.auth.member import PASSWORD, Member, new_email
from tests.service.auth.post import office
from tests.service.peers import peer

HOME = "192.0.2.7"
NEW = "another fine long password"

Events = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def house(new_database: Callable[[str], str], open_house: OpenHouse) -> Iterator[House]:
    """A house whose queue no other postman empties."""
    with open_house(new_database("auth")) as opened:
        yield opened


@pytest.fixture
def events() -> Iterator[Events]:
    """The events of one name that were logged so far."""
    with capture_logs() as logs:
        yield lambda name: [dict(line) for line in logs if line["event"] == name]


def log_in(house: House, email: str, password: str = PASSWORD) -> None:
    house.auth.Login(pb.LoginRequest(email=email, password=password, address=HOME))


def test_a_login_tells_who_and_from_where(house: House, events: Events) -> None:
    member = Member(house)

    log_in(house, member.email)

    [event] = events("logged_in")
    assert (event["user"], event["address"]) == (member.id, HOME)
    assert [event["login"]] == member.families()


def test_a_refused_login_tells_whose_it_would_have_been(house: House, events: Events) -> None:
    member = Member(house)

    for email in (member.email, new_email()):
        with suppress(Refused):
            log_in(house, email, "wrong password")

    assert [(event["user"], event["address"]) for event in events("login_refused")] == [
        (member.id, HOME),
        (None, HOME),
    ]


def test_guesses_that_are_not_looked_at_are_told(house: House, events: Events) -> None:
    email = new_email()

    for _ in range(12):
        with suppress(Refused):
            log_in(house, email, "wrong password")

    assert [event["address"] for event in events("tries_used_up")] == [HOME, HOME]


def test_a_current_password_that_is_wrong_is_told(house: House, events: Events) -> None:
    member = Member(house)

    with suppress(Refused):
        member.update(email=new_email(), current_password="wrong", address=HOME)

    [event] = events("password_not_confirmed")
    assert (event["user"], event["address"]) == (member.id, HOME)


def test_a_refresh_token_in_two_hands_is_told(house: House, events: Events) -> None:
    member = Member(house)
    tokens = member.log_in()
    member.refresh(tokens.refresh_token)
    [family] = member.families()
    member.wait(11)

    with suppress(Refused):
        member.refresh(tokens.refresh_token)

    assert [event["login"] for event in events("refresh_token_reused")] == [family]


def test_a_service_that_calls_what_it_may_not_is_told(house: House, events: Events) -> None:
    stranger = peer("auth", house.target, auth_pb2_grpc.AuthServiceStub, caller="world")

    with pytest.raises(Refused, match="PERMISSION_DENIED"):
        stranger.Logout(pb.LogoutRequest())

    [event] = events("caller_refused")
    assert event["method"] == "/protos.auth.v1.AuthService/Logout"


def test_what_changes_who_gets_in_is_told_by_the_id_alone(house: House, events: Events) -> None:
    member = Member(house)
    member.log_in()
    address = new_email()
    member.log_out(*member.families())
    member.update(email=address, password=NEW, current_password=PASSWORD)
    house.auth.ForgotPassword(pb.ForgotPasswordRequest(email=address))
    with office(house.url) as post:
        token = post.token(address)
    house.auth.ResetPassword(pb.ResetPasswordRequest(token=token, password=PASSWORD))
    house.auth.LogoutEverywhere(pb.LogoutEverywhereRequest(user_id=member.id))
    house.auth.DeleteUser(pb.DeleteUserRequest(user_id=member.id, password=PASSWORD))

    for name in (
        "account_opened",
        "logged_out",
        "email_changed",
        "password_changed",
        "password_reset",
        "logged_out_everywhere",
        "deletion_asked_for",
    ):
        [event] = events(name)
        assert event["user"] == member.id
        assert not {member.email, address, PASSWORD, NEW, token} & set(map(str, event.values()))
