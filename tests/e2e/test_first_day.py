"""What players do, through the real gateway and the four real services."""

import hashlib
import hmac
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.e2e.opened import Town
from tests.e2e.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.xdist_group("town")


def test_a_first_day_from_registration_to_reward(town: Town) -> None:
    visitor = Visitor(town.url)
    session = visitor.start(25)

    early = visitor.complete(session)
    visitor.wait(25)
    first = visitor.complete(session)
    again = visitor.complete(session)

    assert early.status_code == 409
    assert early.json()["code"] == "SESSION_TOO_EARLY"
    assert 1490 <= int(early.headers["Retry-After"]) <= 1500
    assert first.status_code == again.status_code == 200
    assert (first.json()["exp_reward"], first.json()["gold_reward"]) == (50, 25)
    assert first.json()["settled"] is True
    assert again.json() == first.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


def test_the_profile_shows_hero_and_world_after_a_success(town: Town) -> None:
    visitor = Visitor(town.url)
    completion = visitor.focus(25)

    profile = visitor.get("/api/profile")

    assert profile["user"]["email"] == visitor.email
    assert profile["hero"] == completion["hero"]
    assert profile["worldState"] == profile["world_state"] == completion["worldState"]
    assert profile["hero"]["streak"] == profile["worldState"]["day_streak"] == 1
    assert visitor.get("/api/worldstate") == profile["worldState"]


def test_180_minutes_take_a_new_hero_to_level_3(town: Town) -> None:
    hero = Visitor(town.url).focus(180)["hero"]

    assert (hero["level"], hero["exp"], hero["gold"]) == (3, 60, 180)


def test_five_fifteen_and_thirty_successes_upgrade_the_town_in_the_same_answer(town: Town) -> None:
    visitor = Visitor(town.url)

    upgraded = {n: visitor.focus(5)["rooms_upgraded"] for n in range(1, 31)}

    assert {n: rooms for n, rooms in upgraded.items() if rooms} == {
        5: ["study"],
        15: ["build"],
        30: ["plaza"],
    }
    world = visitor.get("/api/worldstate")
    assert [world[f"{room}_level"] for room in ("study_room", "build_room", "plaza")] == [2, 2, 2]
    assert world["training_room_level"] == 1
    assert world["next_upgrade"] is None


def test_anyone_can_check_the_drop_of_a_session(town: Town) -> None:
    visitor = Visitor(town.url)
    session = visitor.start()
    visitor.wait(25)

    proof = visitor.complete(session).json()["drop_proof"]

    seed = bytes.fromhex(proof["seed"])
    assert hashlib.sha256(seed).hexdigest() == proof["commitment"] == session["drop_commitment"]
    digest = hmac.digest(seed, session["session_id"].encode(), "sha256")
    assert int.from_bytes(digest[:8], "big") % 10_000 == proof["roll"]
    assert proof["dropped"] is (proof["roll"] < proof["chance"])


def test_items_can_be_worn_and_taken_off(town: Town) -> None:
    visitor = Visitor(town.url)
    hat = next(item for item in visitor.get("/api/items") if item["type"] == "hat")
    refused = visitor.ask("POST", "/api/inventory/equip", item_id=hat["id"])
    visitor.ok("POST", "/api/sandbox/grant", item_id=hat["id"])

    worn = visitor.ok("POST", "/api/inventory/equip", item_id=hat["id"])
    (owned,) = visitor.get("/api/inventory")
    off = visitor.ok("POST", "/api/inventory/unequip", slot="hat")

    assert (refused.status_code, refused.json()["code"]) == (404, "ITEM_NOT_OWNED")
    assert worn["equipped_hat_id"] == hat["id"]
    assert owned["equipped"] is True
    assert off["equipped_hat_id"] is None


def test_an_offer_of_the_day_can_be_bought_once_and_worn(town: Town) -> None:
    visitor = Visitor(town.url)
    shop = visitor.get("/api/shop")
    offer = min(shop["offers"], key=lambda offer: offer["price_gold"])
    wish = {"item_id": offer["item"]["id"], "rotation_id": shop["rotation_id"]}
    poor = visitor.ask("POST", "/api/shop/buy", **wish)
    visitor.ok("POST", "/api/sandbox/grant", gold=offer["price_gold"])

    answers = _at_once(50, visitor, "/api/shop/buy", wish)

    assert (poor.status_code, poor.json()["code"]) == (409, "NOT_ENOUGH_GOLD")
    assert sorted({answer.status_code for answer in answers}) == [201, 409]
    (bought,) = (answer.json() for answer in answers if answer.status_code == 201)
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"ALREADY_OWNED"}
    assert bought["gold_spent"] == offer["price_gold"]
    assert bought["hero"] == visitor.get("/api/profile")["hero"]
    assert bought["hero"]["gold"] == 0
    assert visitor.get("/api/inventory") == [bought["item"]]
    assert bought["item"]["source"] == "shop"
    hero = visitor.ok("POST", "/api/inventory/equip", item_id=wish["item_id"])
    assert hero[f"equipped_{offer['item']['type']}_id"] == wish["item_id"]


def test_the_shop_rotates_at_midnight_by_the_players_clock(town: Town) -> None:
    visitor = Visitor(town.url)
    visitor.ok("POST", "/api/sandbox/grant", gold=1000)
    today = visitor.get("/api/shop")

    visitor.wait(24 * 60)
    tomorrow = visitor.get("/api/shop")
    expired = visitor.ask(
        "POST",
        "/api/shop/buy",
        item_id=today["offers"][0]["item"]["id"],
        rotation_id=today["rotation_id"],
    )

    assert today["rotates_at"] < tomorrow["rotates_at"]
    assert tomorrow["rotates_at"].endswith("T00:00:00Z")
    assert (expired.status_code, expired.json()["code"]) == (409, "OFFER_EXPIRED")
    assert visitor.get("/api/profile")["hero"]["gold"] == 1000


def test_a_completion_shows_what_the_hero_wears(town: Town) -> None:
    visitor = Visitor(town.url)
    hat = next(item for item in visitor.get("/api/items") if item["type"] == "hat")
    visitor.ok("POST", "/api/sandbox/grant", item_id=hat["id"])
    visitor.ok("POST", "/api/inventory/equip", item_id=hat["id"])

    assert visitor.focus(5)["hero"]["equipped_hat_id"] == hat["id"]


def test_another_players_ids_look_like_ids_that_do_not_exist(town: Town) -> None:
    owner, thief = Visitor(town.url), Visitor(town.url)
    session = owner.start()
    task = owner.get("/api/tasks")[0]
    nobody = "0190c0de-0000-7000-8000-00000000ffff"

    for path, field, theirs in (
        ("/api/session/complete", "session_id", session["session_id"]),
        ("/api/session/cancel", "session_id", session["session_id"]),
        ("/api/session/start", "task_template_id", task["id"]),
    ):
        stolen = thief.ask("POST", path, **{field: theirs})
        unknown = thief.ask("POST", path, **{field: nobody})
        assert stolen.status_code == unknown.status_code == 404
        assert _without_request(stolen) == _without_request(unknown)


def test_a_streak_grows_with_the_days_and_a_missed_day_shows_zero(town: Town) -> None:
    visitor = Visitor(town.url)
    day = 24 * 60

    streaks = []
    for _ in range(3):
        streaks.append(visitor.focus(5)["worldState"]["day_streak"])
        visitor.wait(day - 5)
    visitor.wait(2 * day)
    missed = visitor.get("/api/worldstate")

    assert streaks == [1, 2, 3]
    assert (missed["day_streak"], missed["longest_streak"]) == (0, 3)
    assert visitor.focus(5)["worldState"]["day_streak"] == 1


def test_a_zone_is_set_once_for_free_and_then_once_a_day(town: Town) -> None:
    visitor = Visitor(town.url)

    visitor.ok("PATCH", "/api/users/me", timezone="Europe/Lisbon")
    refused = visitor.ask("PATCH", "/api/users/me", timezone="Asia/Tokyo")

    assert visitor.get("/api/worldstate")["timezone"] == "Europe/Lisbon"
    assert (refused.status_code, refused.json()["code"]) == (409, "ZONE_CHANGED_RECENTLY")
    assert refused.json()["allowed_from"].endswith("Z")
    visitor.wait(24 * 60 + 1)
    visitor.ok("PATCH", "/api/users/me", timezone="Asia/Tokyo")


def test_a_session_can_be_resumed_and_cancelled_on_any_device(town: Town) -> None:
    visitor = Visitor(town.url)
    none = visitor.ask("GET", "/api/session/active")
    session = visitor.start()

    active = visitor.get("/api/session/active")
    second = visitor.ask("POST", "/api/session/start", task_template_id=session["task_template_id"])
    cancelled = visitor.ok("POST", "/api/session/cancel", session_id=session["session_id"])

    assert none.status_code == 204
    assert active["session_id"] == session["session_id"]
    assert (second.status_code, second.json()["code"]) == (409, "SESSION_ALREADY_ACTIVE")
    assert second.json()["active_session"]["session_id"] == session["session_id"]
    assert cancelled["status"] == "cancel"
    assert visitor.get("/api/session/history")[0]["status"] == "cancel"


def test_history_is_paged_by_links(town: Town) -> None:
    visitor = Visitor(town.url)
    for _ in range(5):
        visitor.focus(5)

    first = visitor.ask("GET", "/api/session/history?limit=3&status=success")
    second = visitor.http.get(first.links["next"]["url"])

    ids = [s["session_id"] for s in first.json() + second.json()]
    assert len(ids) == len(set(ids)) == 5
    assert ids == sorted(ids, reverse=True)
    assert "next" not in second.links
    told = [(s["receipt"]["exp"], s["receipt"]["gold"]) for s in first.json()]
    assert told == [({"base": 10, "multiplier": 1}, {"base": 5, "multiplier": 1})] * 3


def test_a_refresh_token_works_once_and_its_loss_is_forgiven_for_ten_seconds(town: Town) -> None:
    visitor = Visitor(town.url)
    old = visitor.log_in()["refresh_token"]

    first = visitor.ok("POST", "/api/auth/refresh", refresh_token=old)
    repeated = visitor.ok("POST", "/api/auth/refresh", refresh_token=old)

    assert first["refresh_token"] != old
    assert repeated["refresh_token"] == first["refresh_token"]


def test_after_logout_the_access_token_is_refused_within_a_second(town: Town) -> None:
    visitor = Visitor(town.url)
    refresh_token = visitor.log_in()["refresh_token"]
    visitor.ok("POST", "/api/auth/logout")

    until = time.monotonic() + 1.0
    while visitor.ask("GET", "/api/profile").status_code != 401:
        assert time.monotonic() < until

    gone = visitor.ask("POST", "/api/auth/refresh", refresh_token=refresh_token)
    assert gone.status_code == 401


def test_cookies_log_a_browser_in_but_write_only_from_our_own_pages(town: Town) -> None:
    visitor = Visitor(town.url)
    task = {"name": "Read", "category": "b", "default_duration_minutes": 25, "room": "study"}

    with httpx.Client(base_url=town.url) as browser:
        browser.post("/api/auth/login", json={"email": visitor.email, "password": PASSWORD})
        profile = browser.get("/api/profile")
        elsewhere = browser.post("/api/tasks", json=task, headers={"Origin": "https://evil.test"})
        here = browser.post("/api/tasks", json=task, headers={"Origin": town.url})

    assert profile.status_code == 200
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "ORIGIN_REFUSED")
    assert here.status_code == 201


def test_sixty_parallel_completes_through_the_gateway_pay_once(town: Town) -> None:
    visitor = Visitor(town.url)
    session = visitor.start()
    visitor.wait(25)

    wish = {"session_id": session["session_id"]}
    answers = _at_once(60, visitor, "/api/session/complete", wish)

    assert {answer.status_code for answer in answers} == {200}
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert len({answer.text for answer in answers}) == 1
    assert visitor.get("/api/profile")["hero"]["gold"] == 25


def _at_once(
    count: int, visitor: Visitor, path: str, body: dict[str, object]
) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=count)
    with (
        httpx.Client(
            base_url=visitor.http.base_url,
            headers={"Authorization": visitor.http.headers["Authorization"]},
            timeout=15,
            limits=limits,
        ) as http,
        ThreadPoolExecutor(count) as threads,
    ):
        return list(threads.map(lambda _: http.post(path, json=body), range(count)))


def _without_request(answer: httpx.Response) -> dict[str, object]:
    return {name: value for name, value in answer.json().items() if name != "request_id"}


def test_a_login_takes_the_address_in_the_form_that_was_registered(town: Town) -> None:
    name = f"{Visitor(town.url).email.partition('@')[0]}@xn--bcher-kva.example.com"
    account = {"email": name, "password": PASSWORD}

    with httpx.Client(base_url=town.url, timeout=15) as http:
        registered = http.post("/api/auth/register", json=account)
        logged_in = http.post("/api/auth/login", json=account)

    assert (registered.status_code, logged_in.status_code) == (201, 200)


def test_history_takes_calendar_dates_only(town: Town) -> None:
    visitor = Visitor(town.url)

    assert visitor.ask("GET", "/api/session/history?from=2026-W01-1").status_code == 422
    assert visitor.ask("GET", "/api/session/history?from=2026-01-01").status_code == 200
