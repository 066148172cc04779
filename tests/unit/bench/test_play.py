"""Answers are counted for whom they belong to, in whatever order they came, and each exactly once."""

import json

import pytest

from bench.driver import Answers
from bench.play import Player, _note_completed, _note_started


def players() -> list[Player]:
    return [Player("", f"user {n}", task_id=f"task {n}") for n in range(3)]


def answered(*bodies: object) -> Answers:
    return Answers([200] * len(bodies), [json.dumps(one) for one in bodies], [], 1.0)


def completed(number: int, *, settled: bool = True) -> object:
    return {"settled": settled, "hero": {"user_id": f"user {number}"}}


def test_a_session_is_of_the_player_whose_task_it_is() -> None:
    some = players()
    started = [{"task_template_id": f"task {n}", "session_id": f"session {n}"} for n in (2, 0, 1)]

    _note_started(some, answered(*started))

    assert [one.session_id for one in some] == ["session 0", "session 1", "session 2"]


def test_every_player_has_completed_once() -> None:
    some = players()

    _note_completed(some, answered(completed(2), completed(0), completed(1)))

    assert [one.completed for one in some] == [1, 1, 1]


@pytest.mark.parametrize(
    "bodies",
    [
        [completed(0), completed(1)],
        [completed(0), completed(1), completed(2, settled=False)],
        [completed(0), completed(1), completed(1)],
    ],
)
def test_a_completion_that_is_missing_unsettled_or_double_stops_the_bench(
    bodies: list[object],
) -> None:
    with pytest.raises((SystemExit, KeyError)):
        _note_completed(players(), answered(*bodies))
