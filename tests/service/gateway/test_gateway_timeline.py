"""What happened to a player, out of all four services: one list, page by page."""

import itertools
from typing import Any

import httpx
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.routes.admin.timeline import KINDS
from protos.auth.v1 import auth_pb2
from protos.failure.v1 import failure_pb2
from protos.timeline.v1 import timeline_pb2 as pb
from services.kit.errors import Unavailable
from tests.service.gateway.actor import refusing
from tests.service.gateway.calls import ID
from tests.service.gateway.lines import DEVICE, HAT, RECEIPT_JSON, STAMP_JSON, happening, happenings
from tests.service.gateway.stage import Stage
from tests.service.gateway.test_gateway_refusals import problem

PATH = f"/api/admin/users/{ID}/timeline"


def pages(player: httpx.Client, url: str) -> list[list[dict[str, Any]]]:
    found = []
    while url:
        answer = player.get(url)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        url = answer.links.get("next", {}).get("url", "")
        assert len(found) < 20, "it never ends"
    return found


def places(rows: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(row["at"], row["id"], KINDS.value(row["kind"])) for row in rows]


def test_all_services_tell_in_one_order_and_no_page_loses_or_repeats_any(
    stage: Stage, player: httpx.Client
) -> None:
    # Many at one instant, of one id: only all three of at, id and kind tell them apart.
    kinds = {
        stage.auth: [pb.KIND_LOGGED_IN, pb.KIND_ACCOUNT_CREATED],
        stage.session: [pb.KIND_SESSION_CANCELLED, pb.KIND_SESSION_TIMED_OUT],
        stage.inventory: [pb.KIND_DROP_EMPTY],
        stage.world: [pb.KIND_SESSION_CREDITED],
    }
    every = [
        [
            happening(kind, at=Timestamp(seconds=second, nanos=1000), of=of, **_told(kind))
            for second, of, kind in itertools.product((7, 6, 5), (HAT, ID), sorted(own)[::-1])
        ]
        for own in kinds.values()
    ]
    every = [sorted(own, key=_order, reverse=True) for own in every]
    with (
        stage.auth.playing(ListHappenings=happenings(*every[0])),
        stage.session.playing(ListHappenings=happenings(*every[1])),
        stage.inventory.playing(ListHappenings=happenings(*every[2])),
        stage.world.playing(ListHappenings=happenings(*every[3])),
    ):
        found = pages(player, f"{PATH}?limit=5")

    rows = places([row for page in found for row in page])
    assert rows == sorted(rows, reverse=True)
    assert len(rows) == len(set(rows)) == sum(map(len, every)) == 36
    assert [len(page) for page in found] == [5] * 7 + [1]


def test_what_happens_meanwhile_moves_nothing(stage: Stage, player: httpx.Client) -> None:
    old = [happening(pb.KIND_LOGGED_IN, at=Timestamp(seconds=s)) for s in (4, 3, 2, 1)]
    new = happening(pb.KIND_LOGGED_IN, at=Timestamp(seconds=5))
    nothing = happenings()
    with (
        stage.session.playing(ListHappenings=nothing),
        stage.inventory.playing(ListHappenings=nothing),
        stage.world.playing(ListHappenings=nothing),
    ):
        with stage.auth.playing(ListHappenings=happenings(*old)):
            first = player.get(PATH, params={"limit": 2})
        with stage.auth.playing(ListHappenings=happenings(new, *old)):
            rest = player.get(first.links["next"]["url"])

    assert [row["at"][17:19] for row in first.json() + rest.json()] == ["04", "03", "02", "01"]
    assert "next" not in rest.links


def test_an_entry_tells_when_what_by_whom_and_what_its_kind_has_to_say(
    player: httpx.Client,
) -> None:
    found = {row["kind"]: row for row in player.get(PATH).json()}

    stood = {"at": STAMP_JSON, "id": DEVICE}
    assert found == {
        "logged_in": {**stood, "kind": "logged_in", "service": "auth", "device": None},
        "session_completed": {
            **stood,
            "kind": "session_completed",
            "service": "session",
            "exp": 50,
            "gold": 25,
            "levels_gained": 0,
            "receipt": RECEIPT_JSON,
        },
        "item_obtained": {
            **stood,
            "kind": "item_obtained",
            "service": "inventory",
            "item_id": HAT,
            "source": "grant",
            "session_id": None,
            "purchase_id": None,
        },
        "session_credited": {
            **stood,
            "kind": "session_credited",
            "service": "world",
            "date": "2026-01-01",
            "rooms_upgraded": [],
        },
    }


@pytest.mark.parametrize("kind", KINDS._values)
def test_every_kind_can_be_told(stage: Stage, player: httpx.Client, kind: str) -> None:
    told = happening(KINDS.value(kind))
    with stage.session.playing(ListHappenings=happenings(told)):
        rows = player.get(PATH).json()

    (row,) = (row for row in rows if row["kind"] == kind and row["service"] == "session")
    assert row["id"] == DEVICE


def test_of_nobody_nothing_is_asked(stage: Stage, player: httpx.Client) -> None:
    unknown = auth_pb2.UserResult(failure=failure_pb2.Failure(reason="USER_UNKNOWN"))
    known = stage.auth.plays["BatchGetUsers"]

    def play(request: auth_pb2.BatchGetUsersRequest) -> auth_pb2.BatchGetUsersResponse:
        if list(request.user_ids) == [ID]:
            return auth_pb2.BatchGetUsersResponse(results=[unknown])
        answer: auth_pb2.BatchGetUsersResponse = known(request)
        return answer

    asked = len(stage.session.seen.get("ListHappenings", []))
    with stage.auth.playing(BatchGetUsers=play):
        problem(player.get(PATH), "NOT_FOUND")

    assert len(stage.session.seen.get("ListHappenings", [])) == asked


@pytest.mark.parametrize("cursor", ["", "x", "A" * 31, "A" * 33, "A" * 31 + "=", "é" * 32])
def test_a_cursor_of_another_form_is_refused(player: httpx.Client, cursor: str) -> None:
    problem(player.get(PATH, params={"cursor": cursor}), "VALIDATION_FAILED")


@pytest.mark.parametrize("cursor", ["A" * 32, "_" * 32])
def test_a_cursor_that_nobody_gave_leads_somewhere(player: httpx.Client, cursor: str) -> None:
    assert player.get(PATH, params={"cursor": cursor}).status_code == 200


def test_a_timeline_that_cannot_be_read_whole_is_not_shown_as_if_it_were(
    stage: Stage, player: httpx.Client
) -> None:
    with stage.inventory.playing(ListHappenings=refusing(Unavailable())):
        problem(player.get(PATH), "UNAVAILABLE")


def _told(kind: int) -> dict[str, Any]:
    return {"date": "2026-01-01"} if kind == pb.KIND_SESSION_CREDITED else {}


def _order(told: pb.Happening) -> tuple[int, str, int]:
    return told.place.at.seconds, told.place.id, told.place.kind
