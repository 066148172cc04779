"""Check a rules file before it is deployed, and look up every one that the town ever used.

`check` says what is wrong with each line: exit code 0, all is well; 1, something is wrong; 2, it cannot look. With
--town it also refuses what the services would refuse, because players would lose a level or a room by it. Of a file
that will do it tells the events as it reads them.

`accept` has the services take up such a file nevertheless. Deploy it first: they try it again every second. Heroes
and rooms stay as they are stored until `nesra repair` brings them to the new rules.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from services.kit.audit import NOBODY
from services.kit.editions import Kept
from services.kit.rulesfile import BadRules, RulesFile, check, read
from services.kit.times import rfc3339
from town.audit import Deed, note
from town.databases import told_in_one_sentence
from town.editions import kept_by
from town.numbers import SESSION, SHAPES, rules_path
from town.reach import urls_of_town
from town.reading import Connection, connection_of, database_now
from town.repair import reason

# As the services do it: see services/kit/editions.py.
LOCK: Final = "LOCK TABLE rules_version IN SHARE ROW EXCLUSIVE MODE"
ACCEPT: Final = """
    INSERT INTO rules_version (version, content, first_used_at, last_used_at)
    SELECT %(version)s, %(content)s, used_at, used_at FROM (
        SELECT greatest(%(now)s, max(last_used_at) + interval '1 microsecond') AS used_at
        FROM rules_version
    ) AS moment
    ON CONFLICT (version) DO UPDATE SET last_used_at = EXCLUDED.last_used_at
"""


@dataclass(frozen=True, slots=True)
class Use:
    """A version, and which services used it, or use it now."""

    version: str
    used_by: Sequence[str]
    in_use_by: Sequence[str]
    first_used_at: datetime


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do, with which file or version."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(metavar="check|list|show|accept", required=True)
    checked = commands.add_parser("check", help="say what is wrong with a rules file")
    checked.add_argument("--town", action="store_true", help="compare it with the rules in use")
    checked.set_defaults(work=_check)
    listed = commands.add_parser("list", help="list every version that was used, the newest first")
    listed.add_argument("--json", action="store_true", help="one JSON object per version")
    listed.set_defaults(work=_list)
    shown = commands.add_parser("show", help="print the file of a version")
    shown.add_argument("version", metavar="VERSION")
    shown.set_defaults(work=_show)
    accepted = commands.add_parser("accept", help="let the services take up what they refuse")
    accepted.add_argument("--reason", metavar="TEXT", type=reason, required=True, help="why")
    accepted.set_defaults(work=_accept)
    for each in (checked, accepted):
        each.add_argument(
            "file", metavar="FILE", type=Path, nargs="?", help="instead of NESRA_RULES"
        )


def run(arguments: argparse.Namespace) -> int:
    """Do it. Returns 0, and 1 when something is wrong or unknown; raises CannotOpen."""
    try:
        with told_in_one_sentence():
            return int(arguments.work(arguments))
    except BadRules as bad:
        for problem in bad.problems:
            print(problem, file=sys.stderr)
        return 1


def _check(arguments: argparse.Namespace) -> int:
    file = _given(arguments)
    if arguments.town:
        _refuse_losses(file)
    print(f"The rules of {file.name} will do. Their version is {file.version}.")
    for event in sorted(file.bound(SESSION).events, key=lambda event: event.starts_at):
        print(f"Event {event.sentence()}.")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    for use in _uses({service: _kept(service) for service in SHAPES}):
        print(_as_json(use) if arguments.json else _sentence(use))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    for service in SHAPES:
        for kept in _kept(service):
            if kept.version == arguments.version:
                sys.stdout.write(kept.content)
                return 0
    print(f"No service used version {arguments.version}.", file=sys.stderr)
    return 1


def _accept(arguments: argparse.Namespace) -> int:
    file, urls = _given(arguments), urls_of_town(SHAPES)
    for service in SHAPES:
        with connection_of(service, urls) as connection, connection.transaction():
            _put_first(connection, file, arguments.reason)
    print(f"Version {file.version} is accepted: services whose rules file it is take it up now.")
    return 0


def _given(arguments: argparse.Namespace) -> RulesFile:
    """The file that is meant. Raises BadRules with everything that is wrong in it."""
    file = read(arguments.file or rules_path())
    check(file, list(SHAPES.values()))
    return file


def _refuse_losses(file: RulesFile) -> None:
    """Raises BadRules with what players would lose anywhere."""
    problems: list[str] = []
    for service, shape in SHAPES.items():
        for latest in _kept(service)[:1]:
            try:
                file.refuse_losses(shape, latest.file)
            except BadRules as bad:
                problems += bad.problems
    if problems:
        raise BadRules(problems)


def _kept(service: str) -> list[Kept]:
    with connection_of(service, urls_of_town([service])) as connection:
        return kept_by(connection)


def _put_first(connection: Connection, file: RulesFile, why: str) -> None:
    """Make a version the one that the next is compared with, and note who did it."""
    connection.execute(LOCK)
    before = next((kept.version for kept in kept_by(connection)), None)
    now = database_now(connection)
    values = {"version": file.version, "content": file.text, "now": now}
    connection.execute(ACCEPT, values)
    deed = Deed("rules.accept", NOBODY, {"version": [before, file.version]})
    note(connection, deed, why, now=now)


def _uses(kept: dict[str, list[Kept]]) -> list[Use]:
    """Every version, by the time of its last use, the newest first."""
    of: dict[str, dict[str, Kept]] = {}
    for service, editions in kept.items():
        for edition in editions:
            of.setdefault(edition.version, {})[service] = edition
    newest = sorted(of.items(), key=lambda each: _last_used(each[1]), reverse=True)
    return [
        Use(
            version,
            sorted(by),
            sorted(service for service in by if kept[service][0].version == version),
            min(edition.first_used_at for edition in by.values()),
        )
        for version, by in newest
    ]


def _last_used(by: dict[str, Kept]) -> datetime:
    return max(edition.last_used_at for edition in by.values())


def _sentence(use: Use) -> str:
    now = f"in use by {', '.join(use.in_use_by)}" if use.in_use_by else "not in use"
    return f"{use.version}  since {rfc3339(use.first_used_at)}, {', '.join(use.used_by)}; {now}"


def _as_json(use: Use) -> str:
    return json.dumps(
        {
            "version": use.version,
            "first_used_at": rfc3339(use.first_used_at),
            "used_by": use.used_by,
            "in_use_by": use.in_use_by,
        }
    )
