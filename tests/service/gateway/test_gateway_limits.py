"""Limits as clients meet them: what each answer tells, who is refused, and until when."""

import uuid
from collections.abc import Iterator

import httpx
import pytest

from gateway.limits import ACCOUNT, CREDENTIALS, LIMITS, MAIL, READ, UNLIMITED, WRITE
from services.kit.errors import Failure, Unavailable
from tests.service.gateway.actor import refusing
from tests.service.gateway.calls import GOOD, LOGIN, ROUTES, send
from tests.service.gateway.stage import FRIEND, Stage, staged
from tests.service.gateway.test_gateway_refusals import problem

CALLS = sorted(GOOD)
LIMITED = [call for call in CALLS if ROUTES[call].limit is not UNLIMITED]
CHANGE = "PATCH /api/users/me"


class LoginThrottled(Failure):
    pass


class Clock:
    """Stands still until it is moved."""

    now = 10**15

    def __call__(self) -> int:
        return self.now

    def goes(self, seconds: int) -> None:
        self.now += seconds * 1_000_000


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("g"), clock) as stage:
        yield stage


@pytest.fixture(autouse=True)
def whole_again(clock: Clock) -> None:
    """Every test begins with whole budgets."""
    clock.goes(60)


def told(answer: httpx.Response) -> tuple[int, int, int, str]:
    """Limit, remaining, seconds until the reset, policy."""
    limit, remaining, reset = (
        answer.headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")
    )
    return int(limit), int(remaining), int(reset), answer.headers["RateLimit-Policy"]


def spent(client: httpx.Client, call: str = CHANGE) -> httpx.Response:
    """The first refusal, after as many calls as were promised to be left."""
    for _ in range(told(send(client, call))[1]):
        assert send(client, call).status_code != 429
    return send(client, call)


@pytest.mark.parametrize("call", LIMITED)
def test_a_limited_call_tells_what_is_left(stage: Stage, call: str) -> None:
    limit, ada = ROUTES[call].limit, str(uuid.uuid4())

    with stage.visitor() as client:
        # A login for each, because one of the calls ends it.
        first, second = (
            send(client, call, headers={"authorization": f"Bearer {stage.auth.token(ada)}"})
            for _ in range(2)
        )

    assert told(first)[0] == limit.calls
    assert told(first)[3] == f"{limit.calls};w=60"
    assert told(second)[1] == told(first)[1] - 1
    assert 1 <= told(first)[2] <= told(second)[2] <= 60


@pytest.mark.parametrize("call", sorted(set(CALLS) - set(LIMITED)))
def test_an_unlimited_call_tells_nothing(visitor: httpx.Client, call: str) -> None:
    answer = send(visitor, call)

    assert not [name for name in answer.headers if name.startswith("ratelimit")]


def test_only_what_machines_must_always_get_is_unlimited() -> None:
    assert set(CALLS) - set(LIMITED) == {
        "GET /healthz",
        "GET /readyz",
        "GET /.well-known/jwks.json",
    }


def test_logins_mails_and_passwords_have_budgets_of_their_own() -> None:
    limits = {call: ROUTES[call].limit.name for call in LIMITED}

    for call in ("login", "token", "refresh"):
        assert limits.pop(f"POST /api/auth/{call}") == "credentials"
    assert limits.pop("POST /api/auth/register") == "register"
    for call in ("request-verify", "verify", "forgot-password", "reset-password"):
        assert limits.pop(f"POST /api/auth/{call}") == "mail"
    for method in ("PATCH", "DELETE"):
        assert limits.pop(f"{method} /api/users/me") == "account"
    assert limits.pop("GET /api/users/me/export") == "export"
    for call, limit in limits.items():
        assert limit == ("read" if call.startswith("GET") else "write")


@pytest.mark.parametrize(
    "failure", [Failure(), Unavailable(), ZeroDivisionError()], ids=["bug", "away", "crash"]
)
def test_an_error_tells_what_is_left_too(
    stage: Stage, player: httpx.Client, failure: Exception
) -> None:
    with stage.session.playing(CreateTask=refusing(failure)):
        answer = send(player, "POST /api/tasks")

    assert answer.is_server_error
    assert told(answer)[1] == WRITE.calls - 1


def test_a_body_that_is_refused_counts_too(player: httpx.Client) -> None:
    answer = player.post("/api/tasks", json={"name": 5})

    assert answer.status_code == 422
    assert told(answer)[1] == WRITE.calls - 1


def test_whoever_spent_all_is_told_when_to_come_back_and_may(
    stage: Stage, player: httpx.Client, clock: Clock
) -> None:
    refused = spent(player)
    problem(refused, "RATE_LIMITED")
    assert told(refused)[1] == 0
    asked = len(stage.auth.seen["UpdateUser"])
    assert send(player, CHANGE).status_code == 429
    assert len(stage.auth.seen["UpdateUser"]) == asked

    clock.goes(int(refused.headers["retry-after"]))

    assert send(player, CHANGE).status_code == 200


def test_asking_in_vain_keeps_nobody_out(player: httpx.Client, clock: Clock) -> None:
    refused = spent(player)
    for _ in range(ACCOUNT.calls):
        assert send(player, CHANGE).status_code == 429

    clock.goes(int(refused.headers["retry-after"]))

    assert send(player, CHANGE).status_code == 200


def test_all_is_back_after_the_reset(player: httpx.Client, clock: Clock) -> None:
    refused = spent(player)

    clock.goes(told(refused)[2])

    assert told(send(player, CHANGE))[1] == ACCOUNT.calls - 1


def test_one_player_spends_nothing_of_another(stage: Stage, player: httpx.Client) -> None:
    spent(player)

    with stage.player() as other:
        assert told(send(other, CHANGE))[1] == ACCOUNT.calls - 1


def test_a_player_has_one_budget_with_all_logins(stage: Stage) -> None:
    ada = str(uuid.uuid4())
    first, second = (f"Bearer {stage.auth.token(ada)}" for _ in range(2))

    with (
        stage.visitor(Authorization=first) as at_home,
        stage.visitor(Authorization=second) as on_the_way,
    ):
        assert told(send(at_home, CHANGE))[1] == ACCOUNT.calls - 1
        assert told(send(on_the_way, CHANGE))[1] == ACCOUNT.calls - 2


def test_one_kind_of_call_spends_nothing_of_another(player: httpx.Client) -> None:
    spent(player)

    assert told(send(player, "GET /api/tasks"))[1] == READ.calls - 1


def test_whoever_is_not_let_in_counts_by_address_and_spends_nothing_of_a_player(
    stage: Stage, player: httpx.Client, visitor: httpx.Client
) -> None:
    made_up = {"authorization": f"Bearer {stage.auth.token(str(uuid.uuid4()), exp=1)}"}

    assert told(send(visitor, CHANGE))[1] == ACCOUNT.calls - 1
    assert told(send(visitor, CHANGE, headers=made_up))[1] == ACCOUNT.calls - 2
    problem(spent(visitor), "RATE_LIMITED")
    assert told(send(player, CHANGE))[1] == ACCOUNT.calls - 1


def test_a_foreign_page_spends_nothing_of_its_visitors_budget(
    stage: Stage, visitor: httpx.Client
) -> None:
    token = stage.auth.token(str(uuid.uuid4()))
    visitor.cookies["__Host-nesra_access"] = token

    answer = send(visitor, CHANGE, headers={"origin": "https://evil.example"})

    problem(answer, "ORIGIN_REFUSED")
    with stage.visitor(Authorization=f"Bearer {token}") as player:
        assert told(send(player, CHANGE))[1] == ACCOUNT.calls - 1


def test_logins_count_by_address_whoever_wants_in(visitor: httpx.Client) -> None:
    for left in range(CREDENTIALS.calls - 1, -1, -1):
        answer = visitor.post("/api/auth/login", json=LOGIN | {"email": f"p{left}@example.com"})
        assert told(answer)[1] == left

    refused = send(visitor, "POST /api/auth/token")
    problem(refused, "RATE_LIMITED")
    assert refused.headers["retry-after"] == "1"


def test_what_a_stranger_says_of_its_address_changes_nothing(visitor: httpx.Client) -> None:
    left = [
        told(send(visitor, "POST /api/auth/login", headers={"x-forwarded-for": f"192.0.2.{n}"}))[1]
        for n in range(3)
    ]

    assert left == [CREDENTIALS.calls - n for n in (1, 2, 3)]


def test_behind_a_trusted_proxy_its_clients_count_apart(
    tmp_path_factory: pytest.TempPathFactory, clock: Clock
) -> None:
    folder = tmp_path_factory.mktemp("g")
    with (
        staged(folder, clock, trusted_proxies="127.0.0.0/8, ::1") as stage,
        stage.visitor() as proxy,
    ):
        left = [
            told(send(proxy, "POST /api/auth/login", headers={"x-forwarded-for": client}))[1]
            for client in ("192.0.2.1", "192.0.2.2", "192.0.2.9, 192.0.2.1")
        ]
        told_to_auth = [request.address for request in stage.auth.seen["Login"]]

    assert left == [CREDENTIALS.calls - n for n in (1, 1, 2)]
    assert told_to_auth == ["192.0.2.1", "192.0.2.2", "192.0.2.1"]


@pytest.mark.parametrize(
    ("call", "method"),
    [
        ("POST /api/auth/login", "Login"),
        ("POST /api/auth/token", "Login"),
        (CHANGE, "UpdateUser"),
        ("DELETE /api/users/me", "DeleteUser"),
    ],
)
def test_auth_is_told_where_a_password_comes_from(
    stage: Stage, player: httpx.Client, call: str, method: str
) -> None:
    send(player, call, headers={"x-forwarded-for": "192.0.2.1"})

    assert stage.auth.seen[method][-1].address == "127.0.0.1"


@pytest.mark.parametrize("page", ["/verify", "/reset-password"])
def test_the_pages_of_a_mail_count_as_what_they_send(visitor: httpx.Client, page: str) -> None:
    opened = visitor.get(page, params={"token": "opaque"})
    sent = send(visitor, "POST /api/auth/verify")

    assert told(opened)[:2] == (MAIL.calls, MAIL.calls - 1)
    assert told(sent)[:2] == (MAIL.calls, MAIL.calls - 2)


def test_a_login_that_auth_holds_up_is_told_when_to_come_back(
    stage: Stage, visitor: httpx.Client
) -> None:
    with stage.auth.playing(Login=refusing(LoginThrottled(retry_after="899.2"))):
        answer = send(visitor, "POST /api/auth/login")

    problem(answer, "RATE_LIMITED")
    assert answer.headers["retry-after"] == "900"


def test_a_page_of_a_friend_may_read_what_is_left(player: httpx.Client) -> None:
    answer = send(player, "GET /api/tasks", headers={"origin": FRIEND})

    exposed = answer.headers["access-control-expose-headers"]
    for name in ("Limit", "Remaining", "Reset", "Policy"):
        assert f"RateLimit-{name}" in exposed


def test_a_head_counts_as_its_get(player: httpx.Client) -> None:
    assert told(player.head("/api/tasks"))[1] == READ.calls - 1
    assert told(player.get("/api/tasks"))[1] == READ.calls - 2


def test_where_limits_are_off_nothing_is_counted_or_told(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with (
        staged(tmp_path_factory.mktemp("g"), rate_limits=False) as stage,
        stage.player() as player,
    ):
        answers = [send(player, CHANGE) for _ in range(ACCOUNT.calls + 1)]

    for answer in answers:
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("ratelimit")]


def test_every_limit_is_one_of_the_list() -> None:
    assert {ROUTES[call].limit for call in LIMITED} <= set(LIMITS)
