"""Measures a town of its own: starts, completions, profiles, tasks at 1, 32 and 128 clients.

Every session is started, waited for by the sandbox's clock (outside the measured
time) and completed; at the end the gold in the profiles must be what was paid.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from bench import report
from bench.driver import Answers, Driver, Request
from bench.opened import Spent, Town, cpu_s, opened

PLAYERS = 256
MINUTES = 5
# Clients, and how often all players go round with so many.
ROUNDS = {1: 5, 32: 7, 128: 7}
READS_PER_ROUND = 4
PASSWORD = "a bench is for sitting"  # noqa: S105  # of accounts that live for minutes


@dataclass(slots=True)
class Player:
    """An account of the bench."""

    token: str
    task_id: str = ""
    session_id: str = ""
    completed: int = 0


@dataclass(slots=True)
class Measured:
    """All rounds of one call at one number of clients."""

    call: str
    clients: int
    rates: list[float] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    requests: int = 0
    cpu_s: Spent = field(default_factory=dict)


class Bench:
    """One run over one town."""

    def __init__(self, town: Town, driver: Driver) -> None:
        self._town = town
        self._driver = driver
        self._load = psutil.Process(driver.pid)
        self._players: list[Player] = []
        self._measured: dict[tuple[str, int], Measured] = {}

    async def run(self) -> list[Measured]:
        """Everything that was measured. Exits when an answer is not what it must be."""
        await self._gather()
        # Interleaved, so that a slow minute of the machine meets all alike.
        for number in range(max(ROUNDS.values())):
            for clients, rounds in ROUNDS.items():
                if number < rounds:
                    await self._round(clients)
        await self._audit()
        return list(self._measured.values())

    async def _gather(self) -> None:
        """Opens the accounts; each finds its starter tasks."""
        logins = [
            json.dumps({"email": f"player{n}@example.com", "password": PASSWORD})
            for n in range(PLAYERS)
        ]
        # Few at a time: hashing passwords is slow on purpose, and refuses a queue.
        await self._sent(4, [Request("POST", "/api/auth/register", body=b) for b in logins], 201)
        answers = await self._sent(4, [Request("POST", "/api/auth/login", body=b) for b in logins])
        self._players = [Player(json.loads(b)["access_token"]) for b in answers.bodies]
        tasks = await self._sent(32, self._each("GET", "/api/tasks"))
        for player, body in zip(self._players, tasks.bodies, strict=True):
            player.task_id = json.loads(body)[0]["id"]

    async def _round(self, clients: int) -> None:
        start = self._each("POST", "/api/session/start", _wish)
        started = await self._timed("start", clients, start, 201)
        for player, body in zip(self._players, started.bodies, strict=True):
            player.session_id = json.loads(body)["session_id"]
        later = json.dumps({"advance_minutes": MINUTES})
        await self._sent(32, self._each("POST", "/api/sandbox/clock", lambda _: later))
        complete = self._each("POST", "/api/session/complete", _finished)
        completed = await self._timed("complete", clients, complete, 200)
        for player, body in zip(self._players, completed.bodies, strict=True):
            _demand(json.loads(body)["settled"], "a completion was not settled")
            player.completed += 1
        reads = READS_PER_ROUND if clients > 1 else 1
        await self._timed("profile", clients, self._each("GET", "/api/profile") * reads, 200)
        await self._timed("tasks", clients, self._each("GET", "/api/tasks") * reads, 200)

    async def _timed(
        self, call: str, clients: int, requests: list[Request], expected: int
    ) -> Answers:
        measured = self._measured.setdefault((call, clients), Measured(call, clients))
        before = self._spent()
        answers = await self._sent(clients, requests, expected)
        for name, spent_s in self._spent().items():
            measured.cpu_s[name] = measured.cpu_s.get(name, 0.0) + spent_s - before[name]
        measured.rates.append(len(requests) / answers.wall_s)
        measured.latencies_s += answers.latencies_s
        measured.requests += len(requests)
        return answers

    def _spent(self) -> Spent:
        return self._town.spent() | {"driver": cpu_s(self._load)}

    async def _sent(self, clients: int, requests: list[Request], expected: int = 200) -> Answers:
        answers = await self._driver.send(self._town.port, clients, requests)
        wrong = [
            (status, body)
            for status, body in zip(answers.statuses, answers.bodies, strict=True)
            if status != expected
        ]
        _demand(not wrong, f"{len(wrong)} answers were not {expected}: {wrong[:3]}")
        return answers

    async def _audit(self) -> None:
        """Demands that every hero has exactly the gold that was paid."""
        profiles = await self._sent(32, self._each("GET", "/api/profile"))
        for player, body in zip(self._players, profiles.bodies, strict=True):
            gold = json.loads(body)["hero"]["gold"]
            _demand(
                gold == player.completed * MINUTES, f"{gold} gold, paid {player.completed} times"
            )

    def _each(
        self, method: str, path: str, body: Callable[[Player], str] = lambda _: ""
    ) -> list[Request]:
        return [Request(method, path, player.token, body(player)) for player in self._players]


def _wish(player: Player) -> str:
    return json.dumps({"task_template_id": player.task_id, "duration_minutes": MINUTES})


def _finished(player: Player) -> str:
    return json.dumps({"session_id": player.session_id})


def _demand(holds: bool, otherwise: str) -> None:  # noqa: FBT001  # reads like an assertion
    if not holds:
        message = f"The bench stops: {otherwise}."
        raise SystemExit(message)


async def _measured() -> list[Measured]:
    with opened() as town:
        async with Driver() as driver:
            return await Bench(town, driver).run()


def main() -> None:
    """Measures, prints a table, and keeps the figures in bench/results/latest.json."""
    measured = asyncio.run(_measured())
    kept = report.summary(measured)
    print(report.table(kept))
    report.keep(kept)


if __name__ == "__main__":
    main()
