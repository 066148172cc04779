"""Guessing: ten tries in fifteen minutes, counted by account and address."""

import pytest

from protos.auth.v1 import auth_pb2 as pb
from services.auth import attempts, rules
from services.kit.errors import Failure, Refused
from tests.service.auth.conftest import House
from tests.service.auth.member import PASSWORD, Member, new_email
from tests.service.peers import at_once

HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"


def told(house: House, email: str, password: str, address: str = HOME) -> str:
    """What a login is told: "" for tokens, else the reason."""
    request = pb.LoginRequest(email=email, password=password, address=address)
    try:
        house.auth.Login(request)
    except Failure as failure:
        return failure.reason
    return ""


def guessed(house: House, email: str, times: int) -> list[str]:
    return [told(house, email, "wrong password") for _ in range(times)]


def window_over(house: House, email: str) -> None:
    key = attempts.key_of(rules.email_key(email), HOME)
    house.change("UPDATE attempt SET since = since - interval '15 minutes' WHERE key = %s", key)


@pytest.mark.parametrize("is_known", [True, False])
def test_the_eleventh_guess_is_not_looked_at(house: House, is_known: bool) -> None:  # noqa: FBT001  # a parameter of the test
    email = Member(house).email if is_known else new_email()

    answers = guessed(house, email, 12)

    assert answers == ["BAD_CREDENTIALS"] * 10 + ["LOGIN_THROTTLED"] * 2


def test_who_is_refused_is_told_when_to_try_again(house: House) -> None:
    member = Member(house)
    guessed(house, member.email, 10)

    with pytest.raises(Refused, match="LOGIN_THROTTLED") as refused:
        house.auth.Login(pb.LoginRequest(email=member.email, password=PASSWORD, address=HOME))

    assert 890 < float(refused.value.metadata["retry_after"]) <= 900


def test_guesses_at_the_same_time_are_counted_too(house: House) -> None:
    email = Member(house).email

    def guess(_: int) -> str:
        # Who finds no place to be hashed in asks again.
        while (answer := told(house, email, "wrong password")) == "UNAVAILABLE":
            pass
        return answer

    answers = at_once(16, guess)

    assert sorted(answers) == ["BAD_CREDENTIALS"] * 10 + ["LOGIN_THROTTLED"] * 6


def test_the_right_password_clears_the_count(house: House) -> None:
    email = Member(house).email
    guessed(house, email, 9)
    assert told(house, email, PASSWORD) == ""

    assert guessed(house, email, 10) == ["BAD_CREDENTIALS"] * 10


def test_nobody_is_locked_out_by_guesses_from_elsewhere(house: House) -> None:
    email = Member(house).email
    guessed(house, email, 11)

    assert told(house, email, PASSWORD, ELSEWHERE) == ""


def test_nobody_is_locked_out_for_longer_than_the_window(house: House) -> None:
    email = Member(house).email
    guessed(house, email, 30)

    window_over(house, email)

    assert told(house, email, PASSWORD) == ""


def test_the_current_password_cannot_be_guessed_either(house: House) -> None:
    member = Member(house)
    reasons = []

    for _ in range(12):
        with pytest.raises(Refused) as refused:
            member.update(email=new_email(), current_password="wrong", address=HOME)
        reasons.append(refused.value.reason)

    assert reasons == ["WRONG_PASSWORD"] * 10 + ["LOGIN_THROTTLED"] * 2


def test_neither_account_nor_address_is_kept(house: House) -> None:
    email = Member(house).email
    guessed(house, email, 1)

    kept = str(house.rows("SELECT key, count, since FROM attempt"))

    assert email not in kept
    assert HOME not in kept
