"""The operator's command line in the test's own process: as one of its own it would spend its time on imports."""

import io
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from town.__main__ import main


class Said(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    error: str


def nesra(settings: Mapping[str, str], *words: str) -> Said:
    """What `nesra WORDS` says to somebody whose environment has these settings alone."""
    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
        for name in {n for n in os.environ if n.startswith("NESRA_")} - {"NESRA_SHARDS"}:
            patch.delenv(name)
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["nesra", *words])
        try:
            code = main()
        except SystemExit as refused:
            code = int(refused.code or 0)
    return Said(code, out.getvalue(), error.getvalue())


def settings_of(urls: Mapping[str, str]) -> dict[str, str]:
    """The settings that name the databases of a town, by service."""
    return {f"NESRA_{service.upper()}_DATABASE_URL": url for service, url in urls.items()}


def promote(home: Path, email: str) -> None:
    """Makes an account of the open town in that folder a superuser's."""
    words = ("user", "promote", email, "--reason", "runs the town")
    said = nesra({"NESRA_HOME": str(home)}, *words)
    assert said.code == 0, said.error
