"""How a letter leaves: by SMTP where a server is configured, else into a folder."""

import os
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

# Of each step of a conversation: mail servers take their time over a greeting.
ANSWER_WITHIN_S = 10.0


class NotCarried(Exception):
    """The letter did not leave; it is worth trying again later."""


class Carrier(Protocol):
    """Takes a letter away."""

    def carry(self, message: EmailMessage, mail_id: str) -> None:
        """Returns when the letter has left. Raises NotCarried."""
        ...


class Folder:
    """Each letter is a file `<folder>/<time>-<id>.eml`, so that names sort by time.

    As it is written; readable by nobody else, because of the tokens.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def carry(self, message: EmailMessage, mail_id: str) -> None:
        """Writes the file, whole or not at all. Raises NotCarried."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{mail_id}"
        unfinished = self._folder / f".{name}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
                out.write(message.as_bytes(policy=SMTP))
            unfinished.rename(self._folder / f"{name}.eml")
        except OSError as error:
            raise NotCarried(error.strerror) from error


class MailServer:
    """`smtps://user:password@host:465` is TLS from the start, `smtp://` upgrades where it can.

    With a user it must: a password never travels in the clear. The certificate must be
    the host's, by the authorities that Python trusts (SSL_CERT_FILE names others).
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._is_tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._is_tls else 25)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None

    def carry(self, message: EmailMessage, mail_id: str) -> None:
        """Returns when the server has taken the letter. Raises NotCarried."""
        del mail_id
        try:
            with self._connected() as server:
                self._introduce(server)
                server.send_message(message)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            # Its text may hold the address.
            raise NotCarried(type(error).__name__) from error

    def _connected(self) -> smtplib.SMTP:
        if self._is_tls:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(
                self._host, self._port, timeout=ANSWER_WITHIN_S, context=context
            )
        return smtplib.SMTP(self._host, self._port, timeout=ANSWER_WITHIN_S)

    def _introduce(self, server: smtplib.SMTP) -> None:
        server.ehlo()
        if not self._is_tls and (self._user or server.has_extn("starttls")):
            server.starttls(context=ssl.create_default_context())
        if self._user:
            server.login(self._user, self._password or "")


def carrier(smtp_url: str, home: Path) -> Carrier:
    """The way letters leave this town."""
    return MailServer(smtp_url) if smtp_url else Folder(home / "mail")
