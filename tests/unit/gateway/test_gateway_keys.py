"""Keys that nobody has heard of yet are asked for, for all at once, and not too often."""

import asyncio
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import keys as module
from gateway.keys import REMEMBER_S, Ended, Keys
from protos.auth.v1 import auth_pb2
from services.kit.errors import Unavailable

pytestmark = pytest.mark.anyio


class Auth:
    """Answers with the keys that it has, once it may."""

    methods = SimpleNamespace(GetSigningKeys=None)

    def __init__(self) -> None:
        self.keys: list[auth_pb2.SigningKey] = []
        self.calls = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_down = False

    def new_key(self) -> str:
        kid = str(uuid.uuid4())
        public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        self.keys.append(auth_pb2.SigningKey(kid=kid, public_key=public))
        return kid

    async def call(self, *_: Any, **__: Any) -> auth_pb2.GetSigningKeysResponse:
        self.calls += 1
        # What it has when it is asked, whenever it answers.
        answer = auth_pb2.GetSigningKeysResponse(keys=self.keys)
        await self.may_answer.wait()
        if self.is_down:
            raise Unavailable
        return answer


@pytest.fixture
async def auth() -> Auth:
    return Auth()


@pytest.fixture
async def keys(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> Keys:
    monkeypatch.setattr(module, "REFETCH_EVERY_S", 0.05)
    return Keys(auth)  # type: ignore[arg-type]  # as much of a service as is asked


async def let_others_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_key_made_right_after_a_call_is_found_by_the_next(auth: Auth, keys: Keys) -> None:
    for _ in range(5):
        assert await keys.find(auth.new_key()) is not None

    assert auth.calls == 5


async def test_who_comes_while_a_call_is_under_way_waits_for_the_next(
    auth: Auth, keys: Keys
) -> None:
    auth.may_answer.clear()
    first = asyncio.create_task(keys.find(auth.new_key()))
    await let_others_run()
    assert auth.calls == 1

    second = asyncio.create_task(keys.find(auth.new_key()))
    await let_others_run()
    auth.may_answer.set()

    assert await first is not None
    assert await second is not None


async def test_all_who_look_for_a_key_share_a_call(auth: Auth, keys: Keys) -> None:
    kids = [auth.new_key(), *(str(uuid.uuid4()) for _ in range(100))]

    found = await asyncio.gather(*map(keys.find, kids))

    assert [key is not None for key in found] == [True, *[False] * 100]
    assert auth.calls == 1


@pytest.mark.parametrize(
    "kid", ["", "first", "../key", "\0", "01A20E4B-2D4D-71AE-9E9F-453507B38658"]
)
async def test_what_cannot_be_a_key_id_is_not_asked_for(auth: Auth, keys: Keys, kid: str) -> None:
    assert await keys.find(kid) is None

    assert auth.calls == 0


async def test_while_auth_does_not_answer_nobody_can_tell(auth: Auth, keys: Keys) -> None:
    known = auth.new_key()
    await keys.find(known)
    auth.is_down = True

    with pytest.raises(Unavailable):
        await keys.find(str(uuid.uuid4()))

    assert await keys.find(known) is not None


async def test_no_more_than_a_crowd_waits(
    auth: Auth, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    auth.may_answer.clear()
    crowd = [asyncio.create_task(keys.find(str(uuid.uuid4()))) for _ in range(3)]
    await let_others_run()

    with pytest.raises(Unavailable):
        await keys.find(str(uuid.uuid4()))

    auth.may_answer.set()
    assert await asyncio.gather(*crowd) == [None] * 3
    assert await keys.find(auth.new_key()) is not None


async def test_who_gives_up_waiting_takes_nobody_along(auth: Auth, keys: Keys) -> None:
    kid = auth.new_key()
    one, other = asyncio.create_task(keys.find(kid)), asyncio.create_task(keys.find(kid))
    await let_others_run()

    one.cancel()

    assert await other is not None


def test_an_ended_login_is_remembered_for_as_long_as_its_tokens_live() -> None:
    now = 0.0
    ended = Ended(clock=lambda: now)
    ended.add("one")

    now = REMEMBER_S - 1
    ended.add("two")
    assert "one" in ended

    now = REMEMBER_S + 1
    ended.add()
    assert "one" not in ended
    assert "two" in ended
