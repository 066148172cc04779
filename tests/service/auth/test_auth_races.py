"""Many at the same time, by real threads: the locks and unique keys hold."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import psycopg
import pytest

from services.auth.keys import SigningKeys
from services.auth.passwords import Hasher, argon2id
from services.auth.tokens import SigningKey
from services.kit.database import Database
from services.kit.errors import Failure, Unavailable
from tests.service import peers
from tests.service.auth.conftest import House, OpenHouse
from tests.service.auth.member import PASSWORD, Member, new_email, registration
from tests.service.peers import SECRET

Answer = TypeVar("Answer")


def at_once(*works: Callable[[], Answer]) -> list[Answer]:
    """The answers of all works, begun at the same moment."""
    return peers.at_once(len(works), lambda number: works[number]())


def said(work: Callable[[], Answer]) -> str:
    """The reason of a failure, or "" for an answer."""
    try:
        work()
    except Failure as failure:
        return failure.reason
    return ""


def test_eight_parallel_refreshes_of_one_token_give_the_same_newest_token(house: House) -> None:
    member = Member(house)
    token = member.log_in().refresh_token

    answers = at_once(*[partial(member.refresh, token)] * 8)

    [newest] = {answer.refresh_token for answer in answers}
    assert len(member.families()) == 1
    assert member.refresh(newest).refresh_token not in {token, newest}


def test_parallel_refreshes_leave_one_unused_token(house: House) -> None:
    member = Member(house)
    token = member.log_in().refresh_token
    for _ in range(3):
        token = at_once(*[partial(member.refresh, token)] * 4)[0].refresh_token

    generations = house.rows(
        "SELECT generation, used_at IS NULL FROM refresh_token WHERE family_id = %s"
        " ORDER BY generation",
        member.families()[0],
    )

    assert generations == [(1, False), (2, False), (3, False), (4, True)]


def test_parallel_reuse_ends_the_family_once(house: House) -> None:
    member = Member(house)
    token = member.log_in().refresh_token
    member.refresh(token)
    member.wait(11)

    reasons = at_once(*[partial(said, partial(member.refresh, token))] * 6)

    assert reasons == ["TOKEN_REUSED"] * 6
    assert member.families() == []


def test_a_login_that_ends_while_it_is_refreshed_is_over(house: House) -> None:
    for _ in range(5):
        member = Member(house)
        token = member.log_in().refresh_token
        [family] = member.families()

        at_once(
            partial(said, partial(member.refresh, token)),
            partial(said, partial(member.log_out, family)),
        )

        assert said(partial(member.refresh, token)) == "TOKEN_INVALID"


def test_of_parallel_registrations_of_one_address_one_wins(house: House) -> None:
    email = new_email()
    wishes = [registration(email.upper() if n % 2 else email) for n in range(6)]

    reasons = at_once(*(partial(said, partial(house.auth.Register, wish)) for wish in wishes))

    assert sorted(reasons) == ["", *["EMAIL_TAKEN"] * 5]


def test_of_parallel_moves_to_one_address_one_wins(house: House) -> None:
    members, email = [Member(house) for _ in range(4)], new_email()

    reasons = at_once(
        *(
            partial(said, partial(member.update, email=email, current_password=PASSWORD))
            for member in members
        )
    )

    assert sorted(reasons) == ["", *["EMAIL_TAKEN"] * 3]


def test_parallel_changes_of_different_fields_are_all_kept(house: House) -> None:
    member = Member(house)

    at_once(
        partial(member.update, full_name="Ada"),
        partial(member.update, profile_picture="https://example.com/ada.png"),
        partial(member.update, email=f"new-{member.email}", current_password=PASSWORD),
    )

    user = member.now()
    assert user.full_name == "Ada"
    assert user.profile_picture == "https://example.com/ada.png"
    assert user.email == f"new-{member.email}"


def signing_key(database: Database) -> SigningKey:
    return SigningKeys(database, SECRET).signing_at(datetime.now(UTC))


def test_replicas_that_start_together_make_one_key(
    new_database: Callable[[str], str],
) -> None:
    url = new_database("auth")
    databases = [Database(url, size=1) for _ in range(6)]
    for database in databases:
        database.open()

    keys = at_once(*(partial(signing_key, database) for database in databases))

    for database in databases:
        database.close()
    assert len({key.kid for key in keys}) == 1
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM signing_key").fetchone() == (1,)


class Interrupted(Hasher):
    """Verifies passwords, and lets something happen right after."""

    def __init__(self) -> None:
        self._hasher = argon2id(memory_kib=8, passes=1)
        self.then: Callable[[], object] = lambda: None

    def hash(self, password: str, /) -> str:
        return self._hasher.hash(password)

    def verify_and_update(self, password: str, stored: str, /) -> tuple[bool, str | None]:
        answer = self._hasher.verify_and_update(password, stored)
        self.then()
        return answer


def test_a_password_that_changes_while_it_is_checked_opens_nothing(open_house: OpenHouse) -> None:
    hasher = Interrupted()
    with open_house(hasher=hasher) as house:
        member = Member(house)
        new_hash = hasher.hash("another long password")
        hasher.then = lambda: house.change(
            'UPDATE "user" SET hashed_password = %s WHERE id = %s', new_hash, member.id
        )

        with pytest.raises(Unavailable):
            member.log_in()

        assert member.families() == []


def test_an_account_closed_while_its_password_is_checked_opens_nothing(
    open_house: OpenHouse,
) -> None:
    hasher = Interrupted()
    with open_house(hasher=hasher) as house:
        member = Member(house)
        hasher.then = member.deactivate

        with pytest.raises(Unavailable):
            member.log_in()

        assert member.families() == []
