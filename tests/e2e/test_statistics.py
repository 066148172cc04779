"""What a life over several zones comes to, and what an operator reads of it, in a whole town."""

from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.opened import Town
from tests.e2e.visitor import Visitor
from tests.service.town.command import promote

pytestmark = pytest.mark.xdist_group("town")
DAY = 24 * 60


def move(visitor: Visitor, zone: str) -> None:
    visitor.ok("PATCH", "/api/users/me", timezone=zone)


def document(visitor: Visitor) -> dict[str, Any]:
    found: dict[str, Any] = visitor.get("/api/users/me/export")
    return found


def test_statistics_are_by_the_dates_that_the_town_credited(town: Town) -> None:
    visitor = Visitor(town.url)
    for zone in ("Pacific/Kiritimati", "America/New_York", "Europe/Berlin"):
        move(visitor, zone)
        for wait in (7 * 60, 9 * 60, 11 * 60):
            visitor.focus(30)
            visitor.wait(wait)
    given_up = visitor.start(30)
    visitor.ok("POST", "/api/session/cancel", session_id=given_up["session_id"])

    found = visitor.get("/api/session/stats")

    credited = document(visitor)["world"]["credited_session"]
    by_day = Counter(row["local_date"] for row in credited)
    assert {day["date"]: day["sessions"] for day in found["days"] if day["sessions"]} == by_day
    for day in by_day:
        on_it = visitor.get(f"/api/session/history?status=success&from={day}&to={day}")
        assert len(on_it) == by_day[day]
    history = [s for s in visitor.get("/api/session/history") if s["status"] == "success"]
    assert len(history) == 9
    assert found["totals"] == {
        "sessions": 9,
        "minutes": 270,
        "exp": sum(session["reward_exp"] for session in history),
        "gold": sum(session["reward_gold"] for session in history),
        "drops": sum(session["dropped_item"] is not None for session in history),
    }
    most = max(by_day.items(), key=lambda day: (day[1], day[0]))
    assert found["best_day"] == {"date": most[0], "sessions": most[1], "minutes": 30 * most[1]}
    assert [room["sessions"] for room in found["rooms"]] == [9, 0, 0]
    assert [category["minutes"] for category in found["categories"]] == [270]


def test_a_new_players_statistics_are_empty_and_end_today(town: Town) -> None:
    visitor = Visitor(town.url)
    move(visitor, "Pacific/Kiritimati")

    found = visitor.get("/api/session/stats")

    now = datetime.fromisoformat(visitor.get("/api/sandbox/clock")["now"])
    assert len(found["days"]) == 30
    assert found["days"][-1]["date"] == str(now.astimezone(ZoneInfo("Pacific/Kiritimati")).date())
    assert found["totals"] == {"sessions": 0, "minutes": 0, "exp": 0, "gold": 0, "drops": 0}
    assert (found["best_day"], found["categories"]) == (None, [])


def test_an_operator_reads_everything_that_happened_in_order(town: Town) -> None:
    operator, player = Visitor(town.url), Visitor(town.url)
    promote(town.home, operator.email)
    user = f"/api/admin/users/{player.user['id']}"
    move(player, "Asia/Tokyo")
    player.focus(25)
    player.ok("POST", "/api/sandbox/grant", gold=1000)
    shop = player.get("/api/shop")
    offer = next(offer for offer in shop["offers"] if not offer["owned"])
    player.ok("POST", "/api/shop/buy", item_id=offer["item"]["id"], rotation_id=shop["rotation_id"])
    given_up = player.start(25)
    player.ok("POST", "/api/session/cancel", session_id=given_up["session_id"])
    player.start(25)
    player.wait(2 * DAY)
    assert player.ask("GET", "/api/session/active").status_code == 204
    operator.ok("POST", f"{user}/grant", exp=5, reason="ticket 7")
    player.ok("POST", "/api/auth/logout")

    rows: list[dict[str, Any]] = []
    url = f"{user}/timeline?limit=4"
    while url:
        answer = operator.http.get(url)
        rows += answer.json()
        url = answer.links.get("next", {}).get("url", "")

    places = [(row["at"], row["id"]) for row in rows]
    assert places == sorted(places, reverse=True)
    kinds = Counter(row["kind"] for row in rows)
    # The session may have dropped an item too.
    dropped = kinds["item_obtained"] - 1
    assert kinds == {
        "account_created": 1,
        "logged_in": 1,
        "logged_out": 1,
        "zone_changed": 1,
        "session_started": 3,
        "session_completed": 1,
        "session_cancelled": 1,
        "session_timed_out": 1,
        "session_credited": 1,
        "item_bought": 1,
        "item_obtained": 1 + dropped,
        "reward_granted": 2,
        "operator_changed": 1,
    }
    of = {row["kind"]: row for row in rows}
    assert of["session_completed"]["exp"] == 50
    assert of["item_bought"]["item_id"] == offer["item"]["id"]
    assert of["operator_changed"]["actor"] == operator.user["id"]
    assert of["zone_changed"]["timezone"] == "Asia/Tokyo"
    assert player.email not in answer.text
    assert "seed" not in str(rows)
