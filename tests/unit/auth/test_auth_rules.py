"""What is equal, what is too weak, and what a refresh token is good for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth import rules
from services.auth.rules import Verdict

NOW = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
COMMON = frozenset({"password1"})


def verdict(
    *,
    end_reason: str | None = None,
    is_active: bool = True,
    used: timedelta | None = None,
    expires_in: timedelta = timedelta(days=1),
) -> Verdict:
    return rules.verdict(
        end_reason=end_reason,
        is_active=is_active,
        used_at=None if used is None else NOW - used,
        expires_at=NOW + expires_in,
        now=NOW,
    )


def test_an_unused_token_is_exchanged() -> None:
    assert verdict() is Verdict.ROTATE


def test_a_token_used_up_to_ten_seconds_ago_gives_the_newest_again() -> None:
    assert verdict(used=timedelta(0)) is Verdict.REPEAT
    assert verdict(used=timedelta(seconds=10)) is Verdict.REPEAT


def test_a_token_used_longer_ago_ends_its_family() -> None:
    assert verdict(used=timedelta(seconds=10, microseconds=1)) is Verdict.REUSED


def test_a_token_dies_at_the_instant_it_expires() -> None:
    assert verdict(expires_in=timedelta(microseconds=1)) is Verdict.ROTATE
    assert verdict(expires_in=timedelta(0)) is Verdict.EXPIRED


def test_a_used_token_ends_its_family_even_after_it_expired() -> None:
    long_ago = timedelta(days=31)

    assert verdict(used=long_ago, expires_in=-timedelta(days=1)) is Verdict.REUSED


def test_a_used_token_of_an_inactive_account_still_ends_its_family() -> None:
    assert verdict(used=timedelta(minutes=1), is_active=False) is Verdict.REUSED


@pytest.mark.parametrize("used", [None, timedelta(seconds=1)])
def test_an_inactive_account_refreshes_nothing(used: timedelta | None) -> None:
    assert verdict(used=used, is_active=False) is Verdict.INVALID


@pytest.mark.parametrize("used", [None, timedelta(seconds=1), timedelta(days=1)])
def test_every_token_of_a_family_ended_by_reuse_says_so(used: timedelta | None) -> None:
    assert verdict(end_reason=rules.REUSE, used=used) is Verdict.REUSED


@pytest.mark.parametrize("reason", [rules.LOGOUT, rules.PASSWORD])
@pytest.mark.parametrize("used", [None, timedelta(seconds=1), timedelta(days=1)])
def test_a_token_of_a_family_that_was_logged_out_is_just_invalid(
    reason: str, used: timedelta | None
) -> None:
    assert verdict(end_reason=reason, used=used) is Verdict.INVALID


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.com", "ada@example.COM"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        ("\uff41da@example.com", "ada@example.com"),
        ("STRASSE@example.com", "straße@example.com"),
    ],
)
def test_addresses_that_look_alike_are_one(one: str, other: str) -> None:
    assert rules.email_key(one) == rules.email_key(other)


def test_different_addresses_stay_different() -> None:
    assert rules.email_key("ada@example.com") != rules.email_key("eda@example.com")


@given(st.text(max_size=40))
def test_the_compared_form_compares_equal_to_itself(text: str) -> None:
    key = rules.email_key(text)

    assert rules.email_key(key) == key


@given(st.text(max_size=40))
def test_the_stored_form_of_an_address_compares_equal_to_what_was_typed(text: str) -> None:
    assert rules.email_key(rules.normal_email(text)) == rules.email_key(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no-at-sign"),
        ("email", "@example.com"),
        ("email", "ada@"),
        ("email", f"{'a' * 243}@example.com"),
        ("email", "\ufdfa" * 60 + "@example.com"),
        ("full_name", "A\0da"),
        ("full_name", "a" * 201),
        ("profile_picture", "p" * 60_001),
    ],
)
def test_what_the_table_would_refuse_is_named_first(field: str, value: str) -> None:
    assert rules.unfit_field({field: value}) == field


def test_the_longest_values_fit_and_absent_ones_too() -> None:
    fields = {
        "email": f"{'a' * 242}@example.com",
        "full_name": "a" * 200,
        "profile_picture": None,
    }

    assert rules.unfit_field(fields) is None


def weakness(password: str, *, email: str = "ada@example.com", name: str = "") -> str | None:
    return rules.weakness(password, own=rules.own_words(email, name or None), common=COMMON)


@pytest.mark.parametrize("length", [8, 128])
def test_passwords_of_8_up_to_128_characters_will_do(length: int) -> None:
    assert weakness(("xk4q7 mz" * 16)[:length]) is None


def test_shorter_and_longer_passwords_will_not() -> None:
    assert "at least 8" in str(weakness("xk4q7mz"))
    assert "at most 128" in str(weakness("x" * 129))


@pytest.mark.parametrize("password", ["password1", "PassWord1"])
def test_a_common_password_will_not_do_in_any_case(password: str) -> None:
    assert "most common" in str(weakness(password))


@pytest.mark.parametrize(
    "password",
    ["ada.lovelace@example.com", "Ada.Lovelace", "adalovelace", "Ada  Lovelace", "Byron, A. A."],
)
def test_the_own_address_or_name_will_not_do_as_a_password(password: str) -> None:
    email, name = "ada.lovelace@example.com", "Byron A A"

    assert "e-mail address or name" in str(weakness(password, email=email, name=name))


@pytest.mark.parametrize("password", ["nesratown", "Nesra-Town 2026!", "nesra123", "my nesra town"])
def test_the_name_of_the_town_will_not_do_as_a_password(password: str) -> None:
    assert "name of the town" in str(weakness(password))


def test_a_password_that_merely_speaks_of_the_town_will_do() -> None:
    assert weakness("nesra town by night") is None


def test_a_password_that_merely_contains_the_name_will_do() -> None:
    assert weakness("ada wrote note G", name="Ada") is None


def test_a_password_of_signs_only_is_not_taken_for_an_empty_name() -> None:
    assert weakness("!?!?!?!?#", name="...") is None


def test_a_password_counts_in_its_normal_form() -> None:
    assert rules.normal_password("\uff41\uff42\uff43") == "abc"
