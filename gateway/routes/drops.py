"""The odds of a drop, and how to check that it was fair."""

import asyncio
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from gateway.plain import Documented, json_answer, route
from gateway.routes.inventory import RARITIES
from gateway.town import asked_by, town_of
from protos.inventory.v1 import inventory_pb2
from protos.session.v1 import session_pb2

HOW_TO_VERIFY = (
    "At the start a session draws 32 random bytes, its seed, and shows their SHA-256 as "
    "drop_commitment (64 lower-case hex digits of the 32 raw bytes). Its completion reveals the "
    "seed in drop_proof. 1. Check that SHA-256(seed) is the commitment that you saw at the start. "
    "2. Compute HMAC-SHA256 with the 32 raw bytes of the seed as key and the 36 ASCII characters "
    "of session_id as message. 3. roll is bytes 0 to 7, read as a big-endian number, mod 10000; "
    "the session dropped if roll is less than chance. 4. Bytes 8 to 15, big-endian, mod the sum "
    "of the weights of the rarities that you did not own completely, choose the rarity, counted "
    "in the order common, rare, epic. 5. Bytes 16 to 23, big-endian, mod the number of items of "
    "that rarity that you did not own, choose the item, counted in the order of their ids. Only "
    "items count that could be obtained when the session started: those of an event only while "
    "it runs. If you owned all of these, there is no item."
)


class RarityWeight(Documented):
    """How often a rarity is chosen, relative to the others."""

    rarity: Literal["common", "rare", "epic"]
    weight: int


class Odds(Documented):
    """A successful session drops when its roll, below `out_of`, is below `chance`.

    `chance` is that of a session that the player starts now: an event may change it while it
    runs. The session's `drop_proof` tells which one was used.
    """

    chance: int
    out_of: Literal[10000]
    rarities: list[RarityWeight]
    rules_version: str
    how_to_verify: str


async def read_odds(request: Request) -> Response:
    """How likely a drop is, which rarity it has, and how to check a drop's proof."""
    player = await asked_by(request)
    session, inventory = (s := town_of(request).services).session, s.inventory
    chance, rarities = await asyncio.gather(
        session.call(
            session.methods.GetDropChance, session_pb2.GetDropChanceRequest(user_id=player.id)
        ),
        inventory.call(inventory.methods.GetRarityWeights, inventory_pb2.GetRarityWeightsRequest()),
    )
    return json_answer(
        {
            "chance": chance.chance,
            "out_of": 10000,
            "rarities": [
                {"rarity": RARITIES.word(w.rarity), "weight": w.weight} for w in rarities.weights
            ],
            "rules_version": chance.rules_version,
            "how_to_verify": HOW_TO_VERIFY,
        }
    )


ROUTES = [route("GET /api/drops/odds", read_odds, answer=Odds)]
