"""What operators ask the gateway: who may, and what the services are asked then."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from protos.audit.v1 import audit_pb2
from protos.auth.v1 import auth_pb2
from protos.failure.v1 import failure_pb2
from protos.inventory.v1 import inventory_pb2
from protos.session.v1 import session_pb2
from services.kit.errors import Failure, Unavailable
from services.kit.ids import uuid7
from tests.service.gateway.actor import refusing
from tests.service.gateway.calls import GOOD, ID, line_of, send
from tests.service.gateway.lines import HAT, entry, trail, user
from tests.service.gateway.stage import FRIEND, Stage
from tests.service.gateway.test_gateway_refusals import problem

CALLS = sorted(call for call in GOOD if "/api/admin/" in call)
CHANGES = [call for call in CALLS if not call.startswith("GET")]
WITH_ID = [call for call in CALLS if "{" in call]
GRANT = "POST /api/admin/users/{user_id}/grant"
EXPLAIN = "GET /api/admin/users/{user_id}/explain/streak"
RESTORE = "POST /api/admin/users/{user_id}/restore-streak"
REASON = {"reason": "ticket 7"}


class LastSuperuser(Failure):
    pass


class SpriteKeyTaken(Failure):
    pass


class DeliveryUnknown(Failure):
    pass


class ItemUnknown(Failure):
    pass


class IdempotencyKeyReused(Failure):
    pass


@pytest.mark.parametrize("call", CALLS)
def test_a_stranger_a_player_and_a_superuser_are_told_apart_by_every_call(
    stage: Stage, call: str
) -> None:
    with (
        stage.visitor() as stranger,
        stage.player(is_superuser=False) as player,
        stage.player() as superuser,
    ):
        problem(send(stranger, call), "UNAUTHENTICATED")
        problem(send(player, call), "FORBIDDEN")
        assert send(superuser, call).is_success


@pytest.mark.parametrize("call", CALLS)
def test_nothing_of_a_players_call_is_looked_at_before_it_is_forbidden(
    stage: Stage, call: str
) -> None:
    method, path = line_of(call)
    path = path.replace(HAT, "no-id")
    with stage.player(is_superuser=False) as player:
        problem(player.request(method, path, content=b"{", params={"x": "1"}), "FORBIDDEN")


@pytest.mark.parametrize("call", CALLS)
def test_a_player_is_forbidden_whatever_exists(stage: Stage, call: str) -> None:
    every = (stage.auth, stage.session, stage.inventory, stage.world)
    with stage.player(is_superuser=False) as player:
        seen = [{m: len(r) for m, r in actor.seen.items()} for actor in every]
        send(player, call)

    asked = [{m: len(r) for m, r in actor.seen.items()} for actor in every]
    seen[0]["BatchGetUsers"] = seen[0].get("BatchGetUsers", 0) + 1
    for those in (*seen, *asked):
        # The gateway follows auth by itself, whoever asks.
        those.pop("ListEndedFamilies", None)
    assert asked == seen


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("changes", [{"is_active": False}, {"is_superuser": False}])
def test_who_was_closed_or_demoted_a_moment_ago_is_forbidden_with_the_same_token(
    stage: Stage, player: httpx.Client, call: str, changes: dict[str, bool]
) -> None:
    assert send(player, call).is_success
    account = user(ID, is_superuser=True)
    for field, value in changes.items():
        setattr(account, field, value)
    now = auth_pb2.BatchGetUsersResponse(results=[auth_pb2.UserResult(user=account)])

    with stage.auth.playing(BatchGetUsers=lambda _: now):
        problem(send(player, call), "FORBIDDEN")


def test_who_is_erased_is_forbidden(stage: Stage, player: httpx.Client) -> None:
    with stage.auth.playing(BatchGetUsers=unknown):
        problem(send(player, "GET /api/admin/users"), "FORBIDDEN")


def test_without_auth_nobody_is_known_to_operate_the_town(
    stage: Stage, player: httpx.Client
) -> None:
    with stage.auth.playing(BatchGetUsers=refusing(Unavailable())):
        problem(send(player, "GET /api/admin/items"), "UNAVAILABLE")


@pytest.mark.parametrize("call", CHANGES)
def test_another_page_cannot_act_for_an_operator(stage: Stage, call: str) -> None:
    superuser = str(uuid.uuid4())
    stage.auth.superusers.add(superuser)
    cookie = {"cookie": f"__Host-nesra_access={stage.auth.token(superuser)}"}
    with stage.visitor(**cookie) as client:
        problem(send(client, call, headers={"origin": "https://evil.example"}), "ORIGIN_REFUSED")
        assert send(client, call, headers={"origin": FRIEND}).is_success


@pytest.mark.parametrize("call", CHANGES)
@pytest.mark.parametrize("given", [{}, {"reason": ""}, {"reason": " "}, {"reason": "x" * 501}])
def test_a_change_needs_a_reason(player: httpx.Client, call: str, given: dict[str, str]) -> None:
    body = {n: v for n, v in GOOD[call]["json"].items() if n != "reason"} | given

    errors = problem(send(player, call, json=body), "VALIDATION_FAILED")["errors"]

    assert [entry["loc"] for entry in errors] == [["reason"]]


@pytest.mark.parametrize("call", WITH_ID)
def test_an_id_in_another_form_is_refused(player: httpx.Client, call: str) -> None:
    method, path = line_of(call)
    answer = player.request(method, path.replace(HAT, ID.upper()), **GOOD[call])

    problem(answer, "VALIDATION_FAILED")


@pytest.mark.parametrize(
    ("call", "actor", "method"),
    [
        ("PATCH /api/admin/users/{user_id}", "auth", "AdminUpdateUser"),
        (GRANT, "session", "GrantReward"),
        (GRANT, "inventory", "GrantItem"),
        (RESTORE, "world", "RestoreStreak"),
        ("POST /api/admin/items", "inventory", "CreateItem"),
        ("PATCH /api/admin/items/{item_id}", "inventory", "UpdateItem"),
        ("POST /api/admin/deliveries/{delivery_id}/retry", "session", "RetryDelivery"),
    ],
)
def test_a_change_is_asked_for_on_the_word_of_whoever_is_logged_in(
    stage: Stage, call: str, actor: str, method: str
) -> None:
    superuser = str(uuid.uuid4())
    stage.auth.superusers.add(superuser)
    with stage.visitor(Authorization=f"Bearer {stage.auth.token(superuser)}") as client:
        send(client, call)

    warrant = getattr(stage, actor).seen[method][-1].warrant
    assert warrant == audit_pb2.Warrant(actor=superuser, reason="ticket 7")


def test_only_what_is_given_of_an_account_is_changed(stage: Stage, player: httpx.Client) -> None:
    call = "PATCH /api/admin/users/{user_id}"
    send(player, call, json={"is_verified": True, "is_superuser": False} | REASON)

    asked = stage.auth.seen["AdminUpdateUser"][-1]
    assert (asked.is_verified, asked.is_superuser) == (True, False)
    assert not asked.HasField("is_active")


def test_the_last_superuser_is_told_so(stage: Stage, player: httpx.Client) -> None:
    with stage.auth.playing(AdminUpdateUser=refusing(LastSuperuser())):
        problem(send(player, "PATCH /api/admin/users/{user_id}"), "LAST_SUPERUSER")


def test_a_search_goes_on_where_it_came_to_also_after_an_empty_page(
    stage: Stage, player: httpx.Client
) -> None:
    nothing_yet = auth_pb2.SearchUsersResponse(next_before=ID)
    with stage.auth.playing(SearchUsers=lambda _: nothing_yet):
        first = player.get("/api/admin/users", params={"query": "a%b_&", "limit": 3})
    second = player.get(first.links["next"]["url"])

    assert (first.json(), "next" in second.links) == ([], False)
    asked = stage.auth.seen["SearchUsers"][-1]
    assert (asked.query, asked.limit, asked.before) == ("a%b_&", 3, ID)


def unknown(request: Any) -> Any:
    failure = failure_pb2.Failure(reason="USER_UNKNOWN")
    results = [auth_pb2.UserResult(failure=failure) for _ in request.user_ids]
    return auth_pb2.BatchGetUsersResponse(results=results)


@pytest.mark.parametrize("call", ["GET /api/admin/users/{user_id}", GRANT, EXPLAIN, RESTORE])
def test_of_an_unknown_player_nothing_is_read_given_or_made(
    stage: Stage, player: httpx.Client, call: str
) -> None:
    def knows_the_superuser_alone(request: Any) -> Any:
        if set(request.user_ids) <= stage.auth.superusers:
            return known(request)
        return unknown(request)

    known = stage.auth.plays["BatchGetUsers"]
    actors = (stage.session, stage.world)
    before = [{name: len(seen) for name, seen in actor.seen.items()} for actor in actors]
    with stage.auth.playing(BatchGetUsers=knows_the_superuser_alone):
        problem(send(player, call), "NOT_FOUND")

    assert [{n: len(seen) for n, seen in actor.seen.items()} for actor in actors] == before


def test_a_player_without_a_session_is_whole_too(stage: Stage, player: httpx.Client) -> None:
    with stage.session.playing(GetActiveSession=lambda _: session_pb2.GetActiveSessionResponse()):
        whole = send(player, "GET /api/admin/users/{user_id}").json()

    assert list(whole)[:4] == ["user", "hero", "worldState", "world_state"]
    assert whole["active_session"] is None
    assert whole["user"]["id"] == whole["hero"]["user_id"] == HAT
    assert (len(whole["tasks"]), len(whole["items"])) == (1, 1)


@pytest.mark.parametrize(
    "gift", [{}, {"exp": 0}, {"gold": -1}, {"exp": 1_000_000_001}, {"exp": None}, {"gold": True}]
)
def test_a_gift_is_positive_and_not_nothing(
    stage: Stage, player: httpx.Client, gift: dict[str, Any]
) -> None:
    before = len(stage.session.seen.get("GrantReward", []))

    problem(send(player, GRANT, json=gift | REASON), "VALIDATION_FAILED")

    assert len(stage.session.seen.get("GrantReward", [])) == before


def test_a_gift_of_gold_alone_asks_for_no_item(stage: Stage, player: httpx.Client) -> None:
    before = len(stage.inventory.seen.get("GrantItem", []))

    assert send(player, GRANT, json={"gold": 5} | REASON).status_code == 200

    asked = stage.session.seen["GrantReward"][-1]
    assert (asked.user_id, asked.exp, asked.gold) == (HAT, 0, 5)
    assert len(stage.inventory.seen.get("GrantItem", [])) == before


def test_a_gift_with_an_unknown_item_gives_nothing(stage: Stage, player: httpx.Client) -> None:
    before = len(stage.session.seen.get("GrantReward", []))

    problem(send(player, GRANT, json={"gold": 5, "item_id": ID} | REASON), "NOT_FOUND")

    assert len(stage.session.seen.get("GrantReward", [])) == before


def test_a_gift_whose_key_was_used_gives_no_item(stage: Stage, player: httpx.Client) -> None:
    before = len(stage.inventory.seen.get("GrantItem", []))

    with stage.session.playing(GrantReward=refusing(IdempotencyKeyReused())):
        answer = send(player, GRANT, headers={"idempotency-key": "k"})

    problem(answer, "IDEMPOTENCY_KEY_REUSED")
    assert len(stage.inventory.seen.get("GrantItem", [])) == before


def test_only_what_is_given_of_an_item_is_changed(stage: Stage, player: httpx.Client) -> None:
    call = "PATCH /api/admin/items/{item_id}"
    send(player, call, json={"rarity": "epic", "retired": False} | REASON)

    asked = stage.inventory.seen["UpdateItem"][-1]
    assert (asked.item_id, asked.rarity) == (HAT, inventory_pb2.RARITY_EPIC)
    assert (asked.HasField("retired"), asked.retired) == (True, False)
    assert not asked.HasField("name")
    assert not asked.HasField("sprite_key")


@pytest.mark.parametrize(
    "change", [{"type": "hat"}, {"sprite_key": "Hat"}, {"name": ""}, {"retired": None}]
)
def test_what_an_item_cannot_be_is_refused(player: httpx.Client, change: dict[str, Any]) -> None:
    call = "PATCH /api/admin/items/{item_id}"

    problem(send(player, call, json=change | REASON), "VALIDATION_FAILED")


def test_a_refused_item_is_told_by_name(stage: Stage, player: httpx.Client) -> None:
    with stage.inventory.playing(CreateItem=refusing(SpriteKeyTaken())):
        problem(send(player, "POST /api/admin/items"), "SPRITE_KEY_TAKEN")
    with stage.inventory.playing(UpdateItem=refusing(ItemUnknown())):
        problem(send(player, "PATCH /api/admin/items/{item_id}"), "NOT_FOUND")


def test_an_unknown_item_is_not_found(player: httpx.Client) -> None:
    problem(player.get(f"/api/admin/items/{ID}"), "NOT_FOUND")


def test_an_item_that_is_made_again_says_so(stage: Stage, player: httpx.Client) -> None:
    again = inventory_pb2.CreateItemResponse(replayed=True)
    again.item.CopyFrom(stage.inventory.plays["CreateItem"](None).item)
    with stage.inventory.playing(CreateItem=lambda _: again):
        answer = send(player, "POST /api/admin/items")

    assert answer.status_code == 201
    assert answer.headers["idempotency-replayed"] == "true"


def test_deliveries_are_listed_by_state_and_page(stage: Stage, player: httpx.Client) -> None:
    page = stage.session.plays["ListDeliveries"](None)
    page.next_before = ID
    with stage.session.playing(ListDeliveries=lambda _: page):
        first = player.get("/api/admin/deliveries", params={"state": "dead", "limit": 1})
    player.get(first.links["next"]["url"])

    asked = stage.session.seen["ListDeliveries"][-1]
    assert (asked.state, asked.limit, asked.before) == (session_pb2.DELIVERY_STATE_DEAD, 1, ID)
    assert first.json()[0]["next_try_at"] is None


def test_a_delivery_that_is_done_is_not_found(stage: Stage, player: httpx.Client) -> None:
    with stage.session.playing(RetryDelivery=refusing(DeliveryUnknown())):
        problem(send(player, "POST /api/admin/deliveries/{delivery_id}/retry"), "NOT_FOUND")


def test_the_trails_of_all_services_are_one_newest_first_page_by_page(
    stage: Stage, player: httpx.Client
) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    ids = [uuid7(began + timedelta(seconds=n)) for n in range(11)]
    actors = (stage.auth, stage.session, stage.inventory, stage.world)
    plays = [trail(*(entry(one) for one in reversed(ids[n::4]))) for n in range(4)]
    seen: list[str] = []
    url = "/api/admin/audit?limit=3"
    with (
        actors[0].playing(ListAudit=plays[0]),
        actors[1].playing(ListAudit=plays[1]),
        actors[2].playing(ListAudit=plays[2]),
        actors[3].playing(ListAudit=plays[3]),
    ):
        pages = 0
        while url:
            answer = player.get(url)
            seen += [told["id"] for told in answer.json()]
            url, pages = answer.links.get("next", {}).get("url", ""), pages + 1

    assert seen == list(reversed(ids))
    assert pages == 4


def test_an_entry_tells_whom_it_concerns_if_anybody(stage: Stage, player: httpx.Client) -> None:
    newest, older = HAT, ID
    with (
        stage.auth.playing(ListAudit=trail(entry(newest, user_id=ID))),
        stage.world.playing(ListAudit=trail(entry(older))),
    ):
        of_player, of_nobody = player.get("/api/admin/audit").json()

    assert (of_player["user_id"], of_player["target"]) == (ID, ID)
    assert (of_nobody["user_id"], of_nobody["target"]) == (None, HAT)
    assert of_player["changes"] == {"gold": [5, 30]}


def test_the_trail_is_filtered_by_actor_target_and_dates(
    stage: Stage, player: httpx.Client
) -> None:
    wanted = {"actor": "operator x@y", "target": ID, "from": "2026-01-10", "to": "2026-01-11"}
    player.get("/api/admin/audit", params=wanted)

    for actor in (stage.auth, stage.session, stage.inventory, stage.world):
        asked = actor.seen["ListAudit"][-1]
        assert (asked.actor, asked.target, asked.limit) == ("operator x@y", ID, 51)
        assert asked.made_from.ToJsonString() == "2026-01-10T00:00:00Z"
        assert asked.made_before.ToJsonString() == "2026-01-12T00:00:00Z"


def test_a_trail_that_cannot_be_read_whole_is_not_shown_as_if_it_were(
    stage: Stage, player: httpx.Client
) -> None:
    with stage.world.playing(ListAudit=refusing(Unavailable())):
        problem(player.get("/api/admin/audit"), "UNAVAILABLE")
