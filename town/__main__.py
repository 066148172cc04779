"""The operator's command line: `nesra COMMAND`."""

import argparse
import sys
from typing import Protocol

from town import healthy, migrate, serve, up
from town.failures import CannotOpen


class Command(Protocol):
    """A module that is a command; the first line of its docstring says what it does."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what follows the command's name."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; return the exit code."""


COMMANDS: dict[str, Command] = {"up": up, "migrate": migrate, "serve": serve, "healthy": healthy}


def main() -> int:
    """Run the command that the command line names; return the exit code.

    What keeps the town from opening is one sentence on stderr and exit code 2.
    """
    arguments = _parser().parse_args()
    try:
        return COMMANDS[arguments.command].run(arguments)
    except CannotOpen as failure:
        print(failure, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nesra", description="Run Nesra Town.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        summary = (command.__doc__ or "").splitlines()[0]
        command.arguments(commands.add_parser(name, help=summary, description=summary))
    return parser


if __name__ == "__main__":
    sys.exit(main())
