"""The tests of this folder with very many examples, against whole towns: `make fuzz` (reliability.md R9).

Prints its seed: `make fuzz SEED=…` makes the same requests again. Ends with 1 when a test
failed, or when fewer requests were made than the promise speaks of.
"""

import importlib.util
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUESTS = 100_000
# As many towns as there are workers, each on a core of its own.
WORKERS = 2
PARSERS = ("of_body", "of_token")
RUNS = 2_000_000
PARSER_S = 120


def main() -> int:
    """Makes all requests, then tries the parsers."""
    seed = int(os.environ.get("SEED") or secrets.randbelow(2**32))
    print(f"fuzz: SEED={seed}", flush=True)
    return 0 if all([_requests_pass(seed), *(_parser_passes(p, seed) for p in PARSERS)]) else 1


def _requests_pass(seed: int) -> bool:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nesra-fuzz-") as folder:
        words = (
            "-m",
            "pytest",
            "tests/fuzz",
            "-n",
            str(WORKERS),
            "--dist",
            "worksteal",
            "--timeout=0",
        )
        done = subprocess.run(
            [sys.executable, *words, f"--hypothesis-seed={seed}"],
            cwd=ROOT,
            env=os.environ | {"NESRA_FUZZ": folder},
            check=False,
        )
        tallies = [json.loads(each.read_text()) for each in Path(folder).glob("*.json")]
    total: Counter[str] = sum((Counter(tally) for tally in tallies), Counter())
    took = time.monotonic() - began
    print(
        f"fuzz: {total.total()} requests in {took:.0f} s, by status {dict(sorted(total.items()))}"
    )
    return done.returncode == 0 and total.total() >= REQUESTS and not total["500"]


def _parser_passes(name: str, seed: int) -> bool:
    if importlib.util.find_spec("atheris") is None:
        print(f"fuzz: {name} left out, because atheris is for Linux and Python below 3.14")
        return True
    limits = (f"-runs={RUNS}", f"-max_total_time={PARSER_S}", f"-seed={seed % 2**31 or 1}")
    with tempfile.TemporaryDirectory(prefix="nesra-fuzz-") as found:
        # What is found goes into the first folder, the seeds come from the second.
        seeds = ROOT / "tests/fuzz/seeds" / name.removeprefix("of_")
        words = ("-m", f"tests.fuzz.{name}", *limits, "-print_final_stats=1", found, str(seeds))
        done = subprocess.run([sys.executable, *words], cwd=ROOT, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
