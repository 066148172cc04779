"""Each item of a batch succeeds or fails alone."""

from collections.abc import Sequence

import pytest

from services.kit import batches, database
from services.kit.batches import isolated
from services.kit.errors import Failure, HeldUp, Unavailable
from services.kit.shards import ShardsMixed


def _halves(items: Sequence[int]) -> list[float]:
    return [2 / item for item in items]


def test_a_whole_batch_is_one_call() -> None:
    calls: list[int] = []

    def work(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        return list(items)

    assert isolated(work, [1, 2, 3]) == [1, 2, 3]
    assert calls == [3]


def test_a_poisoned_item_fails_alone_and_the_order_stays() -> None:
    answers = isolated(_halves, [1, 0, 2])

    assert answers[0] == 2.0
    assert isinstance(answers[1], Failure)
    assert answers[1].reason == "INTERNAL"
    assert answers[2] == 1.0


@pytest.mark.parametrize("failure", [Unavailable, ShardsMixed])
def test_what_concerns_the_whole_call_is_not_tried_item_by_item(failure: type[Exception]) -> None:
    calls: list[int] = []

    def work(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        raise failure

    with pytest.raises(failure):
        isolated(work, [1, 2, 3])
    assert calls == [3]


def test_a_locked_item_fails_alone_and_may_be_tried_again() -> None:
    def work(items: Sequence[int]) -> list[int]:
        if 2 in items:
            raise HeldUp
        return list(items)

    answers = isolated(work, [1, 2, 3])

    assert (answers[0], answers[2]) == (1, 3)
    assert isinstance(answers[1], Failure)
    assert answers[1].reason == "UNAVAILABLE"


def test_items_of_a_batch_that_was_held_up_are_tried_in_a_hurry() -> None:
    moods: list[bool] = []

    def work(_: Sequence[int]) -> list[int]:
        moods.append(database._mood.is_hurried)
        raise HeldUp

    isolated(work, [1, 2])

    assert moods == [False, True, True]


def test_items_for_which_no_time_is_left_may_be_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "SINGLY_WITHIN_S", 0.0)
    calls: list[int] = []

    def work(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        raise HeldUp

    answers = isolated(work, [1, 2, 3])

    assert [type(answer) for answer in answers] == [Unavailable] * 3
    assert calls == [3]
