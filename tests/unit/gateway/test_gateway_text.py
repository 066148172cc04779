"""Texts that others see: no two look alike, and what is accepted stays as it is."""

import unicodedata
from typing import Annotated, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.errors import Problem
from gateway.text import MAX_ADDRESS, MAX_LOCAL_PART, Text, email_address

NAME = TypeAdapter[str](Annotated[str, Text(1, 12)])
UNSEEN = {
    "NUL": "\x00",
    "end of line": "\n",
    "delete": "\x7f",
    "next line": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "soft hyphen": "\xad",
    "grapheme joiner": "\u034f",
    "Arabic letter mark": "\u061c",
    "Mongolian vowel separator": "\u180e",
    "zero-width space": "\u200b",
    "left-to-right mark": "\u200e",
    "right-to-left mark": "\u200f",
    "right-to-left override": "\u202e",
    "right-to-left isolate": "\u2067",
    "word joiner": "\u2060",
    "invisible times": "\u2062",
    "byte order mark": "\ufeff",
    "annotation": "\ufff9",
    "no character": "\ufdd0",
    "no character of the last plane": "\U0010ffff",
    "tag": "\U000e0041",
    "language tag": "\U000e0001",
    "Hangul filler": "\u3164",
    "half-width Hangul filler": "\uffa0",
    "Hangul choseong filler": "\u115f",
    "Khmer inherent vowel": "\u17b4",
    "joiner between Latin letters": "\u200d",
    "non-joiner between Latin letters": "\u200c",
    "selector behind a Latin letter": "\ufe0f",
    "ideographic selector behind a Latin letter": "\U000e0100",
}
# What clients write, and what could be mistaken for it.
CHARACTERS = st.one_of(
    st.characters(),
    st.sampled_from(
        "".join(UNSEEN.values()) + "aé1 \u0301\u0308\u212b\u06cc\u0647\u0915\u094d\u2800"
    ),
    st.sampled_from("\u2764\U0001f468\U0001f469\U0001f3f4\U0001f3fd\U000e0067\U000e007f\u3000\xa0"),
)


def clean(value: str) -> str:
    return NAME.validate_python(value)


def refused(value: str) -> str:
    with pytest.raises(ValidationError) as caught:
        clean(value)
    [error] = caught.value.errors()
    return error["type"]


@pytest.mark.parametrize("character", UNSEEN.values(), ids=UNSEEN.keys())
def test_what_cannot_be_seen_is_refused_wherever_it_stands(character: str) -> None:
    for value in (f"an{character}na", f"{character}anna", f"anna{character}"):
        assert refused(value) == "text_unclean"


@pytest.mark.parametrize(
    "value",
    [
        "\u06cc\u200d",
        "\u200d\u06cc",
        "\u06cc\u200c\u200c\u06cc",
        "\u06cc\u200d \u06cc",
        "\u3000\u200d\u06cc",
        "\U0001f3f4\U000e0067\U000e0062",
        "\U0001f3f4\U000e007f",
        "\U0001f468\U000e0067\U000e0062\U000e0065\U000e007f",
        "\u2764\ufe0f\ufe0f",
    ],
)
def test_what_does_nothing_where_it_stands_is_refused(value: str) -> None:
    assert refused(value) == "text_unclean"


@pytest.mark.parametrize(
    "value", ["\u0301", "\u20dd", "\u2800", "\u2800 \u2800\u0301", "\U0001d159"]
)
def test_something_must_be_seen(value: str) -> None:
    assert refused(value) == "text_blank"


@pytest.mark.parametrize("value", ["", " ", "\u3000\xa0", "x" * 13, " " + "é" * 13])
def test_a_length_is_that_of_what_stays(value: str) -> None:
    assert refused(value) == "text_length"


@pytest.mark.parametrize(
    "value",
    [
        "Ada",
        "Zoë",
        "Ångström",
        "می\u200cخواهم",  # noqa: RUF001  # Persian
        "क\u094d\u200dष",
        "葛\U000e0100城",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
        "\u2764\ufe0f\u200d\U0001f525",
        "\U0001f9d1\U0001f3fd\u200d\U0001f4bb",
        "\U0001f3f3\ufe0f\u200d\U0001f308",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "1\ufe0f\u20e3",
        "©\ufe0f",
        "\u0601\u0661",
        "עברית",
        "ไทย",
        "한국어",
        "<b>&\"'\\%00",
    ],
)
def test_names_of_all_the_world_stay_as_they_are(value: str) -> None:
    assert clean(value) == value


def test_what_is_the_same_becomes_the_same() -> None:
    assert clean(" Cafe\u0301\u3000") == clean("Caf\xe9") == "Caf\xe9"
    assert clean("\u212b") == "\xc5"


@given(st.text(CHARACTERS, max_size=14))
@example("\u0344")
@example(" \u0301a")
@example("\u1100\u1161\u11a8")
def test_what_is_accepted_is_normal_within_bounds_and_accepted_again(value: str) -> None:
    try:
        found = clean(value)
    except ValidationError:
        return

    assert clean(found) == found
    assert unicodedata.is_normalized("NFC", found)
    assert found == found.strip()
    assert 1 <= len(found) <= 12
    found.encode()


def address(value: str) -> str:
    return email_address(value, is_sandbox=False)


def test_an_email_comes_in_its_normal_form() -> None:
    assert address("Ada@EXAMPLE.com") == "Ada@example.com"
    assert address("ada@\uff45xample\u3002com") == "ada@example.com"
    assert address("ada@xn--exmple-cua.com") == "ada@exämple.com"
    assert address("zoe\u0308@example.com") == "zoë@example.com"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@localhost",
        "a@x.test",
        "a b@example.com",
        " ada@example.com",
        "ada@example.com ",
        "ada@example.com\n",
        "ada\r\nBcc: x@example.com",
        "Ada <ada@example.com>",
        '"ada"@example.com',
        '"a b"@example.com',
        "ada(comment)@example.com",
        "ada@example.com(comment)",
        "ada@[127.0.0.1]",
        "ada@[IPv6:::1]",
        "ada@127.0.0.1",
        "ada@example.com.",
        "a..b@example.com",
        "a@b@example.com",
        "ada\x00@example.com",
        "ada\u202e@example.com",
        "ada\u200b@example.com",
        "ada\u200d@example.com",
        "ada\ufe0f@example.com",
        "ada\u3164@example.com",
        "ada\u2800@example.com",
        "ada\u034f@example.com",
        "ada@exam\u200bple.com",
        "\uff41da@example.com",
        "\ufb01n@example.com",
        "a\u017fa@example.com",
        "a" * (MAX_LOCAL_PART + 1) + "@example.com",
        "ä" * 33 + "@example.com",
        "a" * 60 + "@" + ".".join(["b" * 60] * 3) + ".example.com",
    ],
)
def test_what_is_no_email_is_invalid(value: str) -> None:
    with pytest.raises(Problem) as caught:
        address(value)

    entries: list[dict[str, Any]] = caught.value.members["errors"]
    assert [entry["loc"] for entry in entries] == [["email"]]


def test_the_sandbox_takes_addresses_under_test() -> None:
    assert email_address("ada@town.test", is_sandbox=True) == "ada@town.test"


@given(
    st.builds(
        "{}@{}.{}".format,
        st.text(CHARACTERS, max_size=8),
        st.text(CHARACTERS, max_size=8),
        st.sampled_from(["com", "COM", "\uff43om", "xn--p1ai", "рф", "straße"]),
    )
    | st.emails()
)
def test_an_email_that_is_accepted_is_accepted_again(value: str) -> None:
    try:
        found = address(value)
    except Problem:
        return

    assert address(found) == found
    assert len(found.encode()) <= MAX_ADDRESS
