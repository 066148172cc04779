"""Leaving: a week to come back, then nothing is left anywhere but a receipt."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from protos.auth.v1 import auth_pb2 as pb
from services.auth.erasures import Erasures
from services.kit.database import Database
from services.kit.errors import Refused, Unavailable
from services.kit.times import instant
from tests.service.auth.conftest import House, OpenHouse
from tests.service.auth.member import PASSWORD, Member, registration

# Of one account in auth's tables.
LEFT = (
    'SELECT (SELECT count(*) FROM "user" WHERE id = %(id)s)'
    " + (SELECT count(*) FROM refresh_family WHERE user_id = %(id)s)"
    " + (SELECT count(*) FROM mail_token WHERE user_id = %(id)s)"
    " + (SELECT count(*) FROM mail WHERE email = %(email)s)"
)


@dataclass
class Elsewhere:
    """Another service: how many rows it has of each player."""

    rows: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_away: bool = False

    def erase(self, user_id: str) -> int:
        if self.is_away:
            raise Unavailable
        self.asked.append(user_id)
        return self.rows.pop(user_id, 0)


@dataclass(frozen=True)
class Leaving:
    """A house of its own, and the services beside it."""

    house: House
    erasures: Erasures
    session: Elsewhere
    world: Elsewhere

    def sweep(self) -> None:
        """What auth does about every second."""
        self.erasures.begin_due()
        self.erasures.erase_due()

    def half_a_minute_later(self) -> None:
        self.house.change("UPDATE erasure SET ask_at = ask_at - interval '30 seconds'")
        self.sweep()

    def a_week_later(self) -> None:
        self.house.change("UPDATE \"user\" SET deletes_at = deletes_at - interval '7 days'")

    def receipt(self, member: Member) -> tuple[bool, int]:
        """Whether the account is erased, and how many rows that were."""
        sql = "SELECT erased_at IS NOT NULL, rows FROM erasure WHERE user_id = %s"
        [(is_erased, rows)] = self.house.rows(sql, member.id)
        return is_erased, rows

    def left(self, member: Member) -> int:
        sql = LEFT.replace("%(id)s", f"'{member.id}'").replace("%(email)s", f"'{member.email}'")
        return int(self.house.rows(sql)[0][0])


def delete(house: House, member: Member, password: str = PASSWORD) -> pb.DeleteUserResponse:
    request = pb.DeleteUserRequest(user_id=member.id, password=password)
    answer: pb.DeleteUserResponse = house.auth.DeleteUser(request)
    return answer


@pytest.fixture
def leaving(new_database: Callable[[str], str], open_house: OpenHouse) -> Iterator[Leaving]:
    with open_house(new_database("auth")) as house:
        database = Database(house.url)
        database.open()
        session, world = Elsewhere(), Elsewhere()
        yield Leaving(house, Erasures(database, [session, world]), session, world)
        database.close()


def test_who_leaves_is_logged_out_everywhere_and_has_seven_days(house: House) -> None:
    member = Member(house)
    member.log_in()
    before = instant(house.auth.ListEndedFamilies(pb.ListEndedFamiliesRequest()).now)

    restorable = instant(delete(house, member).restorable_until)

    assert member.families() == []
    assert timedelta(0) <= restorable - before - timedelta(days=7) < timedelta(minutes=1)


def test_only_the_password_deletes(house: House) -> None:
    member = Member(house)
    member.log_in()

    with pytest.raises(Refused, match="WRONG_PASSWORD"):
        delete(house, member, "not this")

    assert len(member.families()) == 1


def test_a_login_restores_the_account_but_not_the_old_logins(leaving: Leaving) -> None:
    member = Member(leaving.house)
    old = member.log_in()
    delete(leaving.house, member)

    tokens = member.log_in()
    leaving.a_week_later()
    leaving.sweep()

    assert member.refresh(tokens.refresh_token).user.id == member.id
    with pytest.raises(Refused, match="TOKEN_INVALID"):
        member.refresh(old.refresh_token)


def test_after_a_week_nobody_gets_in(leaving: Leaving) -> None:
    member = Member(leaving.house)
    delete(leaving.house, member)
    leaving.a_week_later()

    with pytest.raises(Refused, match="BAD_CREDENTIALS"):
        member.log_in()


def test_before_the_week_is_over_nothing_is_erased(leaving: Leaving) -> None:
    member = Member(leaving.house)
    leaving.session.rows[member.id] = 7
    delete(leaving.house, member)

    leaving.sweep()

    assert leaving.session.asked == []
    assert leaving.left(member) > 0


def test_then_nothing_is_left_but_a_receipt(leaving: Leaving) -> None:
    member = Member(leaving.house)
    member.log_in()
    leaving.session.rows[member.id], leaving.world.rows[member.id] = 7, 2
    delete(leaving.house, member)
    leaving.a_week_later()

    leaving.sweep()
    leaving.half_a_minute_later()

    # Beside those nine: the account, its login with a token, and the letter that told of it.
    assert leaving.receipt(member) == (True, 9 + 4)
    assert leaving.left(member) == 0


def test_it_takes_a_round_that_finds_nothing(leaving: Leaving) -> None:
    member = Member(leaving.house)
    delete(leaving.house, member)
    leaving.a_week_later()
    leaving.world.rows[member.id] = 2
    leaving.sweep()
    # What was under way when it was asked first.
    leaving.world.rows[member.id] = 1
    leaving.half_a_minute_later()

    assert leaving.receipt(member) == (False, 3)
    leaving.half_a_minute_later()

    assert leaving.receipt(member)[0]


def test_a_service_that_is_away_is_asked_again(leaving: Leaving) -> None:
    member = Member(leaving.house)
    delete(leaving.house, member)
    leaving.a_week_later()
    leaving.world.is_away = True
    leaving.sweep()
    assert leaving.receipt(member) == (False, 0)

    leaving.world.is_away = False
    leaving.half_a_minute_later()

    assert leaving.receipt(member)[0]


def test_a_service_restored_from_a_backup_forgets_again(leaving: Leaving) -> None:
    member = Member(leaving.house)
    delete(leaving.house, member)
    leaving.a_week_later()
    leaving.sweep()
    assert leaving.receipt(member)[0]
    leaving.session.rows[member.id] = 7

    leaving.house.change("UPDATE erasure SET ask_at = ask_at - interval '1 day'")
    leaving.sweep()

    assert member.id not in leaving.session.rows


def test_two_replicas_erase_an_account_once(leaving: Leaving) -> None:
    member = Member(leaving.house)
    delete(leaving.house, member)
    leaving.a_week_later()
    leaving.erasures.begin_due()
    leaving.erasures.begin_due()

    leaving.erasures.erase_due()
    leaving.erasures.erase_due()

    assert leaving.session.asked == [member.id]


def test_the_address_is_free_again_only_when_the_account_is_gone(leaving: Leaving) -> None:
    member = Member(leaving.house)
    delete(leaving.house, member)
    with pytest.raises(Refused, match="EMAIL_TAKEN"):
        leaving.house.auth.Register(registration(member.email))
    leaving.a_week_later()
    leaving.sweep()

    assert leaving.house.auth.Register(registration(member.email)).user.id != member.id
