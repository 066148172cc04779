"""The operator's command line: `nesra COMMAND`."""

import argparse
import signal
import sys
from importlib import import_module
from typing import Final

from town.failures import CannotOpen

# Each is a module beside this one, with `arguments(parser)` and `run(arguments)`. Only the one that was asked for is
# imported: a health check runs every few seconds, and should cost little.
COMMANDS: Final = {
    "up": "open the whole town on this machine, and keep it open until Ctrl-C",
    "migrate": "make the databases that are missing, and bring all tables up to date",
    "serve": "be one process of the town: a service, the gateway, or a worker of jobs",
    "jobs": "list what is done by the clock, and run one of it now",
    "verify": "recompute every balance from what never changes, and name each drift",
    "repair": "mend what `verify` names, with an audited entry for each change",
    "deliveries": "list what is not delivered yet, and put back what was given up",
    "erasures": "print the receipts of erased accounts, and erase them again after a backup was restored",
    "rules": "check a rules file, and look up every one that was ever used",
    "keys": "list the keys that sign access tokens, and replace them",
    "user": "open accounts for operators, and change where accounts stand",
    "simulate": "play the rules with thousands of simulated players, and report how they pay",
    "profile": "draw where the time of a running process goes, as a flame graph",
    "healthy": "tell by the exit code whether a process may take traffic",
}


def main() -> int:
    """Run the command that the command line names; return the exit code.

    What keeps the town from opening is one sentence on stderr and exit code 2.
    """
    asked = _parser().parse_args()
    command = import_module(f"town.{asked.command}")
    parser = argparse.ArgumentParser(prog=f"nesra {asked.command}", description=command.__doc__)
    command.arguments(parser)
    try:
        return int(command.run(parser.parse_args(asked.rest)))
    except CannotOpen as failure:
        print(failure, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        # As a shell reports whoever a Ctrl-C ended.
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nesra",
        description="Run Nesra Town.",
        epilog="\n".join(f"  {name:10} {summary}" for name, summary in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="what it takes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
