"""Sockets stand in the home where a kernel can name them there, else in a short private folder."""

import os
from pathlib import Path

import pytest

from town.failures import CannotOpen
from town.private import private_folder
from town.sockets import fits, short_folder


def test_a_short_path_is_taken_as_it_is() -> None:
    wanted = Path("/srv/nesra/run")

    assert short_folder(wanted) == wanted


def test_a_long_path_gives_a_short_one_that_is_the_same_every_time() -> None:
    wanted = Path("/srv") / ("d" * 100)

    assert short_folder(wanted) == short_folder(wanted)
    assert fits(short_folder(wanted))


def test_two_long_paths_give_two_folders() -> None:
    deep = "d" * 100

    assert short_folder(Path("/srv/one") / deep) != short_folder(Path("/srv/two") / deep)


def test_a_deep_temp_folder_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("t" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))

    assert fits(short_folder(Path("/srv") / ("d" * 100)))


def test_a_private_folder_lets_nobody_else_in(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)

    private_folder(folder, uid=os.geteuid(), gid=os.getegid())

    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_link_in_place_of_a_private_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "run"
    link.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(CannotOpen, match="belongs to somebody else"):
        private_folder(link, uid=os.geteuid(), gid=os.getegid())
