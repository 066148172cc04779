"""Texts that others will see, and e-mail addresses: what looks the same is the same.

Besides what has no place on a line, characters that show nothing are refused, because
two names could differ by them alone. Two kinds of them stay where they do something:
joiners inside of words of scripts that join and of emoji (Persian, families), and
selectors behind what has variants (emoji, the ideographs of Japanese names).
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from email_validator import EmailNotValidError, validate_email
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from gateway.errors import invalid

# RFC 5321, 4.5.3.1: in octets.
MAX_ADDRESS: Final = 254
MAX_LOCAL_PART: Final = 64

_JOINERS: Final = "\u200c\u200d"
# Controls, surrogates, separators of lines and paragraphs.
_OFF_THE_LINE: Final = "\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029"
# What formats without showing (Cf), but for the joiners; signs of Arabic, Syriac and Kaithi show.
_FORMATTING: Final = (
    "\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
)
# Letters, marks and fillers by category, and yet nothing is to be seen of them.
_UNSEEN: Final = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufff0-\ufff8"
# One is left free at the end of each plane, and 32 amid the first, for ever.
_NO_CHARACTERS: Final = "\ufdd0-\ufdef" + "".join(
    chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF)
)
# Behind these a joiner does something: scripts from Hebrew on, symbols, emoji.
_JOINING: Final = "\u0590-\u167f\u1681-\u1fff\u2190-\u2fff\u3001-\U000e0fff"
# Behind these a selector does: keys and signs that are emoji too, symbols, ideographs.
_VARYING: Final = "0-9#*\xa9\xae\u1000-\u1fff\u203c\u2049\u2122\u2139\u2190-\u2fff\u3001-\ufdff\U00010000-\U000e00ff"
_SELECTORS: Final = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
# A black flag, the letters of a region behind it, and the end of them.
_FLAG: Final = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
_REFUSED: Final = re.compile(
    f"[{_OFF_THE_LINE}{_FORMATTING}{_UNSEEN}{_NO_CHARACTERS}]"
    f"|(?<![{_JOINING}])[{_JOINERS}]|[{_JOINERS}](?![^\\s{_JOINERS}])"
    f"|(?<![{_VARYING}])[{_SELECTORS}]"
)
# A pattern of Braille without dots, a note without a head, and what only modifies.
_BLANK: Final = "\u2800\U0001d159"
_MODIFYING: Final = frozenset(("Mn", "Me", "Zs", "Cf"))


@dataclass(frozen=True, slots=True)
class Text:
    """A text to be shown: NFC, trimmed, its length then within bounds, both inclusive.

    Refuses what cannot be seen, and what turns the direction of writing; what is
    accepted is accepted again unchanged. Used as `Annotated[str, Text(1, 80)]`.
    """

    least: int
    most: int

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._clean, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | {"minLength": self.least, "maxLength": self.most}

    def _clean(self, value: str) -> str:
        if not is_clean(value):
            code, message = "text_unclean", "Characters that cannot be seen are not allowed."
            raise PydanticCustomError(code, message)
        clean = unicodedata.normalize("NFC", value).strip()
        if not self.least <= len(clean) <= self.most:
            message = f"Between {self.least} and {self.most} characters are needed."
            code = "text_length"
            raise PydanticCustomError(code, message)
        if clean and not _shows(clean):
            code, message = "text_blank", "Something that can be seen is needed."
            raise PydanticCustomError(code, message)
        return clean


def is_clean(text: str) -> bool:
    """Whether each character of it shows, or changes how its neighbours do."""
    # Most are, and quickly so.
    if text.isascii() and text.isprintable():
        return True
    return not _REFUSED.search(_FLAG.sub("\U0001f3f4", unicodedata.normalize("NFC", text)))


def _shows(text: str) -> bool:
    return any(c not in _BLANK and unicodedata.category(c) not in _MODIFYING for c in text)


def email_address(value: str, *, is_sandbox: bool) -> str:
    """The address in its normal form. In the sandbox, @….test is an address too.

    Raises VALIDATION_FAILED.
    """
    try:
        checked = validate_email(value, check_deliverability=False, test_environment=is_sandbox)
    except EmailNotValidError:
        raise _no_address() from None
    address, local = checked.normalized, checked.local_part
    is_short = len(address.encode()) <= MAX_ADDRESS and len(local.encode()) <= MAX_LOCAL_PART
    # A variant of a letter is another mailbox that looks like the letter's.
    is_plain = unicodedata.normalize("NFKC", local) == local
    if not (is_short and is_plain and is_clean(address)) or any(c in _BLANK for c in address):
        raise _no_address()
    return address


def _no_address() -> Exception:
    return invalid((("email",), "email_form", "This is not an e-mail address."))
