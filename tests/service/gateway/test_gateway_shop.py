"""What the shop tells and sells, and which events there are."""

from typing import Any

import httpx
import pytest

from gateway.routes.inventory import item_json
from services.kit.errors import Refused, Unavailable
from tests.service.gateway.actor import refusing
from tests.service.gateway.calls import ID, send
from tests.service.gateway.lines import STAMP_JSON, item
from tests.service.gateway.stage import Stage


def test_a_purchase_has_the_keys_of_the_contract_in_their_order(
    stage: Stage, player: httpx.Client
) -> None:
    answer = send(player, "POST /api/shop/buy")

    assert list(answer.json()) == ["item", "gold_spent", "hero"]
    assert answer.json()["hero"]["streak"] == 2
    (asked,) = stage.session.seen["BuyItem"][-1:]
    assert (asked.item_id, asked.rotation_id) == (ID, "2026-01-01-0123456789ab")


def test_a_shop_shows_its_offers_and_when_they_rotate(player: httpx.Client) -> None:
    shop = send(player, "GET /api/shop").json()

    assert list(shop) == ["rotation_id", "rotates_at", "offers"]
    assert shop["rotates_at"] == STAMP_JSON
    assert [list(offer) for offer in shop["offers"]] == [["item", "price_gold", "owned"]]


def test_an_event_has_the_keys_of_the_contract_in_their_order(player: httpx.Client) -> None:
    (event,) = send(player, "GET /api/events").json()

    assert event == {
        "event_id": "summer-fair",
        "name": "Summer Fair",
        "starts_at": STAMP_JSON,
        "ends_at": STAMP_JSON,
        "running": True,
        "exp_multiplier": 1.5,
        "gold_multiplier": 1,
        "items": [item_json(item())],
    }
    assert list(event) == [
        "event_id",
        "name",
        "starts_at",
        "ends_at",
        "running",
        "exp_multiplier",
        "gold_multiplier",
        "items",
    ]


def test_nothing_is_bought_while_the_answer_could_not_be_given(
    stage: Stage, player: httpx.Client
) -> None:
    before = len(stage.session.seen.get("BuyItem", ()))

    with stage.world.playing(BatchGetWorlds=refusing(Unavailable())):
        answer = send(player, "POST /api/shop/buy")

    assert answer.status_code == 503
    assert len(stage.session.seen.get("BuyItem", ())) == before


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("NOT_ENOUGH_GOLD", 409),
        ("ALREADY_OWNED", 409),
        ("OFFER_EXPIRED", 409),
        ("ITEM_UNKNOWN", 404),
    ],
)
def test_a_refused_purchase_says_why(
    stage: Stage, player: httpx.Client, reason: str, status: int
) -> None:
    with stage.session.playing(BuyItem=refusing(Refused(reason, {}))):
        answer = send(player, "POST /api/shop/buy")

    assert answer.status_code == status
    assert answer.json()["code"] == ("NOT_FOUND" if status == 404 else reason)


@pytest.mark.parametrize("rotation_id", ["", "x" * 65, 7, None])
def test_a_rotation_id_that_cannot_be_is_invalid(player: httpx.Client, rotation_id: Any) -> None:
    body = {"item_id": ID, "rotation_id": rotation_id}

    answer = send(player, "POST /api/shop/buy", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")
