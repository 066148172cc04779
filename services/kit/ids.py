"""Ids: UUIDs of version 7, always as canonical lower-case strings."""

import re
import secrets
from datetime import datetime

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_CANONICAL = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def uuid7(at: datetime) -> str:
    """A new id whose order is that of `at`, to the millisecond (RFC 9562, 5.7)."""
    random = secrets.randbits(74)
    high, low = random >> 62, random & ((1 << 62) - 1)
    return _text(_milliseconds(at) << 80 | _VERSION_7 | high << 64 | _VARIANT | low)


def before_all(at: datetime) -> str:
    """An id before every one that is made at that instant or later; at 1970 the first of all."""
    return _text(max(0, _milliseconds(at)) << 80)


def is_canonical(text: str) -> bool:
    """Whether `text` is a UUID in the one form that we accept: lower case, hyphens."""
    return _CANONICAL.fullmatch(text) is not None


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _text(value: int) -> str:
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
