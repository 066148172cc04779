"""What the auth service reads from the environment beside what every service does."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator

from services.kit.settings import PUBLIC_URL, Origin, ServiceSettings


def _smtp_url(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("smtp", "smtps") or not parts.hostname):
        message = "must look like smtps://user:password@mail.example"
        raise ValueError(message)
    return url


def _address(text: str) -> str:
    if not text:
        return text
    try:
        checked = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        message = "must look like town@town.example"
        raise ValueError(message) from None
    return checked.ascii_email or checked.normalized


class AuthSettings(ServiceSettings):
    """`home` is the folder whose `mail/` takes letters where no `smtp_url` is given.

    `mail_from` is who they come from; empty for `town@` the public URL's host.
    """

    home: Path = Path(".nesra")
    smtp_url: Annotated[str, AfterValidator(_smtp_url)] = ""
    mail_from: Annotated[str, AfterValidator(_address)] = ""
    public_url: Origin = PUBLIC_URL

    @property
    def sender(self) -> str:
        """The address that letters come from."""
        return self.mail_from or f"town@{urlsplit(self.public_url).hostname}"
