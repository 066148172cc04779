"""Who listens is told everything that still matters, then what is new; nobody is told a lie."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import psycopg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from protos.auth.v1 import auth_pb2 as pb
from services.auth import logins, rules, watch
from services.auth.watch import LISTENERS
from services.kit.database import NAME
from services.kit.times import instant
from tests.service.auth.conftest import House, OpenHouse
from tests.service.auth.listener import listening_to
from tests.service.auth.member import Member
from tests.service.peers import at_once

NewDatabase = Callable[[str], str]


@pytest.fixture(scope="module")
def busy(new_database: NewDatabase, open_house: OpenHouse) -> Iterator[House]:
    """An auth service that looks for those who listen, on a database of its own."""
    with open_house(new_database("auth"), is_working=True) as house:
        yield house


@pytest.fixture
def own(new_database: NewDatabase, open_house: OpenHouse) -> Iterator[House]:
    """The same, of one test's own."""
    with open_house(new_database("auth"), is_working=True) as house:
        yield house


def logged_out(house: House, count: int = 1) -> list[str]:
    """Families that have just ended, in that order."""
    member = Member(house)
    for _ in range(count):
        member.log_in()
    families = member.families()
    for family in families:
        member.log_out(family)
    return families


def looking(house: House) -> bool:
    """Whether auth has asked its database anything within half a second."""
    [(last,)] = house.rows(
        "SELECT clock_timestamp() - max(query_start) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = %s",
        NAME,
    )
    return bool(last < timedelta(seconds=0.5))


def test_what_ended_before_is_told_at_first_with_the_keys_and_the_time(busy: House) -> None:
    families = logged_out(busy, 2)
    published = busy.auth.GetSigningKeys(pb.GetSigningKeysRequest()).keys
    [(before,)] = busy.rows("SELECT clock_timestamp()")

    with listening_to(busy.target) as listener:
        first = listener.told[0]

    assert [f for f in first.family_ids if f in families] == families
    assert list(first.keys) == list(published)
    assert before < instant(first.now) < before + timedelta(seconds=2)
    assert instant(first.now) - instant(first.until) == timedelta(seconds=5)
    assert not first.more


@pytest.mark.parametrize("times", range(3))
def test_a_login_that_ends_is_told_within_half_a_second(busy: House, times: int) -> None:
    with listening_to(busy.target) as listener:
        # Wherever between two looks.
        listener.until(lambda: len(listener.told) > times)
        [family] = logged_out(busy)

        assert listener.until(lambda: family in listener.families) < 0.5


def test_what_another_replica_ends_is_told_too(busy: House, open_house: OpenHouse) -> None:
    with open_house(busy.url) as replica, listening_to(busy.target) as listener:
        [family] = logged_out(replica)

        assert listener.until(lambda: family in listener.families) < 0.5


def test_each_end_is_told_once(busy: House) -> None:
    with listening_to(busy.target) as listener:
        families = logged_out(busy, 3)
        beats = len(listener.told) + 4
        listener.until(lambda: len(listener.told) > beats)

        assert [f for f in listener.families if f in families] == families


def test_the_time_is_told_at_least_once_a_second(busy: House) -> None:
    with listening_to(busy.target) as listener:
        listener.until(lambda: len(listener.told) >= 6)

        gaps = [b - a for a, b in zip(listener.beats, listener.beats[1:], strict=False)]
        times = [instant(told.now) for told in listener.told]

    assert max(gaps) < 1.0
    assert min(gaps[1:]) > 0.3, "nothing happened"
    assert times == sorted(set(times))


def test_only_what_ended_since_then_is_told(busy: House) -> None:
    [old] = logged_out(busy)
    [(since,)] = busy.rows(
        "SELECT ended_at + interval '1 microsecond' FROM refresh_family WHERE id = %s", old
    )
    stamp = Timestamp()
    stamp.FromDatetime(since)
    [late] = logged_out(busy)

    with listening_to(busy.target, stamp) as listener:
        assert late in listener.families
        assert old not in listener.families


def test_what_ends_late_within_a_long_transaction_is_told(busy: House) -> None:
    member = Member(busy)
    member.log_in()
    [family] = member.families()
    with listening_to(busy.target) as listener:
        with psycopg.connect(busy.url) as connection:
            connection.execute(
                "UPDATE refresh_family SET end_reason = 'logout',"
                " ended_at = clock_timestamp() - interval '4 s' WHERE id = %s",
                [family],
            )

        assert listener.until(lambda: family in listener.families) < 0.5


def test_what_ends_while_nobody_listens_is_told_to_the_next(busy: House) -> None:
    with listening_to(busy.target):
        pass
    [family] = logged_out(busy)

    with listening_to(busy.target) as listener:
        assert family in listener.told[0].family_ids


def test_more_than_a_message_holds_is_told_in_several(
    own: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (logins, watch):
        monkeypatch.setattr(module, "ENDED_AT_ONCE", 2)
    families = logged_out(own, 5)
    own.change(
        "UPDATE refresh_family SET ended_at = ended_at - interval '10 s' - ended_row.number * interval '1 s'"
        " FROM (SELECT id, row_number() OVER (ORDER BY id DESC) AS number FROM refresh_family) AS ended_row"
        " WHERE ended_row.id = refresh_family.id"
    )

    with listening_to(own.target) as listener:
        listener.until(lambda: not listener.told[-1].more)

    assert listener.families == families
    assert all(len(told.family_ids) <= 2 for told in listener.told)


def test_what_no_longer_matters_is_not_told(own: House) -> None:
    old, late = logged_out(own, 2)
    own.change(
        "UPDATE refresh_family SET ended_at = ended_at - interval '17 minutes' WHERE id = %s", old
    )

    with listening_to(own.target) as listener:
        assert listener.families == [late]


def test_what_has_come_to_matter_no_longer_is_forgotten(
    own: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "ENDED_MATTERS", timedelta(seconds=2))
    [family] = logged_out(own)

    def is_told() -> bool:
        with listening_to(own.target) as late:
            return family in late.families

    with listening_to(own.target) as listener:
        assert family in listener.families
        listener.until(lambda: not is_told())
        [next_one] = logged_out(own)
        assert listener.until(lambda: next_one in listener.families) < 0.5


def test_nobody_looks_while_nobody_listens(own: House) -> None:
    with listening_to(own.target) as listener:
        listener.until(lambda: looking(own))

    listener.until(lambda: not looking(own))


def test_more_than_are_served_are_sent_away_until_somebody_leaves(own: House) -> None:
    with ExitStack() as stack:
        first, *_ = [stack.enter_context(listening_to(own.target)) for _ in range(LISTENERS)]

        with listening_to(own.target) as refused:
            assert refused.until_ended() == "UNAVAILABLE"
        first.leave()

        def is_let_in() -> bool:
            with listening_to(own.target) as late:
                return bool(late.told)

        first.until(is_let_in)


def test_a_house_full_of_listeners_answers_everything_else(own: House) -> None:
    member = Member(own)
    with ExitStack() as stack:
        for _ in range(LISTENERS):
            stack.enter_context(listening_to(own.target))

        answers = at_once(16, lambda _: member.now())

    assert answers == [member.user] * 16


def test_a_stream_ends_when_the_database_cannot_be_read(own: House) -> None:
    with listening_to(own.target) as listener:
        own.change("ALTER TABLE refresh_family RENAME TO gone")
        ended = listener.until_ended()
        own.change("ALTER TABLE gone RENAME TO refresh_family")

    with listening_to(own.target) as again:
        assert again.told
    assert ended == "UNAVAILABLE"


def test_a_stream_ends_when_the_process_leaves(
    new_database: NewDatabase, open_house: OpenHouse
) -> None:
    with ExitStack() as stack:
        with open_house(new_database("auth"), is_working=True) as house:
            listener = stack.enter_context(listening_to(house.target))

        assert listener.until_ended() == "UNAVAILABLE"


def test_who_has_left_keeps_no_thread(own: House) -> None:
    # Of services that other tests have open in this process.
    others = set(threading.enumerate())
    for _ in range(3 * LISTENERS):
        with listening_to(own.target) as listener:
            assert listener.told

    def held() -> list[str]:
        ours = set(threading.enumerate()) - others
        return [t.name for t in ours if t.name.startswith("call")]

    assert len(held()) <= 16 + LISTENERS
