"""Watch a running process of the town for a while, and draw where its time goes as a flame graph.

The process is not stopped and knows nothing of it; a sample costs it about a millisecond. Needs py-spy and psutil
(`pip install 'nesra-town[profile]'`), and on most systems to be root or the process's owner.
"""

import argparse
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from town.failures import CannotOpen
from town.serve import MODULES

MISSING: Final = "{name} is not installed here: pip install 'nesra-town[profile]'."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take whom to watch, for how long, and where the graph goes."""
    parser.add_argument("name", choices=MODULES)
    parser.add_argument("--pid", type=int, help="which one, where this machine runs several")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rate", type=int, default=100, help="samples per second")
    parser.add_argument("--output", type=Path, help="an SVG file; profile-NAME.svg unless given")


def run(arguments: argparse.Namespace) -> int:
    """Write the graph, and return py-spy's exit code. Raises CannotOpen."""
    output = arguments.output or Path(f"profile-{arguments.name}.svg")
    pid = arguments.pid or only_process_of(arguments.name)
    watch = [program(), "record", f"--pid={pid}", f"--duration={arguments.seconds}"]
    watch += [f"--rate={arguments.rate}", "--format=flamegraph", f"--output={output}"]
    return subprocess.run(watch, check=False).returncode


def only_process_of(name: str) -> int:
    """Return the number of the process of that name. Raises CannotOpen for none or several."""
    found = [
        process.info["pid"]
        for process in _psutil().process_iter(["pid", "cmdline"])
        if (process.info["cmdline"] or [])[1:3] == ["-m", MODULES[name]]
    ]
    if not found:
        sentence = f"No process of this machine is the {name}."
        raise CannotOpen(sentence)
    if len(found) > 1:
        sentence = f"Several processes are the {name}: choose by --pid from {sorted(found)}."
        raise CannotOpen(sentence)
    return int(found[0])


def program() -> str:
    """Return the path of py-spy: beside our Python, or on the PATH. Raises CannotOpen."""
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise CannotOpen(MISSING.format(name="py-spy"))
    return found


def _psutil() -> Any:
    try:
        return import_module("psutil")
    except ImportError as error:
        raise CannotOpen(MISSING.format(name="psutil")) from error
