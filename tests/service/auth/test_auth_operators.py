"""What operators do to accounts: finding them, closing them, and who may operate the town."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from protos.audit.v1 import audit_pb2
from protos.auth.v1 import auth_pb2 as pb
from services.auth.operator_store import Stretch, search
from services.auth.search import Search
from services.kit.database import Database
from services.kit.errors import Refused, Unavailable
from tests.service.auth.conftest import House, OpenHouse
from tests.service.auth.member import PASSWORD, Member, new_email, registration
from tests.service.peers import at_once

ACTOR = str(uuid.uuid4())
WARRANT = audit_pb2.Warrant(actor=ACTOR, reason="ticket 7")
NewDatabase = Callable[[str], str]


@pytest.fixture
def own_house(open_house: OpenHouse, new_database: NewDatabase) -> Iterator[House]:
    """A house whose superusers are one test's own."""
    with open_house(new_database("auth")) as house:
        yield house


def place(house: House, user_id: str, **standing: bool) -> pb.User:
    request = pb.AdminUpdateUserRequest(user_id=user_id, warrant=WARRANT, **standing)
    user: pb.User = house.auth.AdminUpdateUser(request).user
    return user


def said(house: House, user_id: str, **standing: bool) -> str:
    """The reason of a refusal, or "" for none."""
    try:
        place(house, user_id, **standing)
    except Refused as refused:
        return refused.reason
    return ""


def entries(house: House, user_id: str) -> list[tuple[Any, ...]]:
    sql = "SELECT actor, action, target::text, reason, changes FROM audit WHERE user_id = %s ORDER BY id"
    return house.rows(sql, user_id)


def superuser(house: House) -> Member:
    member = Member(house)
    place(house, member.id, is_superuser=True)
    return member


def test_what_is_given_is_changed_and_has_one_entry(house: House) -> None:
    member = Member(house)

    user = place(house, member.id, is_verified=True, is_superuser=True)

    assert (user.is_active, user.is_verified, user.is_superuser) == (True, True, True)
    assert user == member.now()
    assert user.HasField("updated_at")
    changes = {"is_verified": [False, True], "is_superuser": [False, True]}
    assert entries(house, member.id) == [(ACTOR, "user.update", member.id, "ticket 7", changes)]


def test_what_is_so_already_is_left_alone_and_has_no_entry(house: House) -> None:
    member = Member(house)

    place(house, member.id, is_active=True, is_verified=False)
    place(house, member.id)

    assert not member.now().HasField("updated_at")
    assert entries(house, member.id) == []


def test_an_unknown_account_is_told_and_has_no_entry(house: House) -> None:
    nobody = str(uuid.uuid4())

    assert said(house, nobody, is_active=False) == "USER_UNKNOWN"
    assert entries(house, nobody) == []


def test_a_closed_account_is_logged_out_everywhere_and_nobody_else_is(house: House) -> None:
    member, other = Member(house), Member(house)
    tokens = [member.log_in() for _ in range(3)]
    families = member.families()
    other.log_in()
    since = house.auth.ListEndedFamilies(pb.ListEndedFamiliesRequest()).until

    place(house, member.id, is_active=False)

    told = house.auth.ListEndedFamilies(pb.ListEndedFamiliesRequest(since=since)).family_ids
    assert set(families) <= set(told)
    assert member.families() == []
    assert len(other.families()) == 1
    sql = "SELECT DISTINCT end_reason::text FROM refresh_family WHERE user_id = %s"
    assert house.rows(sql, member.id) == [("disabled",)]
    with pytest.raises(Refused, match="BAD_CREDENTIALS"):
        member.log_in()
    for token in tokens:
        with pytest.raises(Refused, match="TOKEN_INVALID"):
            member.refresh(token.refresh_token)


def test_an_account_that_is_opened_again_logs_in_and_its_old_logins_stay_dead(
    house: House,
) -> None:
    member = Member(house)
    token = member.log_in().refresh_token
    place(house, member.id, is_active=False)

    place(house, member.id, is_active=True)

    assert member.log_in().access_token
    with pytest.raises(Refused, match="TOKEN_INVALID"):
        member.refresh(token)
    assert [entry[4] for entry in entries(house, member.id)] == [
        {"is_active": [True, False]},
        {"is_active": [False, True]},
    ]


def test_a_login_that_meets_the_closing_is_over_too(house: House) -> None:
    for _ in range(5):
        member = Member(house)

        at_once(2, partial(log_in_or_close, house, member))

        assert member.families() == []


def log_in_or_close(house: House, member: Member, number: int) -> None:
    if number:
        place(house, member.id, is_active=False)
        return
    # Refused, or asked to try again, when it comes second.
    with suppress(Refused, Unavailable):
        member.log_in()


@pytest.mark.parametrize("standing", [{"is_superuser": False}, {"is_active": False}])
def test_the_last_superuser_stays_one_and_has_no_entry(
    own_house: House, standing: dict[str, bool]
) -> None:
    last = superuser(own_house)
    last.log_in()

    assert said(own_house, last.id, **standing) == "LAST_SUPERUSER"

    assert (last.now().is_active, last.now().is_superuser) == (True, True)
    assert len(last.families()) == 1
    assert len(entries(own_house, last.id)) == 1


def test_who_is_closed_or_about_to_be_erased_does_not_count_as_one_who_is_left(
    own_house: House,
) -> None:
    closed, leaving, last = (superuser(own_house) for _ in range(3))
    place(own_house, closed.id, is_active=False)
    own_house.auth.DeleteUser(pb.DeleteUserRequest(user_id=leaving.id, password=PASSWORD))

    assert said(own_house, last.id, is_superuser=False) == "LAST_SUPERUSER"
    assert said(own_house, closed.id, is_superuser=False) == ""


def test_of_two_superusers_who_demote_each_other_at_once_one_stays(own_house: House) -> None:
    for _ in range(5):
        pair = [superuser(own_house), superuser(own_house)]

        answers = at_once(2, partial(demote, own_house, pair))

        assert sorted(answers) == ["", "LAST_SUPERUSER"]
        left = [member for member in pair if member.now().is_superuser]
        assert len(left) == 1
        demoted = [len(entries(own_house, member.id)) for member in pair]
        assert sorted(demoted) == [1, 2]
        # The next pair shall be alone.
        own_house.change('UPDATE "user" SET is_superuser = false')


def demote(house: House, members: list[Member], number: int) -> str:
    return said(house, members[number].id, is_superuser=False)


def found(house: House, query: str, *, limit: int = 100) -> list[str]:
    """The e-mail addresses that a search finds, over all its pages."""
    emails: list[str] = []
    before = ""
    while True:
        request = pb.SearchUsersRequest(query=query, limit=limit, before=before)
        page = house.auth.SearchUsers(request)
        assert len(page.users) <= limit
        emails += [user.email for user in page.users]
        before = page.next_before
        if not before:
            return emails


def test_an_account_is_found_by_parts_of_its_address_and_name_in_any_case(house: House) -> None:
    mark = uuid.uuid4().hex
    email = f"Straße.{mark}@example.com"
    house.auth.Register(registration(email, full_name=f"Ada Lovelace {mark[:8].upper()}"))
    Member(house)

    for query in (mark, mark.upper(), f"STRASSE.{mark}", f"lovelace {mark[:8]}", f"{mark}@EXAMPLE"):
        assert found(house, query) == [email]


def test_an_account_is_found_by_its_whole_id(house: House) -> None:
    member = Member(house)

    assert found(house, member.id) == [member.email]
    assert found(house, str(uuid.uuid4())) == []


@pytest.mark.parametrize("query", ["%", "_", "\\", "%%", "a%b", "'; --", "(.*)"])
def test_every_character_of_a_search_means_itself(house: House, query: str) -> None:
    member = Member(house)
    member.update(full_name="Plain Name")
    marked = Member(house)
    marked.update(full_name=f"x{query}y")

    emails = found(house, query)

    assert marked.email in emails
    assert member.email not in emails


def test_without_a_query_everybody_is_found_page_by_page_the_newest_first(
    own_house: House,
) -> None:
    members = [Member(own_house).email for _ in range(7)]

    assert found(own_house, "", limit=3) == members[::-1]
    assert found(own_house, "", limit=7) == members[::-1]


def test_a_search_that_runs_out_of_time_goes_on_with_its_next_page(own_house: House) -> None:
    members = [Member(own_house) for _ in range(7)]
    database = Database(own_house.url, size=1)
    database.open()
    assert any(database.is_ready() for _ in range(5))
    pages, before = [], ""
    clock = iter(range(0, 1000, 2))

    with database.read() as connection:
        while True:
            wish = Search(members[0].email, before, limit=2)
            page = wish.page(connection, stretch=3, clock=lambda: float(next(clock)))
            pages.append([user.email for user in page.users])
            before = page.next_before
            if not before:
                break
    database.close()

    assert pages == [[], [], [members[0].email]]


def test_a_stretch_ends_where_it_should(own_house: House) -> None:
    ids = [Member(own_house).id for _ in range(4)]
    database = Database(own_house.url, size=1)
    database.open()
    assert any(database.is_ready() for _ in range(5))

    with database.read() as connection:
        rows = search(connection, Stretch(ids[3], ids[1], "", "", 10))
    database.close()

    assert [row.id for row in rows] == [ids[2], ids[1]]


def test_no_entry_holds_an_address_a_name_or_a_password(house: House) -> None:
    email = new_email()
    user = house.auth.Register(registration(email, full_name="Ada Lovelace")).user
    place(house, user.id, is_verified=True)

    ((row,),) = house.rows("SELECT audit::text FROM audit WHERE user_id = %s", user.id)

    assert email not in row
    assert "Ada" not in row
    assert "argon2" not in row
