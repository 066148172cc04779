"""A fail point does what it is armed for, once, and nothing else ever."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.kit import failpoints
from services.kit.failpoints import FailPointReached, reach


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(failpoints, "_FOLDER", str(tmp_path))
    return tmp_path


def test_without_a_folder_nothing_happens() -> None:
    reach("somewhere")


def test_a_point_that_is_not_armed_does_nothing(folder: Path) -> None:
    reach("somewhere")

    assert list(folder.iterdir()) == []


def test_a_point_raises_once(folder: Path) -> None:
    (folder / "somewhere").write_text("raise")

    with pytest.raises(FailPointReached):
        reach("somewhere")
    reach("somewhere")


def test_a_point_hangs_as_long_as_it_says(folder: Path) -> None:
    (folder / "somewhere").write_text("hang 0.05")
    began = time.monotonic()

    reach("somewhere")

    assert time.monotonic() - began >= 0.05


def test_a_point_kills_its_process_once(tmp_path: Path) -> None:
    (tmp_path / "somewhere").write_text("kill")
    program = "from services.kit.failpoints import reach; reach('somewhere'); print('alive')"

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program],
            env={"NESRA_FAIL_POINTS": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    first, second = run(), run()

    assert first.returncode == -9
    assert (second.returncode, second.stdout) == (0, "alive\n")


def test_a_point_armed_for_nonsense_says_so(folder: Path) -> None:
    (folder / "somewhere").write_text("dance")

    with pytest.raises(ValueError, match="dance"):
        reach("somewhere")
