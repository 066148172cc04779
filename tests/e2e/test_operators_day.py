"""An operator's day, from the first superuser on: through the command line and the API of an open town."""

import time
from datetime import date as Date  # noqa: N812  # `date` is one of an answer here
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.e2e.opened import Town
from tests.e2e.test_operator import nesra
from tests.e2e.visitor import PASSWORD, Visitor
from tests.service.town.command import promote

pytestmark = pytest.mark.xdist_group("town")
# A logout reaches every gateway within 1 s; the rest is the test's own.
SOON_S = 2.0


@pytest.fixture(scope="module")
def operator(town: Town) -> Visitor:
    """A visitor whom the command line made a superuser."""
    visitor = Visitor(town.url)
    promote(town.home, visitor.email)
    return visitor


def audit(operator: Visitor, target: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = operator.get(f"/api/admin/audit?target={target}")
    return entries


def test_the_first_superuser_comes_from_the_command_line(town: Town) -> None:
    email = f"first-{time.monotonic_ns()}@example.com"
    words = ("user", "create", "--superuser", "--email", email, "--password", PASSWORD)
    done = nesra(town.home, *words)
    assert done.returncode == 0, done.stderr

    with httpx.Client(base_url=town.url, timeout=15) as http:
        tokens = http.post("/api/auth/login", json={"email": email, "password": PASSWORD}).json()
        http.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        (found,) = http.get("/api/admin/users", params={"query": email[:-4].upper()}).json()
        (entry,) = http.get("/api/admin/audit", params={"target": found["id"]}).json()

    assert (found["email"], found["is_superuser"]) == (email, True)
    assert (entry["action"], entry["reason"]) == ("user.create", "created")
    assert entry["actor"].startswith("operator ")


def test_a_player_is_looked_at_whole_and_given_something_once(
    town: Town, operator: Visitor
) -> None:
    player = Visitor(town.url)
    player.focus(25)
    user = f"/api/admin/users/{player.user['id']}"
    # The session may have dropped one already.
    item = next(item for item in player.get("/api/items") if not item["owned"])
    gift = {"exp": 60, "gold": 5, "item_id": item["id"], "reason": "ticket 7"}

    heroes = [
        operator.http.post(f"{user}/grant", json=gift, headers={"Idempotency-Key": "seven"})
        for _ in range(2)
    ]
    whole = operator.get(user)

    assert [answer.status_code for answer in heroes] == [200, 200]
    assert [answer.headers.get("Idempotency-Replayed") for answer in heroes] == [None, "true"]
    assert (
        heroes[0].json() == heroes[1].json() == whole["hero"] == player.get("/api/profile")["hero"]
    )
    assert (whole["hero"]["level"], whole["hero"]["exp"], whole["hero"]["gold"]) == (2, 10, 30)
    assert item["id"] in [owned["id"] for owned in whole["items"]]
    assert whole["user"] == player.get("/api/users/me")
    entries = audit(operator, player.user["id"])
    assert [entry["action"] for entry in entries] == ["item.grant", "reward.grant"]
    assert {entry["actor"] for entry in entries} == {operator.user["id"]}
    assert entries[1]["changes"] == {"level": [1, 2], "exp": [50, 10], "gold": [25, 30]}


def test_a_streak_is_explained_and_a_date_restored(town: Town, operator: Visitor) -> None:
    player = Visitor(town.url)
    player.focus(25)
    user = f"/api/admin/users/{player.user['id']}"
    told = operator.get(f"{user}/explain/streak")
    (date,) = told["dates"]
    missed = str(Date.fromisoformat(date["date"]) - timedelta(days=1))

    world = operator.ok("POST", f"{user}/restore-streak", dates=[missed], reason="town was down")

    assert (told["day_streak"], date["kind"], date["zone"]) == (1, "earned", "UTC")
    assert (world["day_streak"], world["last_session_date"]) == (2, date["date"])
    assert world == player.get("/api/worldstate")
    again = operator.get(f"{user}/explain/streak?from={missed}")
    assert [(one["date"], one["kind"]) for one in again["dates"]] == [
        (missed, "restored"),
        (date["date"], "earned"),
    ]
    (entry,) = audit(operator, player.user["id"])
    assert (entry["action"], entry["changes"][missed]) == ("streak.restore", [None, "restored"])
    clear = nesra(town.home, "verify", "--player", player.user["id"])
    assert clear.returncode == 0, clear.stdout


def test_a_closed_account_is_out_within_a_second_and_an_opened_one_may_come_back(
    town: Town, operator: Visitor
) -> None:
    player = Visitor(town.url)
    user = f"/api/admin/users/{player.user['id']}"

    operator.ok("PATCH", user, is_active=False, reason="ticket 7")
    closed_at = time.monotonic()
    while player.ask("GET", "/api/tasks").status_code != 401:
        assert time.monotonic() < closed_at + SOON_S
    login = player.ask("POST", "/api/auth/login", email=player.email, password=PASSWORD)
    operator.ok("PATCH", user, is_active=True, reason="ticket 7")
    player.log_in()

    assert (login.status_code, login.json()["code"]) == (401, "BAD_CREDENTIALS")
    assert player.get("/api/users/me")["is_active"]
    assert len(audit(operator, player.user["id"])) == 2


def test_an_item_is_made_renamed_and_retired(operator: Visitor) -> None:
    key = f"hat_{time.monotonic_ns()}"
    wish = {"name": "Crown", "type": "hat", "rarity": "epic", "sprite_key": key, "reason": "fair"}

    item = operator.ok("POST", "/api/admin/items", **wish)
    path = f"/api/admin/items/{item['id']}"
    operator.ok("PATCH", path, name="Top Hat", reason="typo")
    shown = [one["name"] for one in operator.get("/api/items") if one["id"] == item["id"]]
    operator.ok("PATCH", path, retired=True, reason="the fair is over")

    assert shown == ["Top Hat"]
    assert item["id"] not in [one["id"] for one in operator.get("/api/items")]
    assert operator.get(path)["retired"]
    actions = [entry["action"] for entry in audit(operator, item["id"])]
    assert actions == ["item.update", "item.update", "item.create"]


def test_who_is_demoted_is_no_operator_any_more(town: Town, operator: Visitor) -> None:
    other = Visitor(town.url)
    user = f"/api/admin/users/{other.user['id']}"
    operator.ok("PATCH", user, is_superuser=True, reason="helps out")
    other.get("/api/admin/deliveries")

    demoted = nesra(town.home, "user", "demote", other.email, "--reason", "went home")

    assert demoted.returncode == 0, demoted.stderr
    answer = other.ask("GET", "/api/admin/deliveries")
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
