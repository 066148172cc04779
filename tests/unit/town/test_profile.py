"""Whom `nesra profile` watches: the only process of that name, or the one that is named."""

import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from town import profile
from town.failures import CannotOpen


def running(monkeypatch: pytest.MonkeyPatch, *commands: str) -> None:
    """Has this machine run these commands, numbered from 1."""
    found = [
        SimpleNamespace(info={"pid": number, "cmdline": command.split()})
        for number, command in enumerate(commands, start=1)
    ]
    monkeypatch.setattr(psutil, "process_iter", lambda _: found)


def test_the_only_process_of_a_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch, "python -m services.auth", "python -m gateway", "less gateway", "")

    assert profile.only_process_of("gateway") == 2


@pytest.mark.parametrize(
    ("commands", "sentence"),
    [
        ((), "No process of this machine is the world."),
        (
            ("python -m services.world", "python -m services.world"),
            "Several processes are the world: choose by --pid from [1, 2].",
        ),
    ],
)
def test_no_process_and_several_are_said_so(
    commands: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(monkeypatch, *commands)

    with pytest.raises(CannotOpen, match="^" + sentence.replace("[", r"\[").replace(".", r"\.")):
        profile.only_process_of("world")


def test_without_the_profiler_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(CannotOpen, match="pip install"):
        profile.program()
