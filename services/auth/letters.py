"""What the town writes: one letter per occasion, in text and HTML of the same words.

Nothing that a player chose stands in a letter: else the town could be made to send
somebody else's words to any address. Links lead to the configured public URL only.
"""

import html
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import urlsplit

from services.auth import rules


@dataclass(frozen=True, slots=True)
class Words:
    """A letter's words; `page` is where its link leads, with the token as query."""

    subject: str
    paragraphs: tuple[str, ...]
    page: str = ""
    label: str = ""


_NOT_YOU = (
    "If that was not you, set a new password at once: choose “Forgot password” where you log in."
)

WORDS = {
    rules.VERIFY: Words(
        "Confirm your e-mail address",
        ("Somebody, hopefully you, uses this address in Nesra Town.",),
        page="verify",
        label="Confirm the address",
    ),
    rules.RESET: Words(
        "Set a new password",
        (
            "Somebody, hopefully you, wants to set a new password for this address in Nesra Town.",
            "The link works once, for an hour.",
            "If you did not ask for it, do nothing: your password stays as it is.",
        ),
        page="reset-password",
        label="Set a new password",
    ),
    rules.PASSWORD_CHANGED: Words(
        "Your password was changed",
        ("The password of your account in Nesra Town was changed just now.", _NOT_YOU),
    ),
    rules.EMAIL_CHANGED: Words(
        "Your e-mail address was changed",
        (
            "Your account in Nesra Town has another e-mail address since just now.",
            "This address no longer opens it.",
            "If that was not you, answer to whoever runs your town.",
        ),
    ),
    rules.DELETION: Words(
        "Your account will be erased",
        (
            "Your account in Nesra Town will be erased in seven days, as was asked for.",
            "Until then you can keep it: just log in. Later nobody can bring it back.",
            _NOT_YOU,
        ),
    ),
}


class Letters:
    """Writes letters from one town: `public_url` is an origin, `sender` an address."""

    def __init__(self, public_url: str, sender: str) -> None:
        self._public_url = public_url
        self._sender = sender
        self._domain = urlsplit(public_url).hostname or "localhost"

    def written(
        self, letter: str, *, to: str, token: str, mail_id: str, now: datetime
    ) -> EmailMessage:
        """A letter as RFC 5322 has it; the same `mail_id` makes the same Message-ID."""
        words = WORDS[letter]
        link = f"{self._public_url}/{words.page}?token={token}" if words.page else ""
        message = EmailMessage()
        message["From"] = str(Address("Nesra Town", addr_spec=self._sender))
        message["To"] = Address(addr_spec=to)
        message["Subject"] = words.subject
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{mail_id}@{self._domain}>"
        # Nobody's holiday notice should answer it (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(_text(words, link))
        message.add_alternative(_html(words, link), subtype="html")
        return message


def _text(words: Words, link: str) -> str:
    parts = ["Hello,", *words.paragraphs]
    if link:
        parts.append(f"{words.label}:\n{link}")
    return "\n\n".join([*parts, "Nesra Town"]) + "\n"


def _html(words: Words, link: str) -> str:
    parts = [f"<p>{html.escape(text)}</p>" for text in ("Hello,", *words.paragraphs)]
    if link:
        parts.append(f'<p><a href="{html.escape(link)}">{html.escape(words.label)}</a></p>')
    title = html.escape(words.subject)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f"<body>{''.join(parts)}<p>Nesra Town</p></body></html>\n"
    )
