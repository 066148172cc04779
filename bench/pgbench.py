"""What PostgreSQL alone can do: the very statements of a completion, run by pgbench.

The rows are those that the services write for one completion of one player. Once
as five statements in a transaction, as code without batches sends them, once
folded into a single one. All tables lie in one database here, so this is a
completion without the hops between the services, and with one commit instead of
the town's three.
"""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench.demand import demand, stop
from town.data_folder import find_program
from town.home import Home

FOLDER = Path(__file__).parent / "sql"
CLIENTS = 32
# Completions of one window; each client has its own players.
EACH = 250
RATE = re.compile(r"tps = ([0-9.]+)")
LATENCY = re.compile(r"latency average = ([0-9.]+) ms")
DATABASE = "pgbench"


@dataclass(slots=True)
class Ceiling:
    """What one form of the statements reached, by window."""

    form: str
    rates: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)


class PgBench:
    """pgbench against a database of its own on a town's server."""

    def __init__(self, home: Home) -> None:
        self._server = home.postgres()
        with psycopg.connect(self._server.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        self.ceilings = [Ceiling("five statements"), Ceiling("one statement")]

    def round(self) -> None:
        """One window of each form, each on tables as new."""
        for ceiling in self.ceilings:
            self._fill()
            said = self._run(FOLDER / f"{ceiling.form.replace(' ', '_')}.sql")
            ceiling.rates.append(_number(RATE, said))
            ceiling.latencies_ms.append(_number(LATENCY, said))

    def _fill(self) -> None:
        sql = (FOLDER / "tables.sql").read_text()
        with psycopg.connect(self._server.url(DATABASE), autocommit=True) as connection:
            connection.execute(sql, prepare=False)
            connection.execute("SELECT fill(%s::int)", [CLIENTS * EACH])
            connection.execute("VACUUM ANALYZE")

    def _run(self, script: Path) -> str:
        command = [str(find_program("pgbench")), "--no-vacuum", "--protocol=prepared"]
        command += [f"--client={CLIENTS}", "--jobs=1", f"--transactions={EACH}"]
        command += [f"--define=each={EACH}", "--define=i=0", f"--file={script}"]
        command += [self._server.url(DATABASE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        demand(done.returncode == 0, f"pgbench says\n{done.stderr}")
        return done.stdout


def _number(pattern: re.Pattern[str], said: str) -> float:
    found = pattern.search(said)
    return float(found[1]) if found else stop(f"pgbench says\n{said}")
