"""Where a player is logged in, and ending it."""

import pytest

from protos.auth.v1 import auth_pb2 as pb
from services.kit.errors import Refused
from tests.service.auth.conftest import House
from tests.service.auth.member import PASSWORD, Member

NOTHING = "00000000-0000-4000-8000-000000000000"


def devices(house: House, member: Member) -> list[pb.Device]:
    answer = house.auth.ListDevices(pb.ListDevicesRequest(user_id=member.id))
    return list(answer.devices)


def log_in(house: House, member: Member, device: str) -> pb.Tokens:
    request = pb.LoginRequest(email=member.email, password=PASSWORD, device=device)
    tokens: pb.Tokens = house.auth.Login(request).tokens
    return tokens


def end(house: House, member: Member, device_id: str) -> None:
    house.auth.EndDevice(pb.EndDeviceRequest(user_id=member.id, device_id=device_id))


def test_every_login_is_a_device_the_latest_first(house: House) -> None:
    member = Member(house)
    for name in ("phone", "laptop"):
        log_in(house, member, name)

    assert [device.name for device in devices(house, member)] == ["laptop", "phone"]


def test_a_device_is_seen_when_it_gets_tokens(house: House) -> None:
    member = Member(house)
    tokens = log_in(house, member, "phone")
    [before] = devices(house, member)
    member.refresh(tokens.refresh_token)

    [after] = devices(house, member)

    assert after.created_at == before.created_at
    assert after.seen_at.ToDatetime() > before.seen_at.ToDatetime()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("x" * 300, "x" * 200),
        ("a\nb\0c\u202ed", "abcd"),
        ("  ", ""),
        ("", ""),
        ("Füchsin", "Füchsin"),
    ],
)
def test_what_a_client_calls_itself_is_kept_printable_and_short(
    house: House, sent: str, kept: str
) -> None:
    member = Member(house)
    log_in(house, member, sent)

    assert [device.name for device in devices(house, member)] == [kept]


def test_ending_a_device_leaves_the_others(house: House) -> None:
    member = Member(house)
    phone, laptop = log_in(house, member, "phone"), log_in(house, member, "laptop")
    lost = devices(house, member)[1]

    for _ in range(2):
        end(house, member, lost.id)

    assert [device.name for device in devices(house, member)] == ["laptop"]
    with pytest.raises(Refused, match="TOKEN_INVALID"):
        member.refresh(phone.refresh_token)
    assert member.refresh(laptop.refresh_token).user.id == member.id


def test_somebody_elses_device_is_as_unknown_as_one_that_never_was(house: House) -> None:
    member, other = Member(house), Member(house)
    other.log_in()
    [theirs] = other.families()

    for device in (theirs, NOTHING, "no id", ""):
        with pytest.raises(Refused, match="DEVICE_UNKNOWN"):
            end(house, member, device)
    assert other.families() == [theirs]


def test_a_login_whose_tokens_ran_out_is_no_device(house: House) -> None:
    member = Member(house)
    log_in(house, member, "attic")
    house.change(
        "UPDATE refresh_token SET expires_at = clock_timestamp() WHERE family_id = %s",
        member.families()[0],
    )

    assert devices(house, member) == []


def test_logging_out_everywhere_ends_every_login(house: House) -> None:
    member = Member(house)
    for _ in range(3):
        member.log_in()

    for _ in range(2):
        house.auth.LogoutEverywhere(pb.LogoutEverywhereRequest(user_id=member.id))

    assert member.families() == []


def test_a_used_token_that_is_forgotten_still_ends_its_family(house: House) -> None:
    member = Member(house)
    stolen = member.log_in().refresh_token
    member.refresh(stolen)
    house.change("DELETE FROM refresh_token WHERE used_at IS NOT NULL")

    with pytest.raises(Refused, match="TOKEN_REUSED"):
        member.refresh(stolen)
    assert member.families() == []


def test_a_token_newer_than_a_restored_database_ends_nothing(house: House) -> None:
    member = Member(house)
    tokens = member.log_in()
    newest = member.refresh(tokens.refresh_token).refresh_token
    house.change("DELETE FROM refresh_token WHERE used_at IS NULL AND generation = 2")

    with pytest.raises(Refused, match="TOKEN_INVALID"):
        member.refresh(newest)
    assert len(member.families()) == 1
