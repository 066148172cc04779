"""The mutants' own check: a slip counts as caught only when a test ran and failed."""

import sys
from pathlib import Path

import pytest

from tests.mutants.__main__ import main
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import DoesNotFit, Mutant, plant, planted
from tests.mutants.trial import Run, Trial, Verdict

# A whole project: a rule, and tests that also ask it of another process, in another folder.
RULE = "services/rule.py"
TESTS = "tests/test_rule.py"
FILES = {
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-q --import-mode=importlib'\n",
    "services/__init__.py": "",
    RULE: "GOLD_PER_MINUTE = 1\n\n\ndef gold(minutes):\n    return minutes * GOLD_PER_MINUTE\n",
    TESTS: f"""
import subprocess

from services.rule import gold


def test_gold():
    assert gold(25) == 25


def test_gold_elsewhere():
    command = [{sys.executable!r}, "-c", "from services.rule import gold; print(gold(25))"]
    said = subprocess.run(command, cwd="/", capture_output=True, text=True, check=True).stdout
    assert said == "25\\n"
""",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # What these few tests do not use takes a second to import, each time.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "xdist.plugin,pytest_timeout")
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return tmp_path


def slip(before: str, after: str, test: str = TESTS) -> Mutant:
    return Mutant("a slip", RULE, before, after, (test,))


def ended(
    exit_code: int | None, output: str = "", *, hangs_after_s: float | None = None
) -> Verdict:
    mutant = Mutant("a slip", RULE, "a", "b", (TESTS,), hangs_after_s)
    return Trial(mutant, Run(exit_code, output, seconds=1.0)).verdict


@pytest.mark.parametrize("before", ["GOLD_PER_HOUR", "GOLD_PER_MINUTE"])
def test_a_slip_must_fit_at_exactly_one_place(project: Path, before: str) -> None:
    with pytest.raises(DoesNotFit):
        plant(slip(before, "SILVER"), project)

    assert (project / RULE).read_text() == FILES[RULE]


def test_a_slip_must_leave_python(project: Path) -> None:
    with pytest.raises(DoesNotFit):
        plant(slip("return minutes", "return return"), project)


def test_a_catalogue_that_does_not_fit_the_code_is_refused_before_anything_runs(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / TESTS).unlink()

    assert main([], [slip("GOLD_PER_HOUR", "SILVER")], project) == 2
    assert "GOLD_PER_HOUR" in capsys.readouterr().err


def test_a_slip_is_caught_by_the_test_that_notices_it_in_whatever_process(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change = ("MINUTE = 1", "MINUTE = 2")
    mutants = [slip(*change), slip(*change, f"{TESTS}::test_gold_elsewhere")]

    assert main([], mutants, project) == 0

    said = capsys.readouterr().out
    assert f"| a slip | {RULE} | {TESTS}::test_gold |" in said
    assert f"| a slip | {RULE} | {TESTS}::test_gold_elsewhere |" in said
    assert "2 mutants, 2 caught" in said


def test_a_slip_that_no_test_notices_and_one_that_breaks_the_import_are_not_caught(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    harmless = slip("minutes * GOLD_PER_MINUTE", "GOLD_PER_MINUTE * minutes")
    broken = slip("def gold(minutes)", "def silver(minutes)")

    assert main([], [harmless, broken], project) == 1

    said = capsys.readouterr().out
    assert "survived: a slip" in said
    assert "unclear: a slip" in said
    assert "2 mutants, 0 caught" in said


def test_tests_that_fail_without_a_slip_prove_nothing(project: Path) -> None:
    (project / RULE).write_text(FILES[RULE].replace("MINUTE = 1", "MINUTE = 3"))

    assert main([], [slip("MINUTE = 3", "MINUTE = 2")], project) == 2


def test_words_choose_mutants_and_must_find_one(project: Path) -> None:
    assert main(["inventory"], [slip("MINUTE = 1", "MINUTE = 2")], project) == 2


@pytest.mark.parametrize(
    ("exit_code", "output", "verdict"),
    [
        (0, "", Verdict.SURVIVED),
        (1, "FAILED tests/test_rule.py::test_gold - assert 50 == 25", Verdict.CAUGHT),
        (1, "ERROR tests/test_rule.py::test_gold - the fixture broke", Verdict.UNCLEAR),
        (2, "ERROR tests/test_rule.py - ImportError", Verdict.UNCLEAR),
        (4, "ERROR: not found: tests/test_rule.py::test_silver", Verdict.UNCLEAR),
        (5, "", Verdict.UNCLEAR),
        (None, "", Verdict.UNCLEAR),
    ],
)
def test_only_a_failed_test_has_noticed(
    exit_code: int | None, output: str, verdict: Verdict
) -> None:
    assert ended(exit_code, output) is verdict


def test_waiting_for_ever_counts_only_for_a_slip_that_is_said_to_show_so() -> None:
    assert ended(None, hangs_after_s=5.0) is Verdict.CAUGHT
    assert ended(0, hangs_after_s=5.0) is Verdict.SURVIVED


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_of_the_catalogue_fits_the_code(mutant: Mutant) -> None:
    root = Path(__file__).parents[3]

    assert planted(mutant, root) != (root / mutant.file).read_text()
    assert all((root / test.partition("::")[0]).exists() for test in mutant.tests)
