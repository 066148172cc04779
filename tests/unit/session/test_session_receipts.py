"""Receipts: so many percent of a base are what was paid, or there is none."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from protos.timeline.v1 import timeline_pb2
from services.kit.times import wire
from services.session import rules
from services.session.events import running
from services.session.receipts import Paid, Receipts, receipt
from services.session.rules import Reward, Rules
from tests import season
from tests.unit.session.test_session_events import WITH, WITHOUT

BEFORE = season.STARTS - timedelta(hours=1)


def paid(at: datetime, exp: int, gold: int, version: str = "with") -> Paid:
    return Paid(25, at, Reward(exp, gold), version)


def receipts(editions: Mapping[str, Rules]) -> tuple[Receipts, list[str]]:
    """Receipts by these editions, and which of them are looked up."""
    asked: list[str] = []

    def rules_of(version: str) -> Rules | None:
        asked.append(version)
        return editions.get(version)

    return Receipts(rules_of), asked


@given(st.integers(5, 180), st.integers(-60, 60 * 24 * 3))
def test_a_receipt_multiplies_to_what_was_paid(minutes: int, after_start: int) -> None:
    at = season.STARTS + timedelta(minutes=after_start)
    reward = rules.reward(minutes, WITH, running(WITH.events, at))

    found = receipt(Paid(minutes, at, reward, "with"), WITH)

    assert found is not None
    assert found.base_exp * found.exp_percent // 100 == reward.exp
    assert found.base_gold * found.gold_percent // 100 == reward.gold
    assert found.HasField("event_id") == (season.STARTS <= at < season.ENDS)


def test_a_receipt_tells_base_percents_event_and_version() -> None:
    of_season = receipt(paid(season.STARTS, *season.PAYS), WITH)
    of_another_day = receipt(paid(BEFORE, 50, 25, "v"), WITHOUT)

    assert of_season is not None
    assert (of_season.base_exp, of_season.exp_percent) == (50, 150)
    assert (of_season.base_gold, of_season.gold_percent) == (25, 250)
    assert (of_season.event_id, of_season.rules_version) == ("midsummer", "with")
    assert of_another_day is not None
    assert (of_another_day.exp_percent, of_another_day.gold_percent) == (100, 100)
    assert not of_another_day.HasField("event_id")
    assert of_another_day.rules_version == "v"


def test_what_the_rules_of_its_version_do_not_say_has_no_receipt() -> None:
    assert receipt(paid(season.STARTS, *season.PAYS), None) is None
    assert receipt(paid(season.STARTS, 50, 25), WITH) is None
    assert receipt(paid(BEFORE, *season.PAYS), WITH) is None


def test_each_success_is_told_by_its_own_version_and_each_version_is_looked_up_once() -> None:
    book, asked = receipts({"with": WITH, "without": WITHOUT})
    successes = [
        paid(season.STARTS, *season.PAYS),
        paid(season.STARTS, 50, 25, "without"),
        paid(season.STARTS, 50, 25, "never kept"),
    ]

    found = book.of(successes * 2)

    assert [each and (each.event_id, each.rules_version) for each in found] == [
        ("midsummer", "with"),
        ("", "without"),
        None,
    ] * 2
    assert sorted(asked) == ["never kept", "with", "without"]


def test_of_what_happened_only_completed_sessions_are_explained() -> None:
    book, asked = receipts({"with": WITH})
    completed = timeline_pb2.Happening(
        place=timeline_pb2.Place(kind=timeline_pb2.KIND_SESSION_COMPLETED),
        duration_minutes=25, exp=75, gold=62, started_at=wire(season.STARTS), rules_version="with",
    )  # fmt: skip
    cancelled = timeline_pb2.Happening(
        place=timeline_pb2.Place(kind=timeline_pb2.KIND_SESSION_CANCELLED)
    )

    book.explain([cancelled, completed])

    assert completed.receipt.event_id == "midsummer"
    assert not cancelled.HasField("receipt")
    assert asked == ["with"]
