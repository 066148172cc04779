"""The town's own Python environment in `.venv`: `python3 -m town.environment run|dev`.

Needs the standard library only and runs under the Python that happens to be installed, whatever it is: even one that
is too old must get as far as the sentence that says so. Therefore no syntax beyond Python 3.6.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file says that it is outdated
    sys.stderr.write(
        "Nesra Town needs Python 3.11 or later, and this is {}.{}: "
        "install one and say `make PYTHON=python3.11 ...`.\n".format(*sys.version_info)
    )
    sys.exit(2)

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent

# A development environment also serves for running.
LOCKS = {"run": "requirements.txt", "dev": "requirements-dev.txt"}


class CannotMake(Exception):
    """The environment cannot be made. The message is one sentence for whoever asked for it."""


@dataclass(frozen=True)
class Environment:
    """The environment of the project in `root`. Its stamp tells what it holds, and is written last."""

    root: Path

    @property
    def folder(self) -> Path:
        """Where it lives."""
        return self.root / ".venv"

    @property
    def stamp(self) -> Path:
        """The file that tells, line by line, what is installed."""
        return self.folder / "nesra-stamp"

    def lines(self) -> set[str]:
        """Return what is installed: nothing, where an attempt was interrupted or the Python is gone."""
        if not (self.folder / "bin" / "python").exists() or not self.stamp.exists():
            return set()
        lines = set(self.stamp.read_text().splitlines())
        # Its programs name the folder that they were installed in; one that was moved is of no use.
        return lines if f"folder {self.folder}" in lines else set()

    def lock_line(self, kind: str) -> str:
        """Return the line that says that the packages of this kind are installed."""
        return f"{kind} {_hash(self.root / LOCKS[kind])}"

    def project_line(self) -> str:
        """Return the line that says that the project itself is installed, under the name `nesra`."""
        return f"project {_hash(self.root / 'pyproject.toml')}"

    def ensure(self, kind: str) -> None:
        """Make the environment serve for `kind`, `run` or `dev`. Safe to repeat and to interrupt. Raises CannotMake."""
        with self._alone():
            if self.lock_line(kind) not in self.lines():
                self._install_packages(kind)
            if self.project_line() not in self.lines():
                self._install_project()

    def _install_packages(self, kind: str) -> None:
        _say(f"Making the environment in {self.folder}, once; this takes about a minute.")
        if self.lock_line("run") not in self.lines():
            self._make_empty()
        self._pip("--require-hashes", "--requirement", self.root / LOCKS[kind])
        # The larger lock is made from the same project, so it holds the smaller.
        held = LOCKS if kind == "dev" else [kind]
        self._stamp({self.lock_line(each) for each in held})

    def _install_project(self) -> None:
        kept = {line for line in self.lines() if not line.startswith("project ")}
        self._pip("--no-deps", "--no-build-isolation", "--editable", self.root)
        self._stamp(kept | {self.project_line()})

    def _stamp(self, lines: "set[str]") -> None:
        lines = lines | {f"folder {self.folder}"}
        self.stamp.write_text("".join(f"{line}\n" for line in sorted(lines)))

    def _make_empty(self) -> None:
        _demand_venv()
        self.stamp.unlink(missing_ok=True)
        made = _run([sys.executable, "-m", "venv", "--clear", self.folder])
        if made.returncode != 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            sentence = f"The environment in {self.folder} cannot be made: {_last_line(made.stdout)}"
            raise CannotMake(sentence)

    def _pip(self, *arguments: "str | Path") -> None:
        python: str | Path = self.folder / "bin" / "python"
        quiet = ["--no-input", "--disable-pip-version-check"]
        log = self.folder / "install.log"
        done = _run([python, "-m", "pip", "install", *quiet, *arguments])
        log.write_text(done.stdout)
        if done.returncode != 0:
            sentence = (
                f"The packages could not be installed ({_last_line(done.stdout)});"
                f" the whole story is in {log}."
            )
            raise CannotMake(sentence)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other process makes this environment."""
        # The project file stays while the environment comes and goes.
        with (self.root / "pyproject.toml").open("rb") as project:
            fcntl.flock(project, fcntl.LOCK_EX)
            yield


def _demand_venv() -> None:
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        sentence = (
            "This Python lacks its venv module:"
            f" install python3-venv (or python{sys.version_info[0]}.{sys.version_info[1]}-venv)."
        )
        raise CannotMake(sentence)


def _run(command: "list[str | Path]") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def _last_line(output: str) -> str:
    """Return the line that tells most: the last that reports an error, else the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no word said why"]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines)[-1].removeprefix("ERROR: ").rstrip(".")


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def main() -> int:
    """Make the environment that the command line asks for; return the exit code."""
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:  # noqa: PLR2004 - the name and one word
        print("usage: python3 -m town.environment run|dev", file=sys.stderr)
        return 2
    try:
        Environment(ROOT).ensure(sys.argv[1])
    except CannotMake as failure:
        print(failure, file=sys.stderr)
    except OSError as failure:
        print(f"The environment cannot be made in {ROOT}: {failure}.", file=sys.stderr)
    else:
        return 0
    return 2


if __name__ == "__main__":
    sys.exit(main())
