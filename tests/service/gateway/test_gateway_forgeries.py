"""What looks like an access token and is none: all of it gets the same answer.

The tokens are those of the corpus (tests/hostile/corpus/tokens.toml).
"""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.hostile.cases import Case, cases
from tests.hostile.forging import forged, good
from tests.service.gateway.stage import Stage


@pytest.fixture(scope="module")
def answer(stage: Stage) -> Iterator[Callable[..., tuple[int, dict[str, Any]]]]:
    """What a request is told whose Authorization headers are these, but for its own id."""
    with stage.visitor() as client:

        def ask(*authorizations: str) -> tuple[int, dict[str, Any]]:
            headers = [(b"authorization", value.encode("latin-1")) for value in authorizations]
            told: httpx.Response = client.get("/api/tasks", headers=headers)
            body = told.json()
            if told.is_success:
                return told.status_code, {}
            body.pop("request_id")
            return told.status_code, body

        yield ask


Answer = Callable[..., tuple[int, dict[str, Any]]]


def test_a_token_that_is_put_together_by_hand_opens(stage: Stage, answer: Answer) -> None:
    token = good(stage.auth)

    assert answer(f"Bearer {token}") == (200, {})


@pytest.mark.parametrize("case", cases("tokens"), ids=lambda case: case.name)
def test_a_forged_token_gets_the_same_answer_as_none(
    stage: Stage, answer: Answer, case: Case
) -> None:
    told = answer(f"Bearer {forged(case, stage.auth)}")

    assert told == answer()
    assert told[0] == 401


@pytest.mark.parametrize("second", ["Bearer x", "Basic eDp5", "", None])
def test_of_two_authorization_headers_none_counts(
    stage: Stage, answer: Answer, second: str | None
) -> None:
    valid = f"Bearer {stage.auth.token(str(uuid.uuid4()))}"
    other = valid if second is None else second

    assert answer(valid)[0] == 200
    assert answer(valid, other) == answer(other, valid) == answer()
