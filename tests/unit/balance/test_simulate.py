"""`nesra simulate`: a report and its figures, equal for equal arguments, and one sentence when it cannot."""

import argparse
import csv
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from services.kit.settings import RULES
from tests import season
from tests.e2e.opened import INHERITED
from tests.unit.balance.a_game import NAMES
from town import simulate as command
from town.balance.tables import opened
from town.failures import CannotOpen

FILES = ("days.csv", "players.csv", "report.html", "strategies.csv")
SPREAD = ("mean", "p10", "p50", "p90")
PLAYERS = """number strategy home moves days_played sessions focus_minutes wall_minutes level exp gold_earned gold_spent
drops bought items streak longest_streak first_drop longest_drought study_2_day build_2_day plaza_2_day
common_affordable_day rare_affordable_day epic_affordable_day everything_owned_day"""
STRATEGIES = """strategy players days_played sessions focus_hours wall_hours drops bought exp_per_focus_hour exp_per_wall_hour
gold_per_focus_hour gold_per_wall_hour drops_per_focus_hour drops_per_wall_hour successes_per_focus_hour
successes_per_wall_hour"""
MILESTONES = (
    "study_2",
    "build_2",
    "plaza_2",
    "common_affordable",
    "rare_affordable",
    "epic_affordable",
    "everything_owned",
)


def written(folder: Path, *, processes: int, seed: int = 3) -> dict[str, bytes]:
    """What the command writes, as an operator runs it."""
    run = ["--players=50", "--days=30", f"--seed={seed}", f"--processes={processes}"]
    done = subprocess.run(
        [sys.executable, "-m", "town", "simulate", *run, f"--output={folder}"],
        env=INHERITED,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def simulate(*given: str) -> int:
    """The command in this process, which starts sooner."""
    parser = argparse.ArgumentParser()
    command.arguments(parser)
    return command.run(parser.parse_args(["--processes=1", *given]))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return written(tmp_path_factory.mktemp("one"), processes=1)


def broken_off(path: Path) -> None:
    with opened(path) as file:
        file.write("half a")
        raise KeyboardInterrupt


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(content.decode().splitlines()))


def test_it_writes_a_page_and_three_tables(files: dict[str, bytes]) -> None:
    assert tuple(sorted(files)) == FILES
    assert len(rows(files["players.csv"])) == 50
    assert len(rows(files["days.csv"])) == 30 * len(NAMES)
    assert [row["strategy"] for row in rows(files["strategies.csv"])] == list(NAMES)


def test_equal_arguments_write_equal_bytes_on_however_many_processes(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    assert written(tmp_path / "three", processes=3) == files


def test_another_seed_is_other_luck(files: dict[str, bytes], tmp_path: Path) -> None:
    other = written(tmp_path, processes=1, seed=4)

    assert all(other[name] != files[name] for name in FILES)


def test_the_columns_are_those_that_others_may_rely_on(files: dict[str, bytes]) -> None:
    curves = [f"{curve}_{part}" for curve in ("level", "gold", "items") for part in SPREAD]
    milestones = [f"{m}_{part}" for m in MILESTONES for part in ("share", "day", "focus_hours")]
    longest = [f"longest_{what}_{part}" for what in ("streak", "drought") for part in SPREAD]

    heads = {n: c.decode().splitlines()[0].split(",") for n, c in files.items() if n != FILES[2]}
    assert heads["players.csv"] == PLAYERS.split()
    assert heads["days.csv"] == ["strategy", "day", "players", *curves]
    assert heads["strategies.csv"] == [*STRATEGIES.split(), *milestones, *longest]


def test_the_last_evening_is_what_the_players_have(files: dict[str, bytes]) -> None:
    of_it = [row for row in rows(files["players.csv"]) if row["strategy"] == "steady"]
    last = next(
        row for row in rows(files["days.csv"]) if (row["strategy"], row["day"]) == ("steady", "30")
    )

    gold = [int(row["gold_earned"]) - int(row["gold_spent"]) for row in of_it]
    assert float(last["gold_mean"]) == pytest.approx(sum(gold) / len(gold), abs=1e-4)
    assert float(last["items_mean"]) == pytest.approx(
        sum(int(row["items"]) for row in of_it) / len(of_it), abs=1e-4
    )


def test_it_says_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate("--players=25", "--days=20", f"--output={tmp_path}") == 0

    events, exp, gold, drops, successes, where = capsys.readouterr().out.splitlines()
    assert events == "No event runs on the simulated days, 2026-01-01 to 2026-01-20."
    assert exp == "exp: everybody earns 120 in a focused hour."
    assert gold == "gold: everybody earns 60 in a focused hour."
    for flagged in (drops, successes):
        assert flagged.startswith("FLAGGED")
        assert "farmer of the shortest" in flagged
    assert where == f"The report is {tmp_path / 'report.html'}."


def test_other_rules_make_another_game(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "rules.toml"
    other.write_text(RULES.read_text().replace("minimum_minutes = 5", "minimum_minutes = 25"))

    simulate("--players=25", "--days=20", f"--rules={other}", f"--output={tmp_path / 'report'}")

    *_, successes, _ = capsys.readouterr().out.splitlines()
    assert successes.startswith("successful sessions (town progress): nobody earns much more")


def test_a_season_is_seen_on_its_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "rules.toml"
    other.write_text(season.rules_with(season.event()))
    first = season.STARTS.date() - timedelta(days=2)

    simulate("--players=25", "--days=9", f"--rules={other}", f"--from={first}", f"--output={tmp_path}")  # fmt: skip

    events, exp, *_ = capsys.readouterr().out.splitlines()
    assert "these run: midsummer (Midsummer) from" in events
    assert "exp 150 %, gold 250 %, drop chance 7000 of 10,000" in events
    assert "everybody earns" not in exp


def test_rules_that_make_no_game_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "rules.toml"
    broken.write_text("[session]\n")
    monkeypatch.setenv("NESRA_RULES", str(broken))

    with pytest.raises(
        CannotOpen, match=rf"^This makes no game: {broken}, line 1: session[.][^\n]*\Z"
    ):
        simulate(f"--output={tmp_path / 'report'}")

    assert not (tmp_path / "report").exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "report"

    sentence = f"^The report cannot be written to {folder}: Not a directory[.]$"
    with pytest.raises(CannotOpen, match=sentence):
        simulate(f"--output={folder}")


def test_a_run_that_is_broken_off_leaves_the_files_of_the_one_before(tmp_path: Path) -> None:
    simulate("--players=25", "--days=2", f"--output={tmp_path}")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    with pytest.raises(KeyboardInterrupt):
        broken_off(tmp_path / "players.csv")

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "argument",
    [
        "--players=24",
        "--days=0",
        "--days=3651",
        "--processes=0",
        "--days=x",
        "--from=1999-12-31",
        "--from=5",
    ],
)
def test_arguments_that_make_no_run_are_refused(
    argument: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        simulate(argument)

    told = capsys.readouterr().err
    assert argument.partition("=")[0] in told
    # No name of a function of ours.
    assert "invalid _" not in told
