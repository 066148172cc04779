"""`python -m tests.mutants [WORD …]`: plants slips, one at a time, and sees the tests notice each.

With words, only the mutants whose file or name has one of them. Exit code 0 when all
are caught, 1 when one is not, 2 when nothing can be said: a mutant no longer fits the
code, or the tests fail on the code as it is.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import DoesNotFit, Mutant, planted
from tests.mutants.trial import Trial, Verdict, copied, tried, unchanged

SOURCE = Path(__file__).parents[2]
# As many as the smallest machine has cores; more would make tests that measure time fail by themselves.
AT_ONCE = 2


def main(words: Sequence[str], mutants: Sequence[Mutant] = MUTANTS, source: Path = SOURCE) -> int:
    """Prints a table of the mutants and who caught them; returns the exit code."""
    chosen = [m for m in mutants if not words or any(w in m.file or w in m.name for w in words)]
    if not chosen:
        print(f"no mutant has {' or '.join(words)} in its file or name", file=sys.stderr)
        return 2
    try:
        for mutant in chosen:
            planted(mutant, source)
    except (DoesNotFit, FileNotFoundError) as failure:
        print(failure, file=sys.stderr)
        return 2
    # Of this moment, whatever is edited meanwhile.
    with copied(source) as still:
        return _judged(chosen, still) if _holds_unchanged(chosen, still) else 2


def _holds_unchanged(mutants: Sequence[Mutant], source: Path) -> bool:
    """Whether the tests pass without a mutant; else no failure would say anything."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    run = unchanged(tests, source, workers=AT_ONCE if len(tests) > 1 else 0)
    if run.exit_code != 0:
        print(run.output, "\nthe tests fail without any mutant", sep="", file=sys.stderr)
        return False
    print(f"without a mutant, what the {len(tests)} named tests say holds ({run.seconds:.0f} s)\n")
    return True


def _judged(mutants: Sequence[Mutant], source: Path) -> int:
    print("| mutant | file | caught by | s |", "|---|---|---|---|", sep="\n", flush=True)
    trials = []
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for trial in threads.map(lambda mutant: tried(mutant, source), mutants):
            trials.append(trial)
            print(_row(trial), flush=True)
    missed = [trial for trial in trials if trial.verdict is not Verdict.CAUGHT]
    for trial in missed:
        print(f"\n{trial.verdict.value}: {trial.mutant.name}", trial.run.output, sep="\n")
    print(f"\n{len(trials)} mutants, {len(trials) - len(missed)} caught")
    return 1 if missed else 0


def _row(trial: Trial) -> str:
    noticed = trial.run.failed[0] if trial.run.failed else "it hangs"
    caught_by = noticed if trial.verdict is Verdict.CAUGHT else f"**{trial.verdict.value}**"
    cells = (trial.mutant.name, trial.mutant.file, caught_by, f"{trial.run.seconds:.1f}")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
