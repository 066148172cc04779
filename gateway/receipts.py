"""Receipts: where the numbers of a reward come from, as the API tells it."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from gateway.plain import Documented
from protos.reward.v1 import reward_pb2 as pb

_EXAMPLE: dict[str, Any] = {
    "exp": {"base": 50, "multiplier": 1.5},
    "gold": {"base": 25, "multiplier": 1},
    "event_id": "midsummer-2027",
    "rules_version": "3f0c2a9d41be",
}


class RewardPart(Documented):
    """What was paid is `base` times `multiplier`, rounded down.

    `base`: the planned minutes times what the rules pay for one. `multiplier`: the event's, 1
    without one; it has two decimals at most, so multiply in whole hundredths to be exact.
    """

    base: int
    multiplier: Annotated[float, Field(ge=0)]


class Receipt(Documented):
    """Where a session's rewards come from.

    `event_id`: the event that ran when the session started; null for none. All of it is what
    the rules of that version say.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    exp: RewardPart
    gold: RewardPart
    event_id: str | None
    rules_version: str


def receipt_json(receipt: pb.Receipt) -> dict[str, Any]:
    """`Receipt` of the contract."""
    return {
        "exp": {"base": receipt.base_exp, "multiplier": receipt.exp_percent / 100},
        "gold": {"base": receipt.base_gold, "multiplier": receipt.gold_percent / 100},
        "event_id": receipt.event_id if receipt.HasField("event_id") else None,
        "rules_version": receipt.rules_version,
    }
