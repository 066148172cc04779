"""Trying tests on a copy of the project, and what their outcome says of a mutant."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.mutants.mutant import Mutant, plant

# The slowest tests of the catalogue take a few seconds, after as many to start PostgreSQL.
LIMIT_S = 120.0
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build")


class Verdict(Enum):
    """What the tests said of a mutant."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    # The tests did not come to an answer: they could not be collected, or took too long.
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Run:
    """How pytest ended; `exit_code` is None when it was stopped because time ran out."""

    exit_code: int | None
    output: str
    seconds: float

    @property
    def failed(self) -> list[str]:
        """The node ids of the tests that failed, not of those that could not begin."""
        lines = [line for line in self.output.splitlines() if line.startswith("FAILED ")]
        return [line.removeprefix("FAILED ").partition(" - ")[0] for line in lines]


@dataclass(frozen=True, slots=True)
class Trial:
    """A mutant, and what its tests said."""

    mutant: Mutant
    run: Run

    @property
    def verdict(self) -> Verdict:
        """Whether the mutant was caught: only a test that ran and failed has noticed it."""
        if self.run.exit_code is None:
            return Verdict.CAUGHT if self.mutant.hangs_after_s else Verdict.UNCLEAR
        if self.run.exit_code == pytest.ExitCode.OK:
            return Verdict.SURVIVED
        is_noticed = self.run.exit_code == pytest.ExitCode.TESTS_FAILED and self.run.failed
        return Verdict.CAUGHT if is_noticed else Verdict.UNCLEAR


def tried(mutant: Mutant, source: Path) -> Trial:
    """The mutant's tests on a copy of `source` with the slip in it. Raises DoesNotFit."""
    limit_s = mutant.hangs_after_s or LIMIT_S
    with copied(source) as copy:
        plant(mutant, copy)
        return Trial(mutant, _run(copy, [*mutant.tests, "-n", "0", "-x"], limit_s=limit_s))


def unchanged(tests: Sequence[str], source: Path, *, workers: int) -> Run:
    """The tests on a copy of `source` as it is."""
    with copied(source) as copy:
        # As long as each of them may take alone.
        limit_s = LIMIT_S * len(tests)
        return _run(copy, [*tests, "-n", str(workers)], limit_s=limit_s)


@contextmanager
def copied(source: Path) -> Iterator[Path]:
    """A copy of the project in `source`, without what belongs to one machine, until the end."""
    # A short name: the tests put sockets below it, whose paths have 107 characters at most.
    with TemporaryDirectory(prefix="m", ignore_cleanup_errors=True) as folder:
        copy = Path(folder, "copy")
        shutil.copytree(source, copy, ignore=_LEFT_OUT)
        yield copy


def _run(copy: Path, arguments: Sequence[str], *, limit_s: float) -> Run:
    """Runs pytest on a copy; nothing that it started is left."""
    quiet = ["-rf", "--tb=short", "--color=no", "--timeout=0", "-p", "no:cacheprovider"]
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments, *quiet],
        cwd=copy,
        env=_environment(copy),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=limit_s)
            exit_code: int | None = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, exit_code = process.communicate()[0], None
    return Run(exit_code, output, time.monotonic() - began)


def _environment(copy: Path) -> dict[str, str]:
    """Every Python within, also in another folder, finds the copy's modules before the installed."""
    return os.environ | {
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NESRA_TESTS_SLIP": "1",
        "TMPDIR": str(copy.parent),
    }
