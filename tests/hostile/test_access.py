"""Who may reach what: every call of the document with another player's ids, as nobody, as no operator."""

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.hostile.belongings import Resident
from tests.hostile.document import FORM, JSON, Operation
from tests.hostile.templates import filled

pytestmark = pytest.mark.xdist_group("hostile")

NOBODY = "0190c0de-0000-7000-8000-00000000ffff"
# Ids that are no player's: whoever asks is told of the item, and of nobody.
SHARED = {
    ("POST /api/shop/buy", "item_id"): "the shop sells to everybody",
    ("POST /api/sandbox/grant", "item_id"): "everything that there is can be given",
}
WORDS = {"canary": "matrix", "secret": "matrix"}


def test_another_players_ids_are_told_what_ids_that_nobody_has_are_told(
    calls: list[Operation], ada: Resident, bob: Resident
) -> None:
    before = ada.state(), bob.state()

    wrong = [
        f"{call.name} {name}: {told[0].text} and {told[1].text}"
        for thief, owner in ((ada, bob), (bob, ada))
        for call, name in private_ids(calls)
        for told in [[ask(thief, call, {name: each}) for each in (owner.ids[name], NOBODY)]]
        if {answer.status_code for answer in told} != {404} or lasting(told[0]) != lasting(told[1])
    ]

    assert not wrong, "\n".join(wrong)
    assert (ada.state(), bob.state()) == before


def test_what_the_matrix_leaves_out_is_there(calls: list[Operation]) -> None:
    assert set(SHARED) <= {(call.name, name) for call in calls for name in ids_of(call)}
    assert len(list(private_ids(calls))) >= 7


def test_a_place_in_a_list_that_is_another_players_shows_nothing_of_theirs(
    calls: list[Operation], ada: Resident, bob: Resident
) -> None:
    # Smaller than nothing of hers: as if it were the newest of all.
    place = base64.urlsafe_b64encode(uuid.UUID(bob.ids["session_id"]).bytes).decode().rstrip("=")

    lists = [c for c in calls if "cursor" in [f.name for f in c.query] and not c.is_operators]
    answers = [ada.http.get(call.path, params={"cursor": place}) for call in lists]

    assert answers
    for answer in answers:
        assert answer.status_code == 200
        assert bob.user["id"] not in answer.text
        assert {each["session_id"] for each in answer.json()} <= finished(ada)


def test_a_key_that_another_player_used_is_a_new_one(ada: Resident, bob: Resident) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    task = {"name": "Read", "category": "x", "default_duration_minutes": 25, "room": "study"}

    hers = ada.http.post("/api/tasks", json=task, headers=key)
    his = bob.http.post("/api/tasks", json=task, headers=key)

    assert (hers.status_code, his.status_code) == (201, 201)
    assert "Idempotency-Replayed" not in his.headers
    assert hers.json()["id"] != his.json()["id"]


def test_nobody_comes_in_without_identity(calls: list[Operation], ada: Resident) -> None:
    guarded = [call for call in calls if call.is_guarded]
    with httpx.Client(base_url=str(ada.http.base_url), timeout=15) as stranger:
        told = {call.name: send(stranger, call, ada.ids) for call in guarded}

    assert {name for name, answer in told.items() if answer.status_code != 401} == set()
    assert len({json.dumps(lasting(answer)) for answer in told.values()}) == 1


def test_an_operators_call_tells_a_player_that_and_nothing_else(
    calls: list[Operation], ada: Resident, bob: Resident
) -> None:
    before = bob.state()
    operators = [call for call in calls if call.is_operators]
    asked: tuple[Mapping[str, str], ...] = (
        {},
        bob.ids,
        dict.fromkeys(bob.ids, NOBODY),
        dict.fromkeys(bob.ids, "no-id"),
    )

    told = {call.name: [ask(ada, call, ids) for ids in asked] for call in operators}

    assert operators
    assert {n for n, answers in told.items() if {a.status_code for a in answers} != {403}} == set()
    assert len({json.dumps(lasting(a)) for answers in told.values() for a in answers}) == 1
    assert bob.state() == before


def test_only_what_needs_no_player_is_open(calls: list[Operation]) -> None:
    opened = {call.path for call in calls if not call.is_guarded and call.path.startswith("/api/")}

    assert opened == {
        f"/api/auth/{name}"
        for name in (
            "register",
            "login",
            "token",
            "refresh",
            "request-verify",
            "verify",
            "forgot-password",
            "reset-password",
        )
    }


def ids_of(call: Operation) -> list[str]:
    """The names of all ids that a call takes."""
    return [*call.path_ids, *(f.name for f in (*call.fields, *call.query) if f.kind == "id")]


def private_ids(calls: list[Operation]) -> Iterator[tuple[Operation, str]]:
    """Every id of a player's own that some call takes, beside the operators' calls."""
    for call in calls:
        for name in ids_of(call):
            if not call.is_operators and (call.name, name) not in SHARED:
                yield call, name


def ask(player: Resident, call: Operation, ids: Mapping[str, str]) -> httpx.Response:
    """What a player is told who sends these ids in place of their own."""
    return send(
        player.http, call, {**player.ids, **ids}, {n: ids[n] for n in ids_of(call) if n in ids}
    )


def send(
    client: httpx.Client,
    call: Operation,
    ids: Mapping[str, str],
    also: Mapping[str, str] | None = None,
) -> httpx.Response:
    """What a good request is told; `also` are ids that are sent where they may be left out."""
    fields = {field.name for field in call.fields}
    given = {name: value for name, value in (also or {}).items() if name in fields}
    body = json.loads(filled(json.dumps(call.example(ids) | given), WORDS))
    sent: dict[str, Any] = {JSON: {"json": body}, FORM: {"data": body}, "": {}}[call.media]
    named = {field.name for field in call.query}
    query = {name: value for name, value in (also or {}).items() if name in named}
    return client.request(call.method, call.target(ids), params=query, **sent)


def lasting(answer: httpx.Response) -> dict[str, Any]:
    """A problem, without what is of one request only."""
    said: dict[str, Any] = answer.json()
    return {name: value for name, value in said.items() if name != "request_id"}


def finished(player: Resident) -> set[str]:
    """The sessions in a player's history."""
    return {each["session_id"] for each in player.get("/api/session/history")}
