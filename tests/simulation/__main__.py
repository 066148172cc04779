"""One seed by itself: `python -m tests.simulation SEED` prints its trace, and what was wrong."""

import sys

from tests.simulation.storm import simulated


def main(arguments: list[str]) -> int:
    """Runs the seed; 1 when a promise was broken."""
    if len(arguments) != 1 or not arguments[0].isdecimal():
        print("usage: python -m tests.simulation SEED")
        return 2
    outcome = simulated(int(arguments[0]))
    print(*outcome.trace, *outcome.wrongs, outcome.digest, sep="\n")
    return 1 if outcome.wrongs else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
