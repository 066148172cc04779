"""What no longer matters is forgotten, and nothing else."""

from collections.abc import Callable, Iterator

import pytest

from protos.auth.v1 import auth_pb2 as pb
from services.auth.purge import Purge
from services.kit.database import Database
from services.kit.errors import Refused
from tests.service.auth.conftest import House, OpenHouse
from tests.service.auth.member import Member
from tests.service.auth.post import office


@pytest.fixture
def own(new_database: Callable[[str], str], open_house: OpenHouse) -> Iterator[House]:
    """A house whose rows are one test's own."""
    with open_house(new_database("auth")) as house:
        yield house


def purge(house: House) -> None:
    database = Database(house.url)
    database.open()
    while Purge(database).purge_due():
        pass
    database.close()


def test_used_tokens_are_forgotten_after_a_day_and_others_never(own: House) -> None:
    member = Member(own)
    for _ in range(3):
        newest = member.refresh(member.log_in().refresh_token)
    generations = "SELECT generation, count(*) FROM refresh_token GROUP BY 1 ORDER BY 1"

    purge(own)
    assert own.rows(generations) == [(1, 3), (2, 3)]
    own.change("UPDATE refresh_token SET used_at = used_at - interval '1 day'")
    purge(own)

    assert own.rows(generations) == [(2, 3)]
    assert member.refresh(newest.refresh_token).user.id == member.id


def test_tokens_of_letters_are_forgotten_when_they_have_expired(own: House) -> None:
    member = Member(own)
    own.auth.ForgotPassword(pb.ForgotPasswordRequest(email=member.email))
    with office(own.url) as post:
        assert len(post.letters(member.email)) == 1

    purge(own)
    assert own.rows("SELECT count(*) FROM mail_token") == [(1,)]
    own.change("UPDATE mail_token SET expires_at = expires_at - interval '1 hour'")
    purge(own)

    assert own.rows("SELECT count(*) FROM mail_token") == [(0,)]


def test_tries_are_forgotten_when_their_window_is_over(own: House) -> None:
    member = Member(own)
    with pytest.raises(Refused, match="BAD_CREDENTIALS"):
        member.log_in("not this")

    purge(own)
    assert own.rows("SELECT count FROM attempt") == [(1,)]
    own.change("UPDATE attempt SET since = since - interval '15 minutes 1 second'")
    purge(own)

    assert own.rows("SELECT count FROM attempt") == []
