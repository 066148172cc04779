"""The rules in use: taken up when the process starts, and whenever their file changes."""

import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from services.kit.database import Database
from services.kit.editions import Editions
from services.kit.errors import Unavailable
from services.kit.rulesfile import BadRules, Edition, Rules, RulesFile, Shape, read

Made = TypeVar("Made")

log = structlog.get_logger(__name__)

# What tells that a file is another than before: when it was written, how long it is, which it is.
Stamp = tuple[int, int, int]
_NEVER: Stamp = (0, 0, 0)


class Rulebook(Generic[Rules, Made]):
    """What a service decides with, made anew of every edition of its rules.

    A call asks for it once, at its beginning, and decides everything with that: so what
    it pays is what the version says that it records. An edition is kept in the
    database before anything is decided with it. Raises BadRules when the file does not
    do at the start.
    """

    def __init__(
        self,
        path: Path,
        shape: Shape[Rules],
        database: Database,
        editions: Editions,
        make: Callable[[Edition[Rules]], Made],
    ) -> None:
        self._path = path
        self._shape = shape
        self._database = database
        self._editions = editions
        self._make = make
        self._first = read(path)
        self._first.bound(shape)
        self._made: Made | None = None
        self._file = self._first
        # By version, those of before too as they are asked for: an edition never changes.
        self._known: dict[str, Made] = {}
        self._version = ""
        self._refused: tuple[str, ...] = ()
        self._noticed: Stamp | None = None
        self._seen: Stamp | None = _NEVER
        self._alone = threading.Lock()

    def current(self) -> Made:
        """What to decide with from now on. Raises Unavailable until the first edition is kept."""
        made = self._made
        return self._opened() if made is None else made

    def under(self, version: str) -> Made | None:
        """What to decide with under a version that this service uses or used.

        None for one that it never used, or could not read by its shape of today.
        Raises Unavailable.
        """
        self.current()
        if version not in self._known:
            found = self._read_again(version)
            if found is None:
                # Not remembered: perhaps a neighbour takes it up in a moment, and keeps it.
                return None
            self._known[version] = found
        return self._known[version]

    def is_open(self) -> bool:
        """Whether the first edition is in use; tries now, if it is not.

        Raises BadRules when players would lose something by it.
        """
        if self._made is None:
            try:
                self._open()
            except Unavailable:
                return False
        return True

    def follow(self) -> bool:
        """Takes up what the file says by now: a step of a Sweeper.

        A file that does not do changes nothing, and is tried again until it does. Raises
        Unavailable.
        """
        with self._alone:
            try:
                self._look()
            except BadRules as bad:
                self._refuse(bad)
        return False

    def figures(self) -> Iterator[Metric]:
        """Which edition is in use, and whether the file is refused as it stands."""
        used = GaugeMetricFamily(
            "nesra_rules", "1 for the version of the rules in use.", labels=["version"]
        )
        if self._version:
            used.add_metric([self._version], 1)
        yield used
        what = "1 while the rules file is refused as it stands: see rules_refused in the log."
        yield GaugeMetricFamily("nesra_rules_refused", what, value=int(bool(self._refused)))

    def _opened(self) -> Made:
        try:
            self._open()
        except BadRules as bad:
            self._refuse(bad)
        if self._made is None:
            raise Unavailable
        return self._made

    def _open(self) -> None:
        with self._alone:
            if self._made is None:
                self._take_up(self._first)

    def _read_again(self, version: str) -> Made | None:
        with self._database.read() as connection:
            kept = self._editions.named(connection, version)
        rules = kept and kept.file.bound_after(self._shape, self._file)
        return self._make(Edition(rules, version)) if rules is not None else None

    def _look(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._seen:
            self._refused = ()
        elif stamp != self._noticed:
            # Perhaps it is still being written: taken up when it stands so for a second.
            self._noticed = stamp
        else:
            self._take_up(read(self._path))
            self._seen = stamp

    def _take_up(self, file: RulesFile) -> None:
        rules = file.bound(self._shape)
        if file.version != self._version:
            self._database.transact(
                lambda connection: self._editions.take_up(connection, file, self._shape)
            )
            self._file = file
            self._made = self._known[file.version] = self._make(Edition(rules, file.version))
            self._version = file.version
            log.info("rules_taken_up", version=file.version)
        self._refused = ()

    def _refuse(self, bad: BadRules) -> None:
        if bad.problems != self._refused:
            self._refused = bad.problems
            log.error("rules_refused", kept=self._version, problems="; ".join(bad.problems))


def _stamp(path: Path) -> Stamp | None:
    """None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def numbers_of(
    path: Path, shape: Shape[Rules], database: Database, editions: Editions
) -> Callable[[], Rules]:
    """As `edition_of`, for who records no version."""
    edition = edition_of(path, shape, database, editions)
    return lambda: edition().rules


def edition_of(
    path: Path, shape: Shape[Rules], database: Database, editions: Editions
) -> Callable[[], Edition[Rules]]:
    """What tells the rules in use, for who asks for them now and then only.

    It raises BadRules when the file does not do, and Unavailable.
    """

    @cache
    def book() -> Rulebook[Rules, Edition[Rules]]:
        return Rulebook(path, shape, database, editions, lambda edition: edition)

    def edition() -> Edition[Rules]:
        book().follow()
        return book().current()

    return edition
