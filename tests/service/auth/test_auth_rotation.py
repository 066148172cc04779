"""Signing keys take turns: the next is known before it signs, and what the last one signed stays valid."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from protos.auth.v1 import auth_pb2 as pb
from services.auth.keys import REREAD_S, SigningKeys
from services.auth.rules import KEY_LEAD, KEY_LIFETIME, KEY_PUBLISHED_FOR
from services.kit.database import Database
from tests.service.auth.conftest import House, OpenHouse
from tests.service.auth.listener import listening_to
from tests.service.auth.member import Member
from tests.service.auth.test_auth_keys import published, verified
from tests.service.peers import SECRET, at_once
from town import keys as operator
from town.reading import connection_of

NewDatabase = Callable[[str], str]
MOMENT = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def own(new_database: NewDatabase, open_house: OpenHouse) -> Iterator[House]:
    """An auth service with keys of its own."""
    with open_house(new_database("auth")) as house:
        assert published(house)
        yield house


@pytest.fixture
def database(own: House) -> Iterator[Database]:
    database = Database(own.url, size=1)
    database.open()
    yield database
    database.close()


def kids(house: House) -> list[str]:
    """The published keys, newest first."""
    return list(published(house))


def signer(database: Database) -> str:
    """The key that a replica signs with which has just started."""
    with database.read() as connection:
        now = connection.execute("SELECT clock_timestamp()").fetchall()[0][0]
    return SigningKeys(database, SECRET).signing_at(now).kid


def kid_of(tokens: pb.Tokens) -> str:
    return str(jwt.get_unverified_header(tokens.access_token)["kid"])


def operated(house: House, work: Callable[..., object]) -> object:
    """What an operator's command does to the keys."""
    with connection_of("auth", {"auth": house.url}) as connection:
        return work(connection, "a test")


def test_a_key_signs_for_thirty_days_and_its_successor_is_known_five_minutes_before(
    own: House, database: Database
) -> None:
    [first] = kids(own)

    own.age_keys(KEY_LIFETIME - KEY_LEAD - MOMENT)
    alone = kids(own)
    own.age_keys(MOMENT)
    second, *others = kids(own)
    ahead = signer(database)
    own.age_keys(KEY_LEAD - MOMENT)
    still = signer(database)
    own.age_keys(MOMENT)
    then = signer(database)

    assert (alone, others) == ([first], [first])
    assert (ahead, still, then) == (first, first, second)


def test_what_a_retired_key_signed_verifies_until_it_expires(
    own: House, database: Database
) -> None:
    token = Member(own).log_in().access_token
    [first] = kids(own)
    operated(own, operator.renew)
    [second, _] = kids(own)

    own.age_keys(KEY_LEAD + timedelta(minutes=15))

    assert verified(own, token)
    assert kids(own) == [second, first]
    own.age_keys(KEY_PUBLISHED_FOR - timedelta(minutes=15))
    assert kids(own) == [second]
    assert signer(database) == second


def test_every_replica_changes_over_at_the_same_time_of_the_database(
    own: House, database: Database
) -> None:
    [first] = kids(own)
    operated(own, operator.renew)
    [second, _] = kids(own)
    [(signs_from,)] = own.rows("SELECT signs_from FROM signing_key WHERE kid = %s", second)
    replicas = [SigningKeys(database, SECRET) for _ in range(3)]

    before = {replica.signing_at(signs_from - MICROSECOND).kid for replica in replicas}
    after = {replica.signing_at(signs_from).kid for replica in replicas}

    assert (before, after) == ({first}, {second})


def test_a_clock_that_was_set_back_leaves_a_key_to_sign_with(
    own: House, database: Database
) -> None:
    [first] = kids(own)
    operated(own, operator.renew)
    kids(own)

    assert SigningKeys(database, SECRET).signing_at(datetime(2000, 1, 1, tzinfo=UTC)).kid == first


def test_replicas_that_rotate_together_make_one_key(own: House) -> None:
    databases = [Database(own.url, size=1) for _ in range(6)]
    for database in databases:
        database.open()
    replicas = [SigningKeys(database, SECRET) for database in databases]

    for rotations in range(1, 6):
        own.age_keys(KEY_LEAD)
        operated(own, operator.renew)
        newest = at_once(6, lambda number: replicas[number].published().rows[0].kid)

        assert len(set(newest)) == 1
        assert own.rows("SELECT count(*) FROM signing_key") == [(1 + rotations,)]

    for database in databases:
        database.close()


def test_a_rotation_that_is_asked_for_twice_happens_once(own: House) -> None:
    assert operated(own, operator.renew)
    assert operated(own, operator.renew)
    assert len(kids(own)) == 2

    assert not operated(own, operator.renew)
    assert len(kids(own)) == 2


def test_keys_that_are_thrown_out_verify_nothing_and_a_new_one_signs_at_once(own: House) -> None:
    member = Member(own)
    old = member.log_in()
    operated(own, operator.renew)
    before = kids(own)

    assert operated(own, operator.revoke) == 2

    [new] = kids(own)
    assert new not in before
    assert kid_of(old) not in published(own)
    assert kid_of(member.refresh(old.refresh_token)) == new


def test_nobody_signs_with_a_key_that_was_thrown_out_over_a_second_ago(own: House) -> None:
    member = Member(own)
    member.log_in()
    age = "SELECT clock_timestamp() - max(revoked_at) FROM signing_key"

    operated(own, operator.revoke)
    while own.rows(age)[0][0] < timedelta(seconds=REREAD_S):
        pass

    assert kid_of(member.log_in()) in published(own)


def test_throwing_out_and_rotating_at_once_leave_one_key_that_is_new(own: House) -> None:
    for _ in range(5):
        own.age_keys(KEY_LEAD)
        before = kids(own)
        operated(own, operator.renew)

        at_once(
            2,
            lambda number: operated(own, operator.revoke) if number else published(own),
        )

        assert len(kids(own)) == 1
        assert set(kids(own)).isdisjoint(before)


def test_who_listens_hears_of_a_key_before_it_signs_and_of_one_that_is_thrown_out(
    new_database: NewDatabase, open_house: OpenHouse
) -> None:
    with open_house(new_database("auth"), is_working=True) as house:
        [first] = kids(house)
        with listening_to(house.target) as listener:
            operated(house, operator.renew)
            ahead = listener.until(lambda: len(listener.kids()) == 2)
            second = listener.kids()[0]
            operated(house, operator.revoke)
            out = listener.until(lambda: not {first, second} & set(listener.kids()))

    assert ahead < 0.5
    assert out < 0.5
    assert len(listener.kids()) == 1
