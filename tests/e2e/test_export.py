"""What a player is handed out is what the town shows, through all five processes."""

import pytest

from tests.e2e.opened import Town
from tests.e2e.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.xdist_group("town")


def test_a_player_takes_everything_along(town: Town) -> None:
    visitor = Visitor(town.url)
    completion = visitor.focus(25)
    pending = visitor.start(25)

    answer = visitor.ask("GET", "/api/users/me/export")
    document = answer.json()

    assert document["auth"]["user"][0]["email"] == visitor.email
    assert document["session"]["hero"][0]["gold"] == completion["hero"]["gold"]
    sessions = {session["id"]: session for session in document["session"]["session"]}
    assert sessions[pending["session_id"]]["seed"] is None
    assert completion["drop_proof"]["seed"] in {session["seed"] for session in sessions.values()}
    assert document["world"]["world_state"][0]["total_sessions_success"] == 1
    assert PASSWORD not in answer.text
    assert "argon2" not in answer.text
