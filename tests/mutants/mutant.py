"""A mutant: the project with one slip in it, of a kind that somebody could make."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutant:
    """One slip; `name` says in a sentence what the project then does wrong.

    `before` stands exactly once in `file` and becomes `after`. One of `tests`, which
    are pytest's paths or node ids, must fail then. `hangs_after_s` is for a slip that
    shows by waiting for ever: tests that still run after so many seconds noticed it.
    """

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]
    hangs_after_s: float | None = None


class DoesNotFit(Exception):
    """The code is no longer as a mutant describes it."""


def planted(mutant: Mutant, root: Path) -> str:
    """The text of the mutant's file under `root`, with the slip. Raises DoesNotFit."""
    text = (root / mutant.file).read_text()
    if (found := text.count(mutant.before)) != 1:
        message = f"{mutant.name}: {mutant.file} has {found} times, not once:\n{mutant.before}"
        raise DoesNotFit(message)
    changed = text.replace(mutant.before, mutant.after)
    try:
        compile(changed, mutant.file, "exec")
    except SyntaxError as error:
        message = f"{mutant.name}: {mutant.file} would be no Python: {error}"
        raise DoesNotFit(message) from error
    return changed


def plant(mutant: Mutant, root: Path) -> None:
    """Makes the slip in the project under `root`. Raises DoesNotFit."""
    (root / mutant.file).write_text(planted(mutant, root))
