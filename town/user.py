"""Open accounts for operators, and change where accounts stand, each with an entry in the audit trail.

An account that is created without a password is asked for one on a terminal; elsewhere one is made up, and said once.
Exit code 0: it is so, now or already; 1: it cannot be, and why is said; 2: the accounts cannot be reached.
"""

import argparse
import getpass
import secrets
import sys
from collections.abc import Callable
from functools import partial
from typing import Final

from email_validator import EmailNotValidError, validate_email

from services.auth import operators
from services.auth.failures import EmailTaken, LastSuperuser, PasswordTooWeak, UserUnknown
from services.auth.operators import Standing
from services.auth.passwords import Passwords, argon2id, require_strong
from services.auth.store import UserRow
from services.kit.audit import Warrant
from services.kit.database import Connection, Database
from services.kit.errors import Failure, Unavailable
from town.audit import operator
from town.databases import connected, told_in_one_sentence
from town.failures import DatabaseFailed
from town.reach import urls_of_town
from town.repair import reason

# By the word of the command line: what it makes of an account, and its own help.
CHANGES: Final = {
    "promote": (Standing(is_superuser=True), "let it operate the town"),
    "demote": (Standing(is_superuser=False), "let it operate the town no longer"),
    "disable": (Standing(is_active=False), "close it, and log it out everywhere"),
    "enable": (Standing(is_active=True), "open it again"),
}
SENTENCES: Final[dict[type[Failure], str]] = {
    EmailTaken: "An account with this e-mail exists already: `nesra user promote` makes it a superuser.",
    LastSuperuser: "This is the last superuser: make somebody else one first.",
    UserUnknown: "There is no account with this e-mail.",
}
# Each waits for the connection up to 0.8 s.
TRIES: Final = 12
# 24 characters, 144 bits: nobody guesses it, and it can be typed.
RANDOM_BYTES: Final = 18


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do, and to which account."""
    doing = parser.add_subparsers(
        metavar="create | promote | demote | disable | enable", required=True
    )
    create = doing.add_parser("create", help="open an account")
    create.add_argument(
        "--email", metavar="E-MAIL", type=email_address, required=True, help="its address"
    )
    create.add_argument(
        "--password",
        metavar="TEXT",
        help="its password; other users of this machine may see it here",
    )
    create.add_argument("--superuser", action="store_true", help="let it operate the town")
    create.add_argument(
        "--reason", metavar="TEXT", type=reason, default="created", help="why, for the entry"
    )
    create.set_defaults(do=_create)
    for word, (standing, what) in CHANGES.items():
        change = doing.add_parser(word, help=what)
        change.add_argument("email", metavar="E-MAIL", type=email_address, help="its address")
        change.add_argument(
            "--reason",
            metavar="TEXT",
            type=reason,
            required=True,
            help="why: it stands in the entry",
        )
        change.set_defaults(do=partial(_change, standing=standing))


def run(arguments: argparse.Namespace) -> int:
    """Do it. Returns 0, and 1 where it cannot be; raises CannotOpen."""
    try:
        print(arguments.do(arguments))
    except PasswordTooWeak as failure:
        print(failure.metadata["detail"], file=sys.stderr)
    except tuple(SENTENCES) as failure:
        print(SENTENCES[type(failure)], file=sys.stderr)
    else:
        return 0
    return 1


def email_address(text: str) -> str:
    """Return the address in its normal form, as players' own are stored. Raises ArgumentTypeError."""
    try:
        # What ends in .test is nobody's, and good for trying things out.
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _create(arguments: argparse.Namespace) -> str:
    is_asked = arguments.password is None and sys.stdin.isatty()
    given = _asked() if is_asked else arguments.password
    password = given or secrets.token_urlsafe(RANDOM_BYTES)
    require_strong(password, arguments.email, None)
    opening = partial(
        operators.opened,
        email=arguments.email,
        hashed=_hashed(password),
        warrant=Warrant(operator(), arguments.reason),
        is_superuser=arguments.superuser,
    )
    said = _sentence(_done(opening))
    return said if given else f"{said}\nIts password is {password} and not shown again."


def _change(arguments: argparse.Namespace, standing: Standing) -> str:
    def place(connection: Connection) -> UserRow:
        user = operators.found(connection, arguments.email)
        warrant = Warrant(operator(), arguments.reason)
        return operators.placed(connection, user.id, standing, warrant)

    return _sentence(_done(place))


def _done(work: Callable[[Connection], UserRow]) -> UserRow:
    """Do it in one transaction of auth's own. Raises CannotOpen, and the failures of `work`."""
    url = urls_of_town(["auth"])["auth"]
    with connected(url, name="NESRA_AUTH_DATABASE_URL"):
        pass
    database = Database(url, size=1)
    database.open()
    try:
        with told_in_one_sentence():
            # On a busy machine the first connection takes longer than anybody waits for one.
            any(database.is_ready() for _ in range(TRIES))
            return database.transact(work)
    except Unavailable as failure:
        sentence = "The database of auth does not answer in time: try again."
        raise DatabaseFailed(sentence) from failure
    finally:
        database.close()


def _asked() -> str:
    """Return the password that was typed twice, unseen."""
    while True:
        password = getpass.getpass("Password: ")
        if password == getpass.getpass("The same again: "):
            return password
        print("They differ.", file=sys.stderr)


def _hashed(password: str) -> str:
    passwords = Passwords(argon2id())
    try:
        return passwords.hashed(password)
    finally:
        passwords.close()


def _sentence(user: UserRow) -> str:
    kind = "superuser" if user.is_superuser else "player"
    return f"{user.email}: {kind}, {'open' if user.is_active else 'closed'}; id {user.id}"
