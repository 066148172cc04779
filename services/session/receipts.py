"""Receipts: where the numbers of a reward come from.

Nothing of them is stored. A receipt is what the rules of the session's version say of its
minutes and its start; where they do not say what was paid, there is none.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from protos.reward.v1 import reward_pb2
from protos.session.v1 import session_pb2
from protos.timeline.v1 import timeline_pb2
from services.kit.times import instant
from services.session import rules
from services.session.events import WHOLE, running
from services.session.rules import Reward, Rules
from services.session.store import SessionRow


class Paid(NamedTuple):
    """What a receipt is made of: a success as its row tells of it."""

    minutes: int
    started_at: datetime
    reward: Reward
    rules_version: str


class Receipts:
    """Writes receipts. `rules_of` gives the rules of a version, or None where they are unknown."""

    def __init__(self, rules_of: Callable[[str], Rules | None]) -> None:
        self._rules_of = rules_of

    def of(self, successes: Sequence[Paid]) -> list[reward_pb2.Receipt | None]:
        """The receipt of each; None where nobody can tell. Raises Unavailable."""
        versions = {paid.rules_version for paid in successes}
        known = {version: self._rules_of(version) for version in versions}
        return [receipt(paid, known[paid.rules_version]) for paid in successes]

    def write(self, to: Sequence[session_pb2.Session], rows: Sequence[SessionRow]) -> None:
        """Writes into the messages of some rows the receipts of the successes among them."""
        both = zip(to, rows, strict=True)
        paid = [(message, _of_row(row)) for message, row in both if row.status == "success"]
        for (message, _), found in zip(paid, self.of([each for _, each in paid]), strict=True):
            if found is not None:
                message.receipt.CopyFrom(found)

    def explain(self, happenings: Sequence[timeline_pb2.Happening]) -> None:
        """Writes receipts into those happenings that are completed sessions."""
        kind = timeline_pb2.KIND_SESSION_COMPLETED
        completed = [told for told in happenings if told.place.kind == kind]
        for told, found in zip(completed, self.of(list(map(_of_told, completed))), strict=True):
            if found is not None:
                told.receipt.CopyFrom(found)


def receipt(paid: Paid, numbers: Rules | None) -> reward_pb2.Receipt | None:
    """What a reward came from; None unless the rules of its version say just that reward."""
    if numbers is None:
        return None
    event = running(numbers.events, paid.started_at)
    if rules.reward(paid.minutes, numbers, event) != paid.reward:
        return None
    base = rules.reward(paid.minutes, numbers, None)
    return reward_pb2.Receipt(
        base_exp=base.exp,
        exp_percent=event.exp_percent if event else WHOLE,
        base_gold=base.gold,
        gold_percent=event.gold_percent if event else WHOLE,
        event_id=event.id if event else None,
        rules_version=paid.rules_version,
    )


def _of_row(row: SessionRow) -> Paid:
    reward = Reward(row.reward_exp or 0, row.reward_gold or 0)
    return Paid(row.duration_minutes, row.started_at, reward, row.rules_version or "")


def _of_told(told: timeline_pb2.Happening) -> Paid:
    reward = Reward(told.exp, told.gold)
    return Paid(told.duration_minutes, instant(told.started_at), reward, told.rules_version)
