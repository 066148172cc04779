"""An address has one name: no spelling of it reaches a call past a limit or a proxy's rule."""

import pytest

from tests.service.gateway.calls import ID
from tests.service.gateway.sockets import Answer, answers, checked, connected, until_closed
from tests.service.gateway.stage import Stage


def asked(stage: Stage, path: str, method: str = "GET") -> Answer:
    """The answer to a player who asks for this path, as it stands here."""
    token = stage.auth.token(ID)
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    with connected(stage) as connection:
        connection.sendall(head.encode("latin-1") + b"Connection: close\r\n\r\n")
        [answer] = answers(until_closed(connection))
    return answer


@pytest.mark.parametrize(
    "path",
    [
        "//api/profile",
        "/api//profile",
        "/api/profile/",
        "/api/profile//",
        "/api/../api/profile",
        "/api/./profile",
        "/./api/profile",
        "/api/x/../profile",
        "/api/%2e%2e/api/profile",
        "/api/%2e/profile",
        "/api/..%2fapi/profile",
        "/api%2fprofile",
        "/api/%70rofile",
        "/%61pi/profile",
        "/api/profil%65",
        "/api/profile%20",
        "/api/profile%00",
        "/api/profile%0a",
        "/api/profile%3fx=1",
        "/api/profile%23",
        "/api/profile;x=1",
        "/api;x/profile",
        "/api/profile.json",
        "/api/profile%ff",
        "/api/profile%c0%af",
        "/api/profile%",
        "/api/profile%zz",
        "/API/PROFILE",
        "/api/Profile",
        "/api\\profile",
        "/api/profile,",
        "/%61pi/auth/login",
        "/%76erify?token=x",
        "/d%6fcs",
        "/%6fpenapi.json",
        "/%6detrics",
        "/docs/assets",
        "/docs/assets/",
        "/docs/assets/../start.js",
        "/docs/assets/../../../../etc/passwd",
        "/docs/assets/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/docs/assets/..%2f..%2f..%2f..%2fetc/passwd",
        "/docs/assets//etc/passwd",
        "/docs/assets/%00",
        "/docs/assets/" + "a" * 5000,
        "/docs/assets/swagger-ui.css/x",
        "/docs/assets/swagger-ui.cs%73",
        "*",
    ],
)
def test_another_spelling_is_another_address(stage: Stage, path: str) -> None:
    checked(asked(stage, path), "NOT_FOUND")


@pytest.mark.parametrize(
    "task_id",
    [
        "%00",
        "%ff",
        "%2f",
        "a%2fb",
        "%2e%2e",
        "..",
        ".",
        f"{ID[:-1]}%62",
        f"%7b{ID}%7d",
        "%0d%0aA:b",
    ],
)
def test_an_id_is_written_without_escapes(stage: Stage, task_id: str) -> None:
    answer = asked(stage, f"/api/tasks/{task_id}", "DELETE")

    checked(answer, "VALIDATION_FAILED")
    assert [entry["loc"] for entry in answer.json()["errors"]] == [["task_id"]]


def test_an_id_has_no_parts(stage: Stage) -> None:
    checked(asked(stage, f"/api/tasks/{ID}/", "DELETE"), "NOT_FOUND")
    checked(asked(stage, f"/api/tasks/{ID}/x", "DELETE"), "NOT_FOUND")
