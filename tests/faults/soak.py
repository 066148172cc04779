"""The scenarios again and again, with new seeds, until the hours are over or a promise is broken.

NESRA_SOAK_HOURS says how many; 2 by default.
"""

import json
import os
import subprocess
import sys
import time
from typing import Any

from tests.faults import report

HOURS = float(os.environ.get("NESRA_SOAK_HOURS") or 2)
ROUND = (sys.executable, "-m", "pytest", "tests/faults", "-n", "0")
TIER = {"NESRA_FAULTS_TIER": "soak"}


def main() -> int:
    """Plays round after round; returns 0, or the exit code of the round that failed."""
    until = time.monotonic() + HOURS * 3600
    played: list[dict[str, Any]] = []
    code = 0
    while code == 0 and time.monotonic() < until:
        code = subprocess.run(ROUND, env=os.environ | TIER, check=False).returncode
        played += json.loads((report.FOLDER / "soak.json").read_text())["runs"]
        report.keep("soak", played)
    print(f"{len(played)} scenarios in {HOURS:g} hours at most; the last round ended with {code}")
    return code


if __name__ == "__main__":
    sys.exit(main())
