"""The rules in use: kept before they are used, taken up while the process runs, or refused."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs

from services.kit.database import Database
from services.kit.errors import Unavailable
from services.kit.rulebook import Rulebook
from services.kit.rulesfile import BadRules, Edition, RulesFile, Shape
from services.world.tables import editions
from tests.service.peers import at_once

NewDatabase = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Fields:
    acres: int


SHAPE = Shape("fields", Fields, lambda old, new: ["acres fell"] * (new.acres < old.acres))
Book = Rulebook[Fields, Edition[Fields]]


@dataclass(frozen=True)
class Farm:
    """A database that keeps editions, and a rules file."""

    url: str
    path: Path

    def write(self, acres: object) -> None:
        """Replaces the file, whole."""
        new = self.path.with_suffix(".new")
        new.write_text(f"[fields]\nacres = {acres}\n")
        new.replace(self.path)

    def open(self, database: Database) -> Book:
        return Rulebook(self.path, SHAPE, database, editions, lambda edition: edition)

    def kept(self) -> list[str]:
        """The acres of every version that was kept, the first taken up first."""
        with psycopg.connect(self.url) as connection:
            found = connection.execute("SELECT content FROM rules_version ORDER BY last_used_at")
            return [row[0].split()[-1] for row in found]


@pytest.fixture
def farm(new_database: NewDatabase, tmp_path: Path) -> Farm:
    farm = Farm(new_database("world"), tmp_path / "farm.toml")
    farm.write(3)
    return farm


@pytest.fixture
def database(farm: Farm) -> Iterator[Database]:
    database = Database(farm.url, size=4)
    database.open()
    yield database
    database.close()


@pytest.fixture
def book(farm: Farm, database: Database) -> Book:
    """A book that is open, and has seen the file as it stands."""
    book = farm.open(database)
    assert book.is_open()
    look(book)
    return book


def look(book: Book) -> None:
    """Looks as often as a change takes: once to notice, once more to take it up."""
    book.follow()
    book.follow()


def refused(book: Book) -> float:
    """Whether the file is refused, as an operator's figures say it."""
    (figure,) = (f for f in book.figures() if f.name == "nesra_rules_refused")
    return figure.samples[0].value


def test_an_edition_is_kept_before_anybody_decides_with_it(farm: Farm, database: Database) -> None:
    book = farm.open(database)
    assert farm.kept() == []

    rules, version = book.current()

    assert rules == Fields(3)
    assert farm.kept() == ["3"]
    with database.read() as connection:
        (kept,) = editions.kept(connection)
    assert kept.version == version == RulesFile("", farm.path.read_bytes()).version
    assert kept.file.text == farm.path.read_text()


def test_nobody_decides_while_the_database_cannot_keep_them(farm: Farm) -> None:
    nobody = Database("postgresql://127.0.0.1:1/nobody", size=1)
    nobody.open()
    book = farm.open(nobody)

    assert not book.is_open()
    with pytest.raises(Unavailable):
        book.current()
    with pytest.raises(Unavailable):
        look(book)
    nobody.close()


def test_a_process_whose_tables_are_not_migrated_yet_is_not_ready(
    farm: Farm, database: Database
) -> None:
    with psycopg.connect(farm.url) as connection:
        connection.execute("ALTER TABLE rules_version RENAME TO away")
    book = farm.open(database)

    assert not book.is_open()
    with psycopg.connect(farm.url) as connection:
        connection.execute("ALTER TABLE away RENAME TO rules_version")
    assert book.is_open()


def test_a_changed_file_is_taken_up_and_kept(farm: Farm, book: Book) -> None:
    before = book.current()

    farm.write(4)
    look(book)

    assert before.rules == Fields(3)
    assert book.current().rules == Fields(4)
    assert book.current().version != before.version
    assert farm.kept() == ["3", "4"]


def test_a_file_that_is_still_being_written_is_left_alone(farm: Farm, book: Book) -> None:
    for acres in (4, 5, 6):
        farm.write(acres)
        book.follow()

    assert book.current().rules == Fields(3)
    book.follow()
    assert book.current().rules == Fields(6)
    assert farm.kept() == ["3", "6"]


def test_a_file_that_is_written_again_as_it_was_changes_nothing(farm: Farm, book: Book) -> None:
    before = book.current()

    farm.write(3)
    look(book)

    assert book.current() is before


@pytest.mark.parametrize(
    ("acres", "reason"),
    [
        ("'many'", "line 2: fields.acres should be a valid integer"),
        ("", "line 2: Invalid value"),
        (2, "line 2: fields.acres fell"),
    ],
)
def test_a_file_that_does_not_do_changes_nothing_and_is_told_once(
    farm: Farm, book: Book, acres: object, reason: str
) -> None:
    before = book.current()
    farm.write(acres)

    with capture_logs() as logs:
        for _ in range(5):
            book.follow()

    assert book.current() is before
    assert farm.kept() == ["3"]
    assert refused(book) == 1
    (told,) = logs
    assert told["event"] == "rules_refused"
    assert f"{farm.path}, {reason}" in told["problems"]


def test_a_file_that_is_gone_is_refused_until_it_is_back(farm: Farm, book: Book) -> None:
    hidden = farm.path.with_suffix(".hidden")
    farm.path.rename(hidden)
    look(book)
    assert refused(book) == 1

    hidden.rename(farm.path)
    book.follow()

    assert refused(book) == 0
    assert book.current().rules == Fields(3)


def test_a_mended_file_is_taken_up(farm: Farm, book: Book) -> None:
    farm.write("broken")
    look(book)
    assert refused(book) == 1

    farm.write(7)
    look(book)

    assert refused(book) == 0
    assert book.current().rules == Fields(7)


def test_a_change_within_the_file_is_noticed_by_its_time_alone(farm: Farm, book: Book) -> None:
    with farm.path.open("r+") as file:
        file.write("[fields]\nacres = 8")
    later = farm.path.stat().st_mtime_ns + 1
    os.utime(farm.path, ns=(later, later))
    look(book)

    assert book.current().rules == Fields(8)


@pytest.mark.usefixtures("book")
def test_a_process_does_not_start_with_rules_by_which_players_lose(
    farm: Farm, database: Database
) -> None:
    farm.write(2)
    again = farm.open(database)

    with pytest.raises(BadRules, match=r"line 2: fields\.acres fell"):
        again.is_open()
    with pytest.raises(Unavailable):
        again.current()
    assert farm.kept() == ["3"]


def test_a_process_does_not_start_with_a_file_that_does_not_do(
    farm: Farm, database: Database
) -> None:
    farm.write("'many'")

    with pytest.raises(BadRules, match=r"line 2: fields\.acres should be"):
        farm.open(database)


def test_what_was_taken_up_last_is_what_the_next_is_compared_with(
    farm: Farm, book: Book, database: Database
) -> None:
    for acres in (4, 5):
        farm.write(acres)
        look(book)
    farm.write(4)
    again = farm.open(database)

    with pytest.raises(BadRules, match="acres fell"):
        again.is_open()


def test_of_replicas_that_start_with_different_files_at_once_none_lowers_another(
    farm: Farm, database: Database
) -> None:
    books = []
    for acres in range(1, 5):
        farm.write(acres)
        books.append(farm.open(database))

    def start(number: int) -> int:
        try:
            books[number].is_open()
        except BadRules:
            return 0
        return number + 1

    began = at_once(4, start)

    kept = [int(acres) for acres in farm.kept()]
    assert kept == sorted(kept)
    assert sorted(acres for acres in began if acres) == kept


def test_a_replica_waits_for_another_that_takes_up_other_rules_and_is_compared_with_them(
    farm: Farm, database: Database
) -> None:
    book = farm.open(database)
    with psycopg.connect(farm.url) as other:
        other.execute(
            "INSERT INTO rules_version (version, content, first_used_at, last_used_at)"
            " VALUES ('other', %s, now(), now())",
            ["[fields]\nacres = 9\n"],
        )

        assert not book.is_open()

    with pytest.raises(BadRules, match="acres fell"):
        book.is_open()
    assert farm.kept() == ["9"]


def test_a_reload_waits_for_a_database_that_is_away(farm: Farm, book: Book) -> None:
    before = book.current()
    farm.write(9)
    book.follow()
    book._database.close()

    with pytest.raises(Unavailable):
        book.follow()

    assert book.current() is before


def test_a_version_of_before_decides_as_it_did(farm: Farm, book: Book, database: Database) -> None:
    first = book.current().version
    farm.write(4)
    look(book)

    younger = farm.open(database)

    assert younger.is_open()
    for each in (book, younger):
        assert each.under(first) == Edition(Fields(acres=3), first)
        assert each.under(each.current().version) is each.current()


def test_a_version_that_was_never_used_decides_nothing_until_a_neighbour_uses_it(
    farm: Farm, book: Book, database: Database
) -> None:
    farm.write(4)
    new = RulesFile("farm", farm.path.read_bytes()).version
    assert book.under(new) is None

    assert farm.open(database).is_open()

    assert book.under(new) == Edition(Fields(acres=4), new)
