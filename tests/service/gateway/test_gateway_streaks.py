"""Explaining and restoring a streak: what the gateway asks of world, and how it tells the answer."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from protos.world.v1 import world_pb2 as pb
from services.kit.errors import Failure
from tests.service.gateway.actor import refusing
from tests.service.gateway.calls import send
from tests.service.gateway.lines import HAT, STAMP_JSON
from tests.service.gateway.stage import Stage
from tests.service.gateway.test_gateway_admin import EXPLAIN, RESTORE
from tests.service.gateway.test_gateway_refusals import problem

REASON = {"reason": "ticket 7"}


class DateOutOfReach(Failure):
    pass


def test_a_streak_is_explained_date_by_date(player: httpx.Client) -> None:
    told = send(player, EXPLAIN).json()

    assert (told["user_id"], told["today"], told["timezone"]) == (HAT, "2026-01-02", "Asia/Tokyo")
    assert (told["day_streak"], told["longest_streak"], told["freezes_held"]) == (2, 4, 0)
    assert (told["last_session_date"], told["why"]) == ("2026-01-01", "It is 2.")
    earned, still_open = told["dates"]
    assert earned == {
        "date": "2026-01-01",
        "kind": "earned",
        "zone": "Asia/Tokyo",
        "day_streak": 2,
        "session_id": HAT,
        "ends_at": STAMP_JSON,
        "sessions": 1,
        "why": "A session ended on this date. The streak grew to 2.",
    }
    assert (still_open["kind"], still_open["session_id"], still_open["ends_at"]) == (
        "open",
        None,
        None,
    )


def test_world_is_asked_for_the_dates_that_are_named(stage: Stage, player: httpx.Client) -> None:
    send(player, EXPLAIN)
    named = stage.world.seen["ExplainStreak"][-1]
    send(player, EXPLAIN, params={})
    usual = stage.world.seen["ExplainStreak"][-1]

    assert named == pb.ExplainStreakRequest(user_id=HAT, first="2026-01-01", last="2026-01-31")
    assert usual == pb.ExplainStreakRequest(user_id=HAT)


@pytest.mark.parametrize(
    "range_",
    [
        {"from": "2026-01-02", "to": "2026-01-01"},
        {"from": "2026-01-01", "to": "2027-02-05"},
        {"from": "0001-01-01", "to": "9999-12-31"},
        {"from": "yesterday"},
        {"limit": "5"},
    ],
)
def test_a_range_has_400_dates_at_most_and_goes_forward(
    player: httpx.Client, range_: dict[str, str]
) -> None:
    problem(send(player, EXPLAIN, params=range_), "VALIDATION_FAILED")


def test_400_dates_are_a_range(player: httpx.Client) -> None:
    range_ = {"from": "2026-01-01", "to": "2027-02-04"}

    assert send(player, EXPLAIN, params=range_).status_code == 200


def test_dates_are_restored_with_a_reason(stage: Stage, player: httpx.Client) -> None:
    answer = send(player, RESTORE)

    asked = stage.world.seen["RestoreStreak"][-1]
    assert (asked.user_id, list(asked.dates)) == (HAT, ["2026-01-01"])
    assert (answer.status_code, answer.json()["user_id"]) == (200, HAT)
    assert list(answer.json()) == list(player.get("/api/worldstate").json())


@pytest.mark.parametrize(
    "body",
    [
        {"dates": []},
        {"dates": [str(date(2026, 1, 1) + timedelta(days=n)) for n in range(32)]},
        {"dates": "2026-01-01"},
        {"dates": ["2026-01-01T00:00:00Z"]},
        {"dates": [20260101]},
        {"dates": [None]},
        {},
    ],
)
def test_what_is_no_list_of_1_to_31_dates_is_refused(
    player: httpx.Client, body: dict[str, Any]
) -> None:
    problem(send(player, RESTORE, json=body | REASON), "VALIDATION_FAILED")


def test_a_date_out_of_reach_is_told_at_its_field(stage: Stage, player: httpx.Client) -> None:
    with stage.world.playing(RestoreStreak=refusing(DateOutOfReach())):
        answer = send(player, RESTORE)

    problem(answer, "VALIDATION_FAILED")
    assert [(e["loc"], e["code"]) for e in answer.json()["errors"]] == [
        (["dates"], "date_out_of_reach")
    ]
