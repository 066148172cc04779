"""A process of the town that ends before it serves, in the test's own: what it says, without a second of imports."""

import io
import os
import runpy
from collections.abc import Mapping
from contextlib import redirect_stderr
from importlib.util import find_spec

import pytest


def ended(module: str, settings: Mapping[str, str]) -> tuple[int, str]:
    """The exit code of `python -m MODULE` under these settings alone, and what it said on standard error."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(said):
        for name in {name for name in os.environ if name.startswith("NESRA_")}:
            patch.delenv(name)
        for name, value in settings.items():
            patch.setenv(name, value)
        program = find_spec(f"{module}.__main__")
        assert program is not None
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(program.origin), run_name="__main__")
    return int(end.value.code or 0), said.getvalue()
