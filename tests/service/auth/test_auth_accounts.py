"""Opening, reading and changing an account, on real PostgreSQL."""

import uuid

import pytest

from protos.auth.v1 import auth_pb2 as pb
from protos.auth.v1 import auth_pb2_grpc
from services.kit.errors import Refused
from services.kit.times import instant
from tests.service.auth.conftest import House
from tests.service.auth.member import PASSWORD, Member, new_email, registration
from tests.service.peers import peer

NEW_PASSWORD = "another long password"
NOBODY = "00000000-0000-4000-8000-000000000000"


def test_a_new_account_is_active_unverified_and_ordinary(house: House) -> None:
    email = new_email()

    user = house.auth.Register(registration(email, full_name="Ada")).user

    assert (user.email, user.full_name) == (email, "Ada")
    assert (user.is_active, user.is_verified, user.is_superuser) == (True, False, False)
    assert not user.HasField("updated_at")
    assert not user.HasField("profile_picture")


def test_what_is_stored_of_a_password_is_its_argon2id_hash(house: House) -> None:
    member = Member(house)

    [(stored,)] = house.rows('SELECT hashed_password FROM "user" WHERE id = %s', member.id)

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_an_address_is_taken_in_every_way_to_write_it(house: House) -> None:
    member = Member(house)

    with pytest.raises(Refused, match="EMAIL_TAKEN"):
        house.auth.Register(registration(member.email.upper()))


def test_an_address_is_stored_in_normal_form(house: House) -> None:
    unique = uuid.uuid4()

    user = house.auth.Register(registration(f"jose\u0301-{unique}@example.com")).user

    assert user.email == f"jos\u00e9-{unique}@example.com"


def test_a_weak_password_is_refused_with_a_sentence(house: House) -> None:
    with pytest.raises(Refused, match="PASSWORD_TOO_WEAK") as refused:
        house.auth.Register(registration(new_email(), "password1"))

    assert refused.value.metadata["detail"].startswith("This password is among")


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "no address"), ("email", "\0@example.com"), ("full_name", "x" * 201)],
)
def test_what_cannot_be_stored_is_named(house: House, field: str, value: str) -> None:
    request = registration(new_email())
    setattr(request, field, value)

    with pytest.raises(Refused, match="FIELD_INVALID") as refused:
        house.auth.Register(request)

    assert refused.value.metadata == {"field": field}


def test_users_are_read_in_the_order_asked_also_twice(house: House) -> None:
    one, two = Member(house), Member(house)
    request = pb.BatchGetUsersRequest(user_ids=[two.id, one.id, two.id])

    results = house.auth.BatchGetUsers(request).results

    assert [result.user.email for result in results] == [two.email, one.email, two.email]


@pytest.mark.parametrize("unknown", [NOBODY, "no id", "\0", ""])
def test_an_unknown_user_fails_alone(house: House, unknown: str) -> None:
    member = Member(house)

    results = house.auth.BatchGetUsers(
        pb.BatchGetUsersRequest(user_ids=[unknown, member.id])
    ).results

    assert results[0].failure.reason == "USER_UNKNOWN"
    assert results[1].user.id == member.id


def test_a_name_and_a_picture_are_set_and_taken_away(house: House) -> None:
    member = Member(house)

    given = member.update(full_name="Ada", profile_picture="https://example.com/ada.png")
    taken = member.update(full_name="", profile_picture="")

    assert (given.full_name, given.profile_picture) == ("Ada", "https://example.com/ada.png")
    assert not taken.HasField("full_name")
    assert not taken.HasField("profile_picture")


def test_what_is_not_given_stays(house: House) -> None:
    member = Member(house)
    member.update(full_name="Ada")

    member.update(profile_picture="https://example.com/ada.png")

    assert member.now().full_name == "Ada"


def test_a_change_tells_when_it_was_and_repeating_it_changes_nothing(house: House) -> None:
    member = Member(house)

    first = member.update(full_name="Ada")
    again = member.update(full_name="Ada")

    assert instant(first.updated_at) > instant(first.created_at)
    assert again == first


def test_a_picture_that_is_too_large_is_refused(house: House) -> None:
    with pytest.raises(Refused, match="FIELD_INVALID"):
        Member(house).update(profile_picture="x" * 60_001)


def test_an_unknown_user_cannot_be_changed(house: House) -> None:
    with pytest.raises(Refused, match="USER_UNKNOWN"):
        house.auth.UpdateUser(pb.UpdateUserRequest(user_id=NOBODY, full_name="Ada"))


@pytest.mark.parametrize("current", [{}, {"current_password": "not this one"}])
@pytest.mark.parametrize("wish", [{"email": "ada@example.com"}, {"password": NEW_PASSWORD}])
def test_address_and_password_need_the_current_password(
    house: House, wish: dict[str, str], current: dict[str, str]
) -> None:
    member = Member(house)

    with pytest.raises(Refused, match="WRONG_PASSWORD"):
        member.update(**wish, **current)

    assert member.now() == member.user


def test_a_new_address_starts_unverified_and_logs_in(house: House) -> None:
    member = Member(house)
    house.change('UPDATE "user" SET is_verified = true WHERE id = %s', member.id)

    member.email = new_email()
    changed = member.update(email=member.email, current_password=PASSWORD)

    assert not changed.is_verified
    assert member.log_in().user.email == member.email


def test_the_same_address_again_stays_verified(house: House) -> None:
    member = Member(house)
    house.change('UPDATE "user" SET is_verified = true WHERE id = %s', member.id)

    assert member.update(email=member.email, current_password=PASSWORD).is_verified


def test_somebody_elses_address_cannot_be_taken(house: House) -> None:
    one, two = Member(house), Member(house)

    with pytest.raises(Refused, match="EMAIL_TAKEN"):
        one.update(email=two.email.upper(), current_password=PASSWORD)

    assert one.now() == one.user


def test_a_new_password_replaces_the_old_one(house: House) -> None:
    member = Member(house)

    member.update(password=NEW_PASSWORD, current_password=PASSWORD)

    assert member.log_in(NEW_PASSWORD).user.id == member.id
    with pytest.raises(Refused, match="BAD_CREDENTIALS"):
        member.log_in(PASSWORD)


def test_a_new_password_ends_every_login_but_the_one_that_set_it(house: House) -> None:
    member = Member(house)
    other, own = member.log_in(), member.log_in()
    kept = member.families()[1]

    member.update(password=NEW_PASSWORD, current_password=PASSWORD, family_id=kept)

    assert member.families() == [kept]
    assert member.refresh(own.refresh_token)
    with pytest.raises(Refused, match="TOKEN_INVALID"):
        member.refresh(other.refresh_token)


def test_a_new_password_is_held_against_the_new_name(house: House) -> None:
    member = Member(house)

    with pytest.raises(Refused, match="PASSWORD_TOO_WEAK"):
        member.update(full_name="Ada Lovelace", password="ada-lovelace", current_password=PASSWORD)

    assert not member.now().HasField("full_name")


@pytest.mark.parametrize("caller", ["session", "inventory", "world", "auth"])
def test_only_the_gateway_may_call(house: House, caller: str) -> None:
    stranger = peer("auth", house.target, auth_pb2_grpc.AuthServiceStub, caller=caller)

    with pytest.raises(Refused, match="PERMISSION_DENIED"):
        stranger.GetSigningKeys(pb.GetSigningKeysRequest())
