"""What must stand in no log: passwords, tokens and database passwords (reliability.md R19).

Every log that a town of a test run wrote is searched at the end of the run.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.e2e import visitor
from tests.service import peers
from tests.service.auth import member

# What players of the tests type, and what their towns are told.
SPOKEN = (visitor.PASSWORD, visitor.NEW_PASSWORD, member.PASSWORD, peers.SECRET)
SHAPES = {
    "an access or service token": r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}",
    "a refresh token": r"(?<![\w-])[\w-]{75}(?![\w-])",
    "a mail's token": r"token=[\w-]{20,}",
    "a database's password": r"postgres(?:ql)?://[^:/@\s]+:[^@\s]+@",
    "a password's hash": r"\$argon2",
}
_SEARCHED = re.compile(
    "|".join([f"({re.escape(words)})" for words in SPOKEN] + [f"({s})" for s in SHAPES.values()])
)


def leaks(file: Path) -> Iterator[str]:
    """Each line of a log that tells what it must not, by its place; never the secret itself."""
    with file.open(errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if found := _SEARCHED.search(line):
                yield f"{file}:{number}: {line[: found.start()]}…"


def logs_in(folder: Path) -> list[Path]:
    """Every log of every town that was opened in the folder."""
    return sorted(file for file in folder.rglob("log/*") if file.is_file())
