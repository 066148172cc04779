"""The post office of the tests: letters are carried when a test says so."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from services.auth.carriers import NotCarried
from services.auth.letters import Letters
from services.auth.postman import Postman
from services.kit.database import Database

PUBLIC = "https://town.example"


@dataclass
class Bag:
    """A carrier that keeps what it is given; `is_lost` says that nothing can leave."""

    carried: list[EmailMessage] = field(default_factory=list)
    is_lost: bool = False

    def carry(self, message: EmailMessage, mail_id: str) -> None:
        assert mail_id in str(message["Message-ID"])
        if self.is_lost:
            raise NotCarried
        self.carried.append(message)

    def to(self, email: str) -> list[EmailMessage]:
        return [message for message in self.carried if message["To"] == email]


@dataclass(frozen=True)
class Office:
    """A postman on the queue of a house."""

    postman: Postman
    bag: Bag

    def letters(self, email: str) -> list[EmailMessage]:
        """Carries everything that is due, and gives what went to an address."""
        while self.postman.deliver_due():
            pass
        return self.bag.to(email)

    def token(self, email: str) -> str:
        """The token in the last letter to an address."""
        return token_in(self.letters(email)[-1])


def token_in(message: EmailMessage) -> str:
    [token] = re.findall(rf"{PUBLIC}/[a-z-]+\?token=([\w-]+)$", text_of(message), re.MULTILINE)
    return str(token)


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@contextmanager
def office(url: str) -> Iterator[Office]:
    database = Database(url)
    database.open()
    bag = Bag()
    yield Office(Postman(database, Letters(PUBLIC, "town@town.example"), bag), bag)
    database.close()
