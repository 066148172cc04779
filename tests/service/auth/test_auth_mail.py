"""Letters: what they look like, and how they leave."""

import socket
import ssl
import stat
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from structlog.testing import capture_logs

from protos.auth.v1 import auth_pb2 as pb
from services.auth import rules
from services.auth.__main__ import wired
from services.auth.carriers import Folder, MailServer, NotCarried
from services.auth.letters import WORDS
from services.auth.settings import AuthSettings
from services.kit.tls import Tls
from tests.service.auth.conftest import House, OpenHouse, settings_for
from tests.service.auth.member import Member
from tests.service.auth.post import Office, office, text_of
from tests.service.certificates import Authority

ID = "0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b"


def letter(to: str = "ada@example.com") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "town@town.example"
    message["To"] = to
    message["Subject"] = "Grüße"
    message.set_content("Hello,\n\nthis is it.\n")
    return message


@pytest.fixture
def own(
    new_database: Callable[[str], str], open_house: OpenHouse
) -> Iterator[tuple[House, Office]]:
    """A house whose queue is one test's own."""
    with open_house(new_database("auth")) as house, office(house.url) as post:
        yield house, post


def test_a_letter_says_the_same_in_text_and_html(own: tuple[House, Office]) -> None:
    house, post = own
    member = Member(house)
    house.auth.ForgotPassword(pb.ForgotPasswordRequest(email=member.email))

    [message] = post.letters(member.email)

    html = message.get_body(("html",))
    assert html is not None
    link = f"https://town.example/reset-password?token={post.token(member.email)}"
    assert f'href="{link}"' in html.get_content()
    assert link in text_of(message)
    assert "works once" in html.get_content()
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == "Nesra Town <town@town.example>"


def test_nothing_that_a_player_chose_stands_in_a_letter(own: tuple[House, Office]) -> None:
    house, post = own
    member = Member(house)
    member.update(full_name="Win money at evil.example")
    for ask in (house.auth.ForgotPassword, house.auth.RequestVerify):
        ask(
            pb.ForgotPasswordRequest(email=member.email)
            if ask == house.auth.ForgotPassword
            else pb.RequestVerifyRequest(email=member.email)
        )

    assert all("evil" not in message.as_string() for message in post.letters(member.email))


def test_every_letter_has_words() -> None:
    assert set(WORDS) == {
        rules.VERIFY,
        rules.RESET,
        rules.PASSWORD_CHANGED,
        rules.EMAIL_CHANGED,
        rules.DELETION,
    }


def test_a_letter_that_does_not_leave_is_tried_again_later(own: tuple[House, Office]) -> None:
    house, post = own
    member = Member(house)
    house.auth.ForgotPassword(pb.ForgotPasswordRequest(email=member.email))
    post.bag.is_lost = True
    assert post.letters(member.email) == []

    post.bag.is_lost = False
    assert post.letters(member.email) == []
    house.change("UPDATE mail SET send_after = send_after - interval '15 seconds'")

    assert len(post.letters(member.email)) == 1
    assert house.rows("SELECT count(*) FROM mail") == [(0,)]


def test_a_letter_is_given_up_after_ten_tries(own: tuple[House, Office]) -> None:
    house, post = own
    member = Member(house)
    house.auth.ForgotPassword(pb.ForgotPasswordRequest(email=member.email))
    post.bag.is_lost = True

    for _ in range(rules.MAIL_TRIES):
        house.change("UPDATE mail SET send_after = created_at")
        post.letters(member.email)

    assert house.rows("SELECT count(*) FROM mail") == [(0,)]


def test_a_letter_in_somebodys_hands_is_not_taken_again(own: tuple[House, Office]) -> None:
    house, post = own
    member = Member(house)
    house.auth.ForgotPassword(pb.ForgotPasswordRequest(email=member.email))

    class Nested:
        def carry(self, message: EmailMessage, mail_id: str) -> None:
            with office(house.url) as other:
                assert other.letters(member.email) == []
            post.bag.carry(message, mail_id)

    post.postman._carrier = Nested()  # what happens between taking and striking off

    assert len(post.letters(member.email)) == 1


def test_letters_are_files_sorted_by_time_and_private(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "mail")
    for name in ("ada", "bob"):
        folder.carry(letter(f"{name}@example.com"), ID)

    files = sorted((tmp_path / "mail").iterdir())

    read = [message_from_bytes(file.read_bytes(), policy=default) for file in files]
    assert [message["To"] for message in read] == ["ada@example.com", "bob@example.com"]
    assert read[0]["Subject"] == "Grüße"
    assert all(file.name.endswith(f"-{ID}.eml") for file in files)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_folder_that_cannot_be_written_carries_nothing(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("in the way")

    with pytest.raises(NotCarried):
        Folder(tmp_path / "mail").carry(letter(), ID)


class Mailbox:
    """What a mail server was handed."""

    def __init__(self) -> None:
        self.received: list[tuple[EmailMessage, bool]] = []

    async def handle_DATA(
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:  # the library's name
        del server
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        self.received.append((message, session.ssl is not None))
        return "250 OK"


def authenticates(
    _server: SMTP, _session: Session, _envelope: Envelope, _kind: str, data: object
) -> AuthResult:
    login, password = getattr(data, "login", b""), getattr(data, "password", b"")
    return AuthResult(success=(login, password) == (b"town", b"p@ss word"))


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Authority(tmp_path_factory.mktemp("authority")).signs("localhost")


def presenting(tls: Tls) -> ssl.SSLContext:
    """What a mail server presents its certificate with."""
    assert tls.certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    return context


def serving(mailbox: Mailbox, **how: Any) -> Controller:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="localhost", port=port, **how)
    controller.start()
    return controller


def test_a_letter_goes_out_by_smtp() -> None:
    mailbox = Mailbox()
    server = serving(mailbox)
    try:
        MailServer(f"smtp://localhost:{server.port}").carry(letter(), ID)
    finally:
        server.stop()

    [(message, was_encrypted)] = mailbox.received
    assert (message["Subject"], message["To"]) == ("Grüße", "ada@example.com")
    assert not was_encrypted


def test_with_a_user_the_connection_is_upgraded_to_tls_first(
    tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca))
    mailbox = Mailbox()
    server = serving(
        mailbox,
        tls_context=presenting(tls),
        require_starttls=True,
        auth_required=True,
        authenticator=authenticates,
    )
    try:
        url = f"smtp://town:p%40ss%20word@localhost:{server.port}"
        MailServer(url).carry(letter(), ID)
        with pytest.raises(NotCarried):
            MailServer(url.replace("town:", "nobody:")).carry(letter(), ID)
    finally:
        server.stop()

    assert [was_encrypted for _, was_encrypted in mailbox.received] == [True]


def test_a_password_never_travels_in_the_clear() -> None:
    server = serving(Mailbox())
    try:
        with pytest.raises(NotCarried):
            MailServer(f"smtp://town:secret@localhost:{server.port}").carry(letter(), ID)
    finally:
        server.stop()


def test_smtps_is_encrypted_from_the_start(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    mailbox = Mailbox()
    server = serving(mailbox, ssl_context=presenting(tls))
    # It understands nothing that is not encrypted.
    url = f"smtps://localhost:{server.port}"
    try:
        with pytest.raises(NotCarried):
            MailServer(url).carry(letter(), ID)
        monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca))
        MailServer(url).carry(letter(), ID)
    finally:
        server.stop()

    assert len(mailbox.received) == 1


def test_a_mail_server_that_is_away_carries_nothing() -> None:
    with pytest.raises(NotCarried):
        MailServer("smtp://localhost:1").carry(letter(), ID)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("smtp_url", "mail.example"),
        ("smtp_url", "https://mail.example"),
        ("smtp_url", "smtp://"),
        ("mail_from", "nobody"),
        ("public_url", "https://town.example/path"),
    ],
)
def test_settings_that_cannot_be_are_refused(field: str, value: str) -> None:
    known = settings_for("postgresql://localhost/nesra_auth").model_dump()

    with pytest.raises(ValueError, match="must look like"):
        AuthSettings(**known | {field: value})


def test_letters_come_from_the_public_urls_host_unless_told_otherwise() -> None:
    known = settings_for("postgresql://localhost/nesra_auth").model_dump()

    chosen = [
        AuthSettings(**known | more).sender
        for more in (
            {"public_url": "https://Town.example:8443"},
            {"mail_from": "hello@mail.example"},
        )
    ]

    assert chosen == ["town@town.example", "hello@mail.example"]


@pytest.mark.parametrize(("smtp_url", "warned"), [("", 1), ("smtps://mail.example", 0)])
def test_production_without_a_mail_server_warns(house: House, smtp_url: str, warned: int) -> None:
    settings = settings_for(house.url).model_copy(
        update={"environment": "production", "smtp_url": smtp_url}
    )

    with capture_logs() as logs:
        wired(settings).close()

    assert [line["event"] for line in logs].count("letters_become_files") == warned
