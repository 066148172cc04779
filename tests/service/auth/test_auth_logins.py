"""Logging in and out, and refresh tokens from the first to the last."""

import base64
import hashlib
from datetime import timedelta

import jwt
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from protos.auth.v1 import auth_pb2 as pb
from services.kit.errors import Refused
from services.kit.times import instant
from tests.service.auth.conftest import House
from tests.service.auth.member import PASSWORD, Member, new_email

NOTHING = "00000000-0000-4000-8000-000000000000"


def claims(tokens: pb.Tokens) -> dict[str, str]:
    decoded: dict[str, str] = jwt.decode(tokens.access_token, options={"verify_signature": False})
    return decoded


def ended(house: House, since: Timestamp | None = None) -> pb.ListEndedFamiliesResponse:
    answer: pb.ListEndedFamiliesResponse = house.auth.ListEndedFamilies(
        pb.ListEndedFamiliesRequest(since=since)
    )
    return answer


def test_a_login_names_the_player_and_the_family(house: House) -> None:
    member = Member(house)

    tokens = member.log_in()

    assert claims(tokens)["sub"] == tokens.user.id == member.id
    assert [claims(tokens)["sid"]] == member.families()


def test_access_lasts_a_quarter_of_an_hour_and_refreshing_thirty_days(house: House) -> None:
    member = Member(house)
    tokens = member.log_in()
    [(opened,)] = house.rows("SELECT created_at FROM refresh_family WHERE user_id = %s", member.id)

    assert instant(tokens.expires_at) == opened.replace(microsecond=0) + timedelta(minutes=15)
    assert instant(tokens.refresh_expires_at) == opened + timedelta(days=30)


def test_refreshing_goes_on_for_180_days_at_most(house: House) -> None:
    member = Member(house)
    tokens = member.log_in()
    house.change(
        "UPDATE refresh_family SET created_at = created_at - interval '170 days'"
        " WHERE user_id = %s",
        member.id,
    )
    [(opened,)] = house.rows("SELECT created_at FROM refresh_family WHERE user_id = %s", member.id)

    tokens = member.refresh(tokens.refresh_token)

    assert instant(tokens.refresh_expires_at) == opened + timedelta(days=180)


def test_the_address_may_be_typed_in_any_case(house: House) -> None:
    member = Member(house)
    member.email = member.email.upper()

    assert member.log_in().user.id == member.id


def test_unknown_wrong_and_inactive_look_the_same(house: House) -> None:
    unknown, wrong, inactive = Member(house), Member(house), Member(house)
    unknown.email = new_email()
    inactive.deactivate()
    answers = []

    for member, password in ((unknown, PASSWORD), (wrong, "not this"), (inactive, PASSWORD)):
        with pytest.raises(Refused) as refused:
            member.log_in(password)
        answers.append((refused.value.reason, refused.value.metadata))

    assert answers == [("BAD_CREDENTIALS", {})] * 3


@pytest.mark.parametrize("email", ["", "no address", "\0@example.com", "x" * 10_000])
def test_what_cannot_be_an_address_is_just_unknown(house: House, email: str) -> None:
    with pytest.raises(Refused, match="BAD_CREDENTIALS"):
        house.auth.Login(pb.LoginRequest(email=email, password=PASSWORD))


def test_only_the_hash_of_a_refresh_token_is_stored(house: House) -> None:
    member = Member(house)
    token = member.log_in().refresh_token

    [(stored,)] = house.rows(
        "SELECT token_hash FROM refresh_token WHERE family_id = %s", member.families()[0]
    )

    assert stored == hashlib.sha256(token.encode()).digest()


def test_a_refresh_gives_new_tokens_of_the_same_family(house: House) -> None:
    member = Member(house)
    first = member.log_in()

    second = member.refresh(first.refresh_token)

    assert second.refresh_token != first.refresh_token
    assert claims(second)["sid"] == claims(first)["sid"]
    assert second.user == first.user


def test_a_refresh_repeated_within_the_grace_gives_the_newest_token(house: House) -> None:
    member = Member(house)
    first = member.log_in().refresh_token
    second = member.refresh(first).refresh_token
    third = member.refresh(second).refresh_token

    again = member.refresh(first)

    assert again.refresh_token == third
    assert member.refresh(third).refresh_token not in {first, second, third}


def test_a_repeated_refresh_tells_the_expiry_of_the_token_it_repeats(house: House) -> None:
    member = Member(house)
    first = member.log_in().refresh_token
    second = member.refresh(first)

    assert member.refresh(first).refresh_expires_at == second.refresh_expires_at


def test_reuse_after_the_grace_ends_the_whole_family(house: House) -> None:
    member = Member(house)
    first = member.log_in().refresh_token
    newest = member.refresh(first).refresh_token
    member.wait(11)

    for token in (first, newest, first):
        with pytest.raises(Refused, match="TOKEN_REUSED"):
            member.refresh(token)

    assert member.families() == []


def test_reuse_leaves_the_other_logins_alone(house: House) -> None:
    member = Member(house)
    stolen, other = member.log_in().refresh_token, member.log_in().refresh_token
    member.refresh(stolen)
    member.wait(11)
    with pytest.raises(Refused, match="TOKEN_REUSED"):
        member.refresh(stolen)

    assert member.refresh(other)


def test_an_expired_token_is_invalid_and_ends_nothing(house: House) -> None:
    member = Member(house)
    token = member.log_in().refresh_token
    [family] = member.families()
    house.change(
        "UPDATE refresh_token SET expires_at = clock_timestamp() WHERE family_id = %s", family
    )

    with pytest.raises(Refused, match="TOKEN_INVALID"):
        member.refresh(token)

    assert member.families() == [family]


@pytest.mark.parametrize("token", ["", "made up", "\0", "x" * 10_000])
def test_a_token_that_never_was_is_invalid(house: House, token: str) -> None:
    with pytest.raises(Refused, match="TOKEN_INVALID"):
        house.auth.Refresh(pb.RefreshRequest(refresh_token=token))


def test_a_refresh_token_with_one_changed_bit_is_invalid(house: House) -> None:
    member = Member(house)
    raw = bytearray(base64.urlsafe_b64decode(member.log_in().refresh_token + "="))
    raw[-1] ^= 1
    forged = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    with pytest.raises(Refused, match="TOKEN_INVALID"):
        member.refresh(forged)


def test_an_inactive_account_refreshes_nothing(house: House) -> None:
    member = Member(house)
    token = member.log_in().refresh_token
    member.deactivate()

    with pytest.raises(Refused, match="TOKEN_INVALID"):
        member.refresh(token)


def test_after_logging_out_the_refresh_token_is_invalid(house: House) -> None:
    member = Member(house)
    first = member.log_in().refresh_token
    newest = member.refresh(first).refresh_token

    member.log_out(member.families()[0])

    for token in (first, newest):
        with pytest.raises(Refused, match="TOKEN_INVALID"):
            member.refresh(token)


def test_logging_out_twice_keeps_the_first_end(house: House) -> None:
    member = Member(house)
    member.log_in()
    [family] = member.families()
    sql = "SELECT ended_at, end_reason FROM refresh_family WHERE id = %s"
    member.log_out(family)
    first = house.rows(sql, family)

    member.log_out(family)

    assert house.rows(sql, family) == first
    assert first[0][1] == "logout"


def test_logging_out_ends_no_other_login(house: House) -> None:
    member = Member(house)
    member.log_in()
    member.log_in()
    one, other = member.families()

    member.log_out(one)

    assert member.families() == [other]


def test_nobody_can_log_somebody_else_out(house: House) -> None:
    member, stranger = Member(house), Member(house)
    member.log_in()
    [family] = member.families()

    stranger.log_out(family)

    assert member.families() == [family]


@pytest.mark.parametrize("family", ["", "no id", NOTHING])
def test_ending_a_login_that_never_was_is_no_failure(house: House, family: str) -> None:
    Member(house).log_out(family)


def test_logins_that_end_are_told_whatever_ended_them(house: House) -> None:
    member = Member(house)
    reused = member.log_in().refresh_token
    member.refresh(reused)
    member.wait(11)
    member.log_in()
    member.log_in()
    families = member.families()
    with pytest.raises(Refused):
        member.refresh(reused)
    member.log_out(families[1])
    member.update(password="another long password", current_password=PASSWORD)

    assert set(families) <= set(ended(house).family_ids)


def test_what_ends_after_a_look_is_told_at_the_next(house: House) -> None:
    member = Member(house)
    member.log_in()
    [family] = member.families()
    before = ended(house)

    member.log_out(family)

    assert family not in before.family_ids
    assert family in ended(house, before.until).family_ids


def test_looks_overlap_by_five_seconds(house: House) -> None:
    [(now,)] = house.rows("SELECT clock_timestamp()")

    until = instant(ended(house).until)

    assert timedelta(seconds=-5) <= until - now < timedelta(seconds=-4)


def test_an_end_older_than_the_time_asked_from_is_not_told(house: House) -> None:
    member = Member(house)
    member.log_in()
    [family] = member.families()
    member.log_out(family)
    [(later,)] = house.rows(
        "SELECT ended_at + interval '1 microsecond' FROM refresh_family WHERE id = %s", family
    )
    since = Timestamp()
    since.FromDatetime(later)

    assert family not in ended(house, since).family_ids


@pytest.mark.parametrize("since", [None, Timestamp()])
def test_ends_whose_access_tokens_have_expired_are_not_told(
    house: House, since: Timestamp | None
) -> None:
    member = Member(house)
    member.log_in()
    [family] = member.families()
    member.log_out(family)
    house.change(
        "UPDATE refresh_family SET ended_at = ended_at - interval '16 minutes' WHERE id = %s",
        family,
    )

    assert family not in ended(house, since).family_ids
