"""The environment is made once, made anew when it must be, and says in one sentence when it cannot."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from town import environment
from town.environment import CannotMake, Environment

SOURCE = Path(environment.__file__)


@pytest.fixture
def project(tmp_path: Path) -> Environment:
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        (tmp_path / name).write_text("")
    return Environment(tmp_path)


def fill(project: Environment, kind: str) -> None:
    """Leave what a finished installation leaves."""
    python = project.folder / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.touch()
    lines = [project.lock_line("run"), project.project_line(), f"folder {project.folder}"]
    if kind == "dev":
        lines.append(project.lock_line("dev"))
    project.stamp.write_text("\n".join(lines))


def changed_time(project: Environment) -> int:
    return project.stamp.stat().st_mtime_ns


@pytest.mark.parametrize("kind", ["run", "dev"])
def test_a_development_environment_serves_for_both(project: Environment, kind: str) -> None:
    fill(project, "dev")
    before = changed_time(project)

    project.ensure(kind)

    assert changed_time(project) == before


def test_a_changed_lock_is_noticed(project: Environment) -> None:
    fill(project, "run")

    (project.root / "requirements.txt").write_text("something==1")

    assert project.lock_line("run") not in project.lines()


def test_an_interrupted_attempt_counts_for_nothing(project: Environment) -> None:
    fill(project, "run")
    project.stamp.unlink()

    assert project.lines() == set()


def test_an_environment_whose_python_is_gone_counts_for_nothing(project: Environment) -> None:
    fill(project, "run")
    (project.folder / "bin" / "python").unlink()

    assert project.lines() == set()


def test_an_environment_that_was_moved_counts_for_nothing(
    project: Environment, tmp_path: Path
) -> None:
    fill(project, "run")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    project.folder.rename(elsewhere / ".venv")

    assert Environment(elsewhere).lines() == set()


def test_packages_that_cannot_be_fetched_are_named(project: Environment) -> None:
    fill(project, "run")
    python = project.folder / "bin" / "python"
    python.unlink()
    python.symlink_to(sys.executable)
    lock = "./missing.whl --hash=sha256:" + "0" * 64
    (project.root / "requirements-dev.txt").write_text(lock)

    with pytest.raises(CannotMake, match="could not be installed"):
        project.ensure("dev")

    assert project.lock_line("dev") not in project.lines()


def test_a_python_without_venv_is_named(
    project: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Debian's Python comes without this module.
    monkeypatch.setitem(sys.modules, "ensurepip", None)

    with pytest.raises(CannotMake, match="install python3-venv"):
        project.ensure("run")


def test_an_old_python_gets_as_far_as_the_sentence() -> None:
    tree = ast.parse(SOURCE.read_text(), feature_version=(3, 6))

    version_check = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node.lineno for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [line for line in imports if line < version_check.lineno] == [imports[0]]


def test_only_the_standard_library_is_needed() -> None:
    command = [sys.executable, "-I", "-S", str(SOURCE), "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (2, "usage: python3 -m town.environment run|dev\n")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    # A copy of the program alone: the project's files are missing, which even root cannot read.
    program = tmp_path / "town" / "environment.py"
    program.parent.mkdir()
    program.write_text(SOURCE.read_text())

    done = subprocess.run(
        [sys.executable, program, "run"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )

    assert done.returncode == 2
    assert done.stderr.startswith(f"The environment cannot be made in {tmp_path}:")
    assert done.stderr.count("\n") == 1
