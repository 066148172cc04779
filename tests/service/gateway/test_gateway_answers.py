"""Every call's answer is the one that the OpenAPI document promises."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from gateway.receipts import receipt_json
from protos.auth.v1 import auth_pb2
from protos.failure.v1 import failure_pb2
from protos.reward.v1 import reward_pb2
from protos.session.v1 import session_pb2
from services.kit.errors import Unavailable
from tests.service.gateway.actor import refusing
from tests.service.gateway.calls import GOOD, ID, LOGIN, ROUTES, line_of, send
from tests.service.gateway.lines import RECEIPT_JSON, STAMP_JSON, completion, session
from tests.service.gateway.stage import Stage
from tests.service.gateway.test_gateway_statistics import living_in


def test_every_route_is_called_here() -> None:
    assert set(GOOD) == set(ROUTES)


@pytest.mark.parametrize("call", GOOD)
def test_an_answer_is_as_documented(player: httpx.Client, call: str) -> None:
    answer = send(player, call)

    assert answer.status_code == (ROUTES[call].status_code or 200), answer.text
    if ROUTES[call].response_model is None:
        assert answer.content == b""
    else:
        assert answer.headers["content-type"] == "application/json"
        TypeAdapter(ROUTES[call].response_model).validate_json(answer.content)


@pytest.mark.parametrize("call", [c for c in GOOD if c.startswith("GET")])
def test_head_is_answered_as_get_without_a_body(player: httpx.Client, call: str) -> None:
    answer = send(player, call)
    head = player.head(line_of(call)[1], params=GOOD[call].get("params"))

    assert head.status_code == answer.status_code
    assert head.content == b""


def test_a_profile_has_the_keys_of_the_contract_in_their_order(player: httpx.Client) -> None:
    profile = player.get("/api/profile").json()

    assert list(profile) == ["user", "hero", "worldState", "world_state"]
    assert profile["worldState"] == profile["world_state"]
    assert profile["hero"]["streak"] == 2
    assert profile["user"]["created_at"] == STAMP_JSON


@pytest.mark.parametrize("service", ["auth", "session", "inventory", "world"])
def test_a_profile_is_unavailable_while_a_part_of_it_is(
    stage: Stage, player: httpx.Client, service: str
) -> None:
    down = dict.fromkeys(
        ("BatchGetUsers", "BatchGetHeroes", "BatchGetWardrobes", "BatchGetWorlds"),
        refusing(Unavailable()),
    )
    with getattr(stage, service).playing(**down):
        answer = player.get("/api/profile")

    assert answer.status_code == 503
    assert answer.json()["code"] == "UNAVAILABLE"
    assert answer.headers["retry-after"] == "1"


def test_an_unknown_player_fails_alone(stage: Stage, player: httpx.Client) -> None:
    unknown = auth_pb2.UserResult(failure=failure_pb2.Failure(reason="USER_UNKNOWN"))
    with stage.auth.playing(
        BatchGetUsers=lambda _: auth_pb2.BatchGetUsersResponse(results=[unknown])
    ):
        answer = player.get("/api/profile")

    assert answer.status_code == 404


def test_a_completion_has_the_keys_of_the_contract_in_their_order(player: httpx.Client) -> None:
    answer = send(player, "POST /api/session/complete")

    assert list(answer.json()) == [
        "success",
        "exp_reward",
        "gold_reward",
        "dropped_item",
        "hero",
        "worldState",
        "world_state",
        "levels_gained",
        "rooms_upgraded",
        "settled",
        "drop_proof",
    ]
    assert answer.json()["rooms_upgraded"] == ["plaza"]
    assert answer.json()["settled"] is True
    assert "idempotency-replayed" not in answer.headers


def completing(**changes: Any) -> Any:
    def play(request: Any) -> Any:
        done = completion(request.completes[0].user_id)
        for name, value in changes.items():
            if value is None:
                done.ClearField(name)  # type: ignore[arg-type]  # a name of ours, not a literal
            else:
                setattr(done, name, value)
        result = session_pb2.CompleteResult(completed=done)
        return session_pb2.BatchCompleteSessionsResponse(results=[result])

    return play


def test_a_repeated_completion_says_so(stage: Stage, player: httpx.Client) -> None:
    with stage.session.playing(BatchCompleteSessions=completing(replayed=True)):
        answer = send(player, "POST /api/session/complete")

    assert answer.status_code == 200
    assert answer.headers["idempotency-replayed"] == "true"


def test_a_completion_without_its_world_is_not_settled(stage: Stage, player: httpx.Client) -> None:
    with stage.session.playing(BatchCompleteSessions=completing(world=None, settled=False)):
        answer = send(player, "POST /api/session/complete").json()

    assert answer["settled"] is False
    assert answer["worldState"] is None
    assert answer["world_state"] is None
    assert answer["hero"]["streak"] is None
    assert answer["exp_reward"] == 50


def test_a_completion_while_inventory_is_down_is_not_settled(
    stage: Stage, player: httpx.Client
) -> None:
    with stage.session.playing(BatchCompleteSessions=completing(wardrobe=None)):
        answer = send(player, "POST /api/session/complete").json()

    assert answer["settled"] is False
    assert answer["hero"]["equipped_hat_id"] is None
    assert answer["worldState"] is not None


def test_a_second_start_shows_the_session_under_way(stage: Stage, player: httpx.Client) -> None:
    result = session_pb2.StartResult(already_active=session())
    with stage.session.playing(
        BatchStartSessions=lambda _: session_pb2.BatchStartSessionsResponse(results=[result])
    ):
        answer = send(player, "POST /api/session/start")

    assert answer.status_code == 409
    assert answer.json()["code"] == "SESSION_ALREADY_ACTIVE"
    assert answer.json()["active_session"]["session_id"] == result.already_active.session_id


def test_no_session_under_way_is_204(stage: Stage, player: httpx.Client) -> None:
    with stage.session.playing(GetActiveSession=lambda _: session_pb2.GetActiveSessionResponse()):
        assert player.get("/api/session/active").status_code == 204


def test_a_start_without_a_duration_leaves_it_to_the_task(
    stage: Stage, player: httpx.Client
) -> None:
    send(player, "POST /api/session/start", json={"task_template_id": ID})

    assert not stage.session.seen["BatchStartSessions"][-1].starts[0].HasField("duration_minutes")


def test_a_patch_without_fields_changes_nothing(stage: Stage, player: httpx.Client) -> None:
    answer = send(player, "PATCH /api/tasks/{task_id}", json={})

    assert answer.status_code == 200
    asked = stage.session.seen["UpdateTask"][-1]
    assert [field.name for field, _ in asked.ListFields()] == ["user_id", "task_id"]


def test_a_null_takes_the_name_away(stage: Stage, player: httpx.Client) -> None:
    player.patch("/api/users/me", json={"full_name": None})

    asked = stage.auth.seen["UpdateUser"][-1]
    assert asked.HasField("full_name")
    assert asked.full_name == ""
    assert not asked.HasField("profile_picture")


def test_a_refused_zone_leaves_the_account_alone(stage: Stage, player: httpx.Client) -> None:
    before = len(stage.auth.seen.get("UpdateUser", []))
    with stage.world.playing(SetTimezone=refusing(Unavailable())):
        answer = player.patch("/api/users/me", json={"full_name": "A", "timezone": "Asia/Tokyo"})

    assert answer.status_code == 503
    assert len(stage.auth.seen.get("UpdateUser", [])) == before


def test_history_is_bounded_by_the_players_own_days(stage: Stage, player: httpx.Client) -> None:
    moved = living_in("Asia/Tokyo", datetime(2026, 1, 10, 12, tzinfo=UTC))
    with stage.world.playing(GetZones=moved):
        player.get("/api/session/history", params={"from": "2026-01-10", "to": "2026-01-11"})

    asked = stage.session.seen["ListSessions"][-1].stretches
    assert [(s.begins_at.ToJsonString(), s.ends_at.ToJsonString()) for s in asked] == [
        ("2026-01-10T00:00:00Z", "2026-01-10T12:00:00Z"),
        ("2026-01-10T12:00:00Z", "2026-01-11T15:00:00Z"),
    ]


def test_history_alone_tells_where_rewards_come_from(player: httpx.Client) -> None:
    success, cancelled = player.get("/api/session/history").json()

    assert success["receipt"] == RECEIPT_JSON
    assert cancelled["receipt"] is None
    assert "receipt" not in player.get("/api/session/active").json()


@pytest.mark.parametrize("percent", [0, 1, 99, 100, 115, 1_000])
def test_a_multiplier_is_so_many_hundredths(percent: int) -> None:
    told = receipt_json(reward_pb2.Receipt(exp_percent=percent, gold_percent=100))

    multiplier = told["exp"]["multiplier"]
    assert Decimal(str(multiplier)) * 100 == percent


def test_the_odds_are_asked_for_the_player(stage: Stage, player: httpx.Client) -> None:
    player.get("/api/session/active")
    player.get("/api/drops/odds")

    asked = stage.session.seen["GetDropChance"][-1].user_id
    assert asked == stage.session.seen["GetActiveSession"][-1].user_id


def test_the_next_page_keeps_the_filters(stage: Stage, player: httpx.Client) -> None:
    page = session_pb2.ListSessionsResponse(sessions=[session()], next_before=ID)
    with stage.session.playing(ListSessions=lambda _: page):
        first = player.get("/api/session/history", params={"limit": 1, "room": "study"})
    player.get(first.links["next"]["url"])

    asked = stage.session.seen["ListSessions"][-1]
    assert asked.before == ID
    assert asked.limit == 1
    assert asked.room == session_pb2.ROOM_STUDY


@pytest.mark.parametrize(
    "params",
    [
        {"cursor": "x"},
        {"cursor": ""},
        {"cursor": "é"},
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "1.0"},
        {"status": "pending"},
        {"room": "plaza"},
        {"from": "2026-1-1"},
        {"from": "20260101"},
        {"from": "2026-02-30"},
        {"from": "2026-01-01T00:00:00Z"},
        {"from": "2026-01-02", "to": "2026-01-01"},
        {"other": "1"},
    ],
)
def test_a_history_that_cannot_be_is_invalid(player: httpx.Client, params: dict[str, str]) -> None:
    answer = player.get("/api/session/history", params=params)

    assert answer.status_code == 422


def test_the_clock_is_told_to_both_other_services(stage: Stage, player: httpx.Client) -> None:
    answer = player.get("/api/sandbox/clock")

    assert answer.json() == {"now": STAMP_JSON, "offset_seconds": 1500}
    for actor in (stage.inventory, stage.world):
        assert actor.seen["SetClock"][-1].offset.seconds == 1500
        assert actor.seen["SetClock"][-1].revision == 3


@pytest.mark.parametrize(
    "body",
    [{}, {"advance_minutes": -1}, {"advance_seconds": 10**9}, {"advance_minutes": 10**30}],
)
def test_a_clock_moves_forward_and_ten_years_at_most(
    player: httpx.Client, body: dict[str, int]
) -> None:
    assert player.post("/api/sandbox/clock", json=body).status_code == 422


def test_login_keeps_the_tokens_in_cookies_that_no_script_reads(visitor: httpx.Client) -> None:
    answer = visitor.post("/api/auth/login", json=LOGIN)

    access, refresh = answer.headers.get_list("set-cookie")
    assert access.startswith(f"__Host-nesra_access={answer.json()['access_token']};")
    for cookie in (access, refresh):
        assert "HttpOnly" in cookie
        assert "Secure" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/;" in cookie
        assert "Domain" not in cookie
