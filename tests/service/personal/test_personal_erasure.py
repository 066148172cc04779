"""What a service held about a player is gone, all of it, and nobody else's."""

import pytest

from services.auth.__main__ import ELSEWHERE
from services.auth.elsewhere import Remote
from services.auth.erasures import Erasures
from services.kit.callers import TokenMaker
from services.kit.client import Client
from services.kit.database import Database
from services.kit.errors import Failure
from services.kit.tls import PLAIN
from tests.service.inventory.stock import new_id
from tests.service.peers import SECRET
from tests.service.personal.archive import Archive, Archives


def test_erasing_leaves_no_row_and_says_how_many_there_were(
    archives: Archives, forgetful: Archive
) -> None:
    settler = archives.settler()
    held = sum(map(len, forgetful.rows(settler).values()))

    erased = forgetful.erase(settler)

    assert erased == held > 0
    assert not any(forgetful.rows(settler).values())


def test_ten_thousand_sessions_are_erased_whole(archives: Archives) -> None:
    session, veteran = archives.of["session"], archives.veteran()

    assert session.erase(veteran) > 10_000
    assert not any(session.rows(veteran).values())


def test_erasing_again_finds_nothing(archives: Archives, forgetful: Archive) -> None:
    settler = archives.settler()
    forgetful.erase(settler)

    assert forgetful.erase(settler) == 0


def test_erasing_touches_nobody_else(archives: Archives, forgetful: Archive) -> None:
    settler, neighbour = archives.settler(), archives.settler()
    before = forgetful.rows(neighbour)

    forgetful.erase(settler)

    assert forgetful.rows(neighbour) == before


def test_erasing_who_was_never_here_leaves_no_row(forgetful: Archive) -> None:
    stranger = new_id()

    assert forgetful.erase(stranger) == 0
    assert not any(forgetful.rows(stranger).values())


def test_an_account_whose_week_is_over_leaves_its_receipt_alone(archives: Archives) -> None:
    settler, auth = archives.settler(), archives.of["auth"]
    auth.change("DELETE FROM erasure WHERE user_id = %s", settler)
    auth.change('UPDATE "user" SET deletes_at = now() WHERE id = %s', settler)
    tokens = TokenMaker("auth", SECRET)
    clients = [Client(name, archives.of[name].target, tokens, PLAIN) for name in ELSEWHERE]
    database = Database(auth.url, size=1)
    database.open()
    erasures = Erasures(database, [Remote(client) for client in clients])

    erasures.begin_due()
    erasures.erase_due()
    auth.change("UPDATE erasure SET ask_at = now() WHERE user_id = %s", settler)
    erasures.erase_due()

    database.close()
    for client in clients:
        client.close()
    left = {
        f"{archive.service}.{table}": len(rows)
        for archive in archives.of.values()
        for table, rows in archive.rows(settler).items()
        if rows
    }
    assert left == {"auth.erasure": 1}


@pytest.mark.parametrize("caller", ["gateway", "session", "inventory", "world"])
def test_auth_alone_has_a_player_erased(forgetful: Archive, caller: str) -> None:
    with pytest.raises(Failure, match="PERMISSION_DENIED"):
        forgetful.erase(new_id(), caller=caller)


@pytest.mark.parametrize("caller", ["auth", "gateway", "session"])
def test_nobody_tells_auth_to_erase(archives: Archives, caller: str) -> None:
    with pytest.raises(Failure, match="PERMISSION_DENIED"):
        archives.of["auth"].erase(new_id(), caller=caller)
