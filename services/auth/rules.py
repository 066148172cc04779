"""The rules of accounts and tokens: what is equal, what is too weak, what is used up.

Pure: time and the list of common passwords are arguments.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum

ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=30)
# Refreshing does not go on for ever: after this long the password is asked for again.
LOGIN_LIFETIME = timedelta(days=180)
# A lost answer and a second tab come back within seconds; a thief rarely does.
REUSE_GRACE = timedelta(seconds=10)
# Readers of expiry times may be behind the database's clock by this much.
CLOCK_LEEWAY = timedelta(minutes=1)
# How long an ended login's access tokens may still be believed somewhere.
ENDED_MATTERS = ACCESS_LIFETIME + CLOCK_LEEWAY
# A family's end is stored with a time from before its commit; a reader that
# asks again from this much earlier misses none. Longer than any transaction.
ENDED_OVERLAP = timedelta(seconds=5)

# A month: a private key that got into wrong hands unnoticed is of no use for long, and
# rotating is something that happens all the time rather than once, on a bad day.
KEY_LIFETIME = timedelta(days=30)
# From when a key is published until it signs. Gateways know it after a second; others
# who verify tokens keep what they read for some minutes.
KEY_LEAD = timedelta(minutes=5)
# From when a key no longer signs until the last token that it signed has expired.
KEY_PUBLISHED_FOR = ENDED_MATTERS + CLOCK_LEEWAY * 2

# Tries of a password for one account by one address, and the time in which they count
# (reliability.md R17).
TRIES = 10
TRIES_WINDOW = timedelta(minutes=15)

# A used token is kept for this long, to know it again; then its own seal tells.
USED_TOKENS_KEPT = timedelta(days=1)

VERIFY_LIFETIME = timedelta(days=1)
# A mailbox that is read by somebody else later should open nothing.
RESET_LIFETIME = timedelta(hours=1)
# Letters of one kind to one mailbox within a window of tries: nobody's is to be flooded.
LETTERS = 5
MAIL_TRIES = 10
MAIL_RETRY = timedelta(seconds=15)
MAIL_RETRY_AT_MOST = timedelta(hours=1)

# How long an account that is deleted can be restored.
RESTORABLE = timedelta(days=7)
# What was under way when a player was erased is over by then, and leaves nothing new behind.
ERASURE_AGAIN = timedelta(seconds=30)
# Longer than backups are commonly kept: one that is restored is asked again within a day.
ERASURE_RECHECK = timedelta(days=1)
ERASURE_RECHECKED_FOR = timedelta(days=400)

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 128

# Passwords that whoever guesses here tries first, with any digits and signs between.
TOWN_WORDS = frozenset(("nesra", "nesratown", "townnesra", "mynesratown"))

# In characters; the tables hold the same bounds.
LONGEST = {"email": 254, "full_name": 200, "profile_picture": 60_000}
# Case folding can lengthen an address.
LONGEST_EMAIL_KEY = 600

LONGEST_DEVICE = 200

# Why a family ended, as stored.
LOGOUT = "logout"
PASSWORD = "password"  # noqa: S105  # a reason, not a secret
REUSE = "reuse"
DELETION = "deletion"
DISABLED = "disabled"

# Letters, as stored; the first two carry a token of that purpose.
VERIFY = "verify"
RESET = "reset"
PASSWORD_CHANGED = "password_changed"  # noqa: S105  # a letter, not a secret
EMAIL_CHANGED = "email_changed"


class Verdict(Enum):
    """What a presented refresh token is good for."""

    ROTATE = "use it up for the next one"
    REPEAT = "give the newest one of its family again"
    REUSED = "end its family"
    EXPIRED = "refuse it: too old"
    INVALID = "refuse it: its family or account is closed"


def verdict(
    *,
    end_reason: str | None,
    is_active: bool,
    used_at: datetime | None,
    expires_at: datetime,
    now: datetime,
) -> Verdict:
    """What becomes of a known token of a family that ended for `end_reason`, if it did.

    Reuse is judged before age and account: also an old token in wrong hands
    shows that the family is.
    """
    if end_reason is not None:
        return Verdict.REUSED if end_reason == REUSE else Verdict.INVALID
    if used_at is not None and now - used_at > REUSE_GRACE:
        return Verdict.REUSED
    if not is_active:
        return Verdict.INVALID
    if used_at is not None:
        return Verdict.REPEAT
    return Verdict.ROTATE if now < expires_at else Verdict.EXPIRED


def mail_retry(tries: int) -> timedelta:
    """How long a letter waits after so many tries that failed, from 1: twice as long each time."""
    return min(MAIL_RETRY * (1 << (tries - 1)), MAIL_RETRY_AT_MOST)


def recheck_at(erased_at: datetime, *, now: datetime) -> datetime | None:
    """When the services are asked again about a player who was erased; at last never."""
    return now + ERASURE_RECHECK if now - erased_at < ERASURE_RECHECKED_FOR else None


def device_name(user_agent: str) -> str | None:
    """What a client calls itself, as it is stored: printable, not too long; None for nothing."""
    return "".join(filter(str.isprintable, user_agent))[:LONGEST_DEVICE].strip() or None


def normal_email(text: str) -> str:
    """An e-mail address as it is stored and shown: in NFC."""
    return unicodedata.normalize("NFC", text)


def email_key(text: str) -> str:
    """The form in which two addresses are compared.

    Unicode's compatibility caseless match (The Unicode Standard, D146).
    """
    folded = unicodedata.normalize("NFD", text).casefold()
    return _nfkc(_nfkc(folded).casefold())


def unfit_field(fields: Mapping[str, str | None]) -> str | None:
    """The name of the first field that cannot be stored, or None.

    Fields are named as in LONGEST; None stands for no value.
    """
    return next((n for n, v in fields.items() if v is not None and not _fits(n, v)), None)


def normal_password(text: str) -> str:
    """A password as it is hashed: NFKC, so that every keyboard types the same."""
    return _nfkc(text)


def weakness(password: str, *, own: Iterable[str], common: frozenset[str]) -> str | None:
    """Why a password in normal form will not do, as a sentence for the player, or None.

    `own` are words that the player is known by; `common` are case-folded.
    """
    if len(password) < SHORTEST_PASSWORD:
        return f"Choose a password of at least {SHORTEST_PASSWORD} characters."
    if len(password) > LONGEST_PASSWORD:
        return f"Choose a password of at most {LONGEST_PASSWORD} characters."
    if password.casefold() in common:
        return "This password is among the most common ones. Choose another."
    if _bare(password) in {_bare(word) for word in own} - {""}:
        return "This password is just your e-mail address or name. Choose another."
    if "".join(filter(str.isalpha, _bare(password))) in TOWN_WORDS:
        return "This password is just the name of the town. Choose another."
    return None


def own_words(email: str, full_name: str | None) -> list[str]:
    """What a player is known by: the address, its local part, the name."""
    return [email, email.rpartition("@")[0], full_name or ""]


def _fits(name: str, value: str) -> bool:
    if "\0" in value or len(value) > LONGEST[name]:
        return False
    if name != "email":
        return True
    local, _, domain = value.rpartition("@")
    return bool(local and domain) and len(email_key(value)) <= LONGEST_EMAIL_KEY


def _bare(text: str) -> str:
    """Letters and digits only: "Ada Lovelace" and "ada-lovelace" are one."""
    return "".join(filter(str.isalnum, _nfkc(text).casefold()))


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
