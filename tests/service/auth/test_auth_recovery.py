"""Getting back in, and proving an address, by tokens that come by mail."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from protos.auth.v1 import auth_pb2 as pb
from services.auth import attempts, rules
from services.kit.errors import Refused
from tests.service.auth.conftest import House, OpenHouse
from tests.service.auth.member import PASSWORD, Member, new_email
from tests.service.auth.post import Office, office, text_of
from tests.service.peers import at_once

NEW = "another fine long password"


@pytest.fixture(scope="module")
def house(new_database: Callable[[str], str], open_house: OpenHouse) -> Iterator[House]:
    """A house whose queue no other postman empties."""
    with open_house(new_database("auth")) as opened:
        yield opened


@pytest.fixture(scope="module")
def post(house: House) -> Iterator[Office]:
    with office(house.url) as opened:
        yield opened


def ask_verify(house: House, email: str) -> None:
    house.auth.RequestVerify(pb.RequestVerifyRequest(email=email))


def forget(house: House, email: str) -> None:
    house.auth.ForgotPassword(pb.ForgotPasswordRequest(email=email))


def verify(house: House, token: str) -> pb.User:
    user: pb.User = house.auth.VerifyEmail(pb.VerifyEmailRequest(token=token)).user
    return user


def reset(house: House, token: str, password: str = NEW) -> None:
    house.auth.ResetPassword(pb.ResetPasswordRequest(token=token, password=password))


def test_a_letter_verifies_the_address(house: House, post: Office) -> None:
    member = Member(house)
    ask_verify(house, member.email)

    user = verify(house, post.token(member.email))

    assert user.is_verified
    assert member.now().is_verified


def test_a_token_works_once(house: House, post: Office) -> None:
    member = Member(house)
    ask_verify(house, member.email)
    token = post.token(member.email)
    verify(house, token)

    with pytest.raises(Refused, match="MAIL_TOKEN_INVALID"):
        verify(house, token)


def test_a_token_used_sixty_times_at_once_sets_one_password(house: House, post: Office) -> None:
    member = Member(house)
    forget(house, member.email)
    token = post.token(member.email)

    def attempt(number: int) -> bool:
        try:
            reset(house, token, f"{NEW} {number}")
        except Refused:
            return False
        return True

    assert sum(at_once(6, attempt)) == 1


def test_a_letter_sets_a_new_password_and_logs_every_device_out(house: House, post: Office) -> None:
    member = Member(house)
    member.log_in()
    forget(house, member.email)

    reset(house, post.token(member.email))

    assert member.families() == []
    with pytest.raises(Refused, match="BAD_CREDENTIALS"):
        member.log_in()
    assert member.log_in(NEW).user.id == member.id


def test_who_sets_a_new_password_is_told_of_it(house: House, post: Office) -> None:
    member = Member(house)
    forget(house, member.email)
    reset(house, post.token(member.email))

    assert post.letters(member.email)[-1]["Subject"] == "Your password was changed"


def test_using_one_token_uses_up_the_others_of_its_purpose(house: House, post: Office) -> None:
    member = Member(house)
    forget(house, member.email)
    first = post.token(member.email)
    forget(house, member.email)
    reset(house, post.token(member.email))

    with pytest.raises(Refused, match="MAIL_TOKEN_INVALID"):
        reset(house, first)


def test_a_weak_password_leaves_the_token_good(house: House, post: Office) -> None:
    member = Member(house)
    forget(house, member.email)
    token = post.token(member.email)

    with pytest.raises(Refused, match="PASSWORD_TOO_WEAK"):
        reset(house, token, "password")
    reset(house, token)


def test_a_token_is_good_for_its_own_purpose_only(house: House, post: Office) -> None:
    member = Member(house)
    ask_verify(house, member.email)
    token = post.token(member.email)

    with pytest.raises(Refused, match="MAIL_TOKEN_INVALID"):
        reset(house, token)
    verify(house, token)


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\0", "é" * 20, "x" * 256])
def test_what_is_no_token_is_refused(house: House, token: str) -> None:
    with pytest.raises(Refused, match="MAIL_TOKEN_INVALID"):
        verify(house, token)
    with pytest.raises(Refused, match="MAIL_TOKEN_INVALID"):
        reset(house, token)


def test_a_token_expires(house: House, post: Office) -> None:
    member = Member(house)
    forget(house, member.email)
    token = post.token(member.email)
    house.change(
        "UPDATE mail_token SET expires_at = expires_at - interval '1 hour' WHERE user_id = %s",
        member.id,
    )

    with pytest.raises(Refused, match="MAIL_TOKEN_INVALID"):
        reset(house, token)


def test_a_token_proves_only_the_address_that_it_was_sent_to(house: House, post: Office) -> None:
    member = Member(house)
    ask_verify(house, member.email)
    token = post.token(member.email)
    member.update(email=new_email(), current_password=PASSWORD)

    with pytest.raises(Refused, match="MAIL_TOKEN_INVALID"):
        verify(house, token)
    assert not member.now().is_verified


def test_the_old_address_is_told_that_it_was_changed(house: House, post: Office) -> None:
    member = Member(house)

    member.update(email=new_email(), current_password=PASSWORD)

    [letter] = post.letters(member.email)
    assert letter["Subject"] == "Your e-mail address was changed"
    assert "token" not in text_of(letter)


def test_nobody_gets_a_letter_for_an_account_that_is_not_there(house: House, post: Office) -> None:
    inactive = Member(house)
    inactive.deactivate()
    unknown = new_email()

    for email in (unknown, inactive.email):
        forget(house, email)
        ask_verify(house, email)

    assert [post.letters(email) for email in (unknown, inactive.email)] == [[], []]
    assert house.rows("SELECT count(*) FROM mail WHERE email = %s", unknown) == [(0,)]


def test_a_verified_address_needs_no_letter(house: House, post: Office) -> None:
    member = Member(house)
    ask_verify(house, member.email)
    verify(house, post.token(member.email))
    before = len(post.letters(member.email))

    ask_verify(house, member.email)

    assert len(post.letters(member.email)) == before


def test_the_address_may_be_typed_in_any_case(house: House, post: Office) -> None:
    member = Member(house)

    forget(house, member.email.upper())

    assert len(post.letters(member.email)) == 1


@pytest.mark.parametrize("ask", [forget, ask_verify])
def test_no_token_goes_to_an_address_that_only_looks_the_same_when_compared(
    house: House, post: Office, ask: Callable[[House, str], None]
) -> None:
    name = uuid.uuid4()
    member = Member(house, f"{name}@strasse.example")
    # A domain of its own, that anybody may own: only casefolding makes them one.
    lookalike = f"{name}@straße.example"

    ask(house, lookalike)

    assert post.letters(lookalike) == []
    assert len(post.letters(member.email)) == 1


def test_a_new_address_that_looks_the_same_when_compared_is_a_new_one(
    house: House, post: Office
) -> None:
    name = uuid.uuid4()
    member = Member(house, f"{name}@strasse.example")
    ask_verify(house, member.email)
    token = post.token(member.email)

    member.update(email=f"{name}@straße.example", current_password=PASSWORD)

    assert post.letters(member.email)[-1]["Subject"] == "Your e-mail address was changed"
    with pytest.raises(Refused, match="MAIL_TOKEN_INVALID"):
        verify(house, token)


def test_nobodys_mailbox_is_flooded(house: House, post: Office) -> None:
    member = Member(house)

    for spelling in [member.email, member.email.upper()] * 4:
        forget(house, spelling)
        post.letters(member.email)
    ask_verify(house, member.email)

    subjects = [letter["Subject"] for letter in post.letters(member.email)]
    assert subjects == ["Set a new password"] * 5 + ["Confirm your e-mail address"]


def test_a_mailbox_that_was_spared_gets_letters_again_after_the_window(
    house: House, post: Office
) -> None:
    member = Member(house)
    for _ in range(6):
        forget(house, member.email)
        post.letters(member.email)

    key = attempts.key_of(rules.RESET, rules.email_key(member.email))
    house.change("UPDATE attempt SET since = since - interval '15 minutes' WHERE key = %s", key)
    forget(house, member.email)

    assert len(post.letters(member.email)) == 6


def test_asking_again_before_it_is_sent_sends_one_letter(house: House, post: Office) -> None:
    member = Member(house)

    for _ in range(3):
        forget(house, member.email)

    assert len(post.letters(member.email)) == 1
