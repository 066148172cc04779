"""Who a player is, from the first letter to the last row, in a whole town."""

import re
import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.e2e.opened import PATIENCE_SECONDS, Town
from tests.e2e.test_operator import nesra
from tests.e2e.visitor import NEW_PASSWORD, PASSWORD, Visitor
from town.databases import SERVICES
from town.reach import urls_of_town

pytestmark = pytest.mark.xdist_group("town")


def letters(town: Town, email: str) -> list[EmailMessage]:
    files = sorted(Path(town.home, "mail").glob("*.eml"))
    read = [message_from_bytes(file.read_bytes(), policy=default) for file in files]
    return [m for m in read if isinstance(m, EmailMessage) and m["To"] == email]


def link_to(town: Town, email: str, page: str) -> str:
    """The link of the next letter to an address that leads to a page of the town."""
    found: list[str] = []

    def arrived() -> bool:
        bodies = [m.get_body(("plain",)) for m in letters(town, email)]
        texts = [str(body.get_content()) for body in bodies if body]
        found[:] = [f for text in texts for f in re.findall(rf"\S+/{page}\?token=[\w-]+", text)]
        return found != []

    town.await_that(arrived)
    return found[-1]


def token_in(link: str) -> str:
    return link.partition("token=")[2]


def test_a_letter_verifies_the_address(town: Town) -> None:
    visitor = Visitor(town.url)
    assert visitor.ask("POST", "/api/auth/request-verify", email=visitor.email).status_code == 202
    link = link_to(town, visitor.email, "verify")

    user = visitor.ok("POST", "/api/auth/verify", token=token_in(link))

    again = visitor.ask("POST", "/api/auth/verify", token=token_in(link))
    assert link.startswith(f"{town.url}/".replace("127.0.0.1", "localhost"))
    assert user["is_verified"]
    assert (again.status_code, again.json()["code"]) == (400, "BAD_TOKEN")
    assert visitor.get("/api/users/me")["is_verified"]


def test_the_page_of_a_letter_sets_a_new_password(town: Town) -> None:
    visitor = Visitor(town.url)
    assert visitor.ask("POST", "/api/auth/forgot-password", email=visitor.email).status_code == 202
    link = link_to(town, visitor.email, "reset-password").replace("localhost", "127.0.0.1")

    opened = httpx.get(link)
    sent = httpx.post(link, data={"password": NEW_PASSWORD})

    assert (opened.status_code, sent.status_code) == (200, 200)
    town.await_that(lambda: visitor.ask("GET", "/api/users/me").status_code == 401)
    old = visitor.ask("POST", "/api/auth/login", email=visitor.email, password=PASSWORD)
    assert old.json()["code"] == "BAD_CREDENTIALS"
    assert visitor.ok("POST", "/api/auth/login", email=visitor.email, password=NEW_PASSWORD)


def test_logging_out_everywhere_reaches_every_device_within_a_second(town: Town) -> None:
    phone = Visitor(town.url)
    laptop = httpx.Client(base_url=town.url, headers=phone.http.headers)
    phone.log_in()
    assert len(phone.get("/api/auth/devices")) == 2

    phone.ok("POST", "/api/auth/logout-all")
    began = time.monotonic()
    while laptop.get("/api/users/me").status_code != 401:
        assert time.monotonic() - began < PATIENCE_SECONDS
    laptop.close()

    assert time.monotonic() - began < 1.0
    assert phone.ask("GET", "/api/users/me").status_code == 401


def test_who_left_can_come_back_for_a_week(town: Town) -> None:
    visitor = Visitor(town.url)
    visitor.focus(25)
    left = visitor.ask("DELETE", "/api/users/me", password=PASSWORD)
    assert left.status_code == 202
    assert visitor.ask("GET", "/api/profile").status_code == 401

    visitor.log_in()

    assert visitor.get("/api/profile")["hero"]["gold"] == 25


def test_after_a_week_nothing_is_left_in_any_database(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NESRA_HOME", str(town.home))
    urls = urls_of_town(SERVICES)
    visitor = Visitor(town.url)
    visitor.focus(25)
    visitor.get("/api/profile")
    before = rows(urls, visitor.user["id"])
    assert {service for service, count in before.items() if count} == set(SERVICES)

    visitor.ok("DELETE", "/api/users/me", password=PASSWORD)
    change(urls["auth"], 'UPDATE "user" SET deletes_at = clock_timestamp() WHERE id = %s', visitor)
    # The worker begins it within five minutes; by hand it is begun now.
    begun = nesra(town.home, "jobs", "run", "erasures")
    assert begun.returncode == 0, begun.stderr
    assert rows_of_receipt(urls, visitor) > 0
    change(
        urls["auth"], "UPDATE erasure SET ask_at = clock_timestamp() WHERE user_id = %s", visitor
    )
    town.await_that(lambda: is_erased(urls, visitor))

    assert rows(urls, visitor.user["id"]) == dict.fromkeys(SERVICES, 0)
    answer = visitor.ask("POST", "/api/auth/login", email=visitor.email, password=PASSWORD)
    assert answer.json()["code"] == "BAD_CREDENTIALS"


def rows(urls: dict[str, str], user_id: str) -> dict[str, int]:
    """By service, how many rows of its tables name the player; the receipt stays."""
    return {service: _rows(service, urls[service], user_id) for service in SERVICES}


def _rows(service: str, url: str, user_id: str) -> int:
    metadata = import_module(f"services.{service}.tables").metadata
    names = {t.name: "user_id" for t in metadata.sorted_tables if "user_id" in t.c}
    if service == "auth":
        names = {name: column for name, column in names.items() if name != "erasure"}
        names["user"] = "id"
    counting = sql.SQL("SELECT count(*) FROM {} WHERE {} = %s")
    statements = [
        counting.format(sql.Identifier(name), sql.Identifier(column))
        for name, column in names.items()
    ]
    with psycopg.connect(url) as connection:
        return sum(_one(connection.execute(one, [user_id])) for one in statements)


def _one(cursor: Any) -> int:
    return int(cursor.fetchone()[0])


def change(url: str, statement: str, visitor: Visitor) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement, [visitor.user["id"]])


def is_erased(urls: dict[str, str], visitor: Visitor) -> bool:
    asked = "SELECT count(*) FROM erasure WHERE user_id = %s AND erased_at IS NOT NULL"
    with psycopg.connect(urls["auth"]) as connection:
        return _one(connection.execute(asked, [visitor.user["id"]])) == 1


def rows_of_receipt(urls: dict[str, str], visitor: Visitor) -> int:
    asked = "SELECT coalesce(sum(rows), 0) FROM erasure WHERE user_id = %s"
    with psycopg.connect(urls["auth"]) as connection:
        return _one(connection.execute(asked, [visitor.user["id"]]))
