"""Players at play on one target: what is measured is each kind of call, in windows.

Every session is started, waited for by the sandbox's clock (outside the measured
time) and completed; at the end the gold in the profiles must be what was paid.
"""

import json
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil

from bench.demand import demand
from bench.driver import Answers, Driver, Request
from bench.opened import Spent, Target, cpu_s
from bench.wrk import Wrk

PLAYERS = 512
# At one client, of whom a few tell as much as many.
FEW = 128
MINUTES = 5
PASSWORD = "a bench is for sitting"  # noqa: S105  # of accounts that live for minutes
# Passwords are slow to hash on purpose, and a queue of them is refused.
LOGINS_AT_ONCE = 4
READS = {
    "profile": "/api/profile",
    "tasks": "/api/tasks",
    "inventory": "/api/inventory",
    "history": "/api/session/history?limit=10",
}
# A session of play: looking around, starting, completing.
MIXED = {"profile": 3, "tasks": 2, "inventory": 1, "start": 1, "complete": 1}


@dataclass(slots=True)
class Player:
    """An account of the bench."""

    token: str
    user_id: str
    refresh_token: str = ""
    task_id: str = ""
    session_id: str = ""
    completed: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """How a window is sent: by the driver, `per_s` in a second or, at 0, in a closed loop; or by wrk."""

    per_s: float = 0.0
    wrk: Wrk | None = None

    @property
    def name(self) -> str:
        """What the windows of one kind of load are kept under."""
        return "wrk" if self.wrk else "asyncio"


CLOSED = Load()


@dataclass(slots=True)
class Measured:
    """All windows of one call on one target at one number of clients.

    `per_s` is the arrival rate of an open loop, 0 for a closed one; `load` is what
    sent the requests, and wrk knows no latencies.
    """

    target: str
    call: str
    clients: int
    per_s: float = 0.0
    rates: list[float] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    requests: int = 0
    cpu_s: Spent = field(default_factory=dict)
    load: str = "asyncio"

    def add(self, answers: Answers, spent: Spent) -> None:
        """Adds a window."""
        for name, seconds in spent.items():
            self.cpu_s[name] = self.cpu_s.get(name, 0.0) + seconds
        self.rates.append(len(answers.statuses) / answers.wall_s)
        self.latencies_s += answers.latencies_s
        self.requests += len(answers.statuses)


class Play:
    """The players of one target. Exits when an answer is not what it must be."""

    def __init__(self, target: Target, driver: Driver, players: int = PLAYERS) -> None:
        self.target = target
        self._driver = driver
        self._count = players
        self._driven = psutil.Process(driver.pid)
        self._players: list[Player] = []
        self._measured: dict[tuple[str, int, float, str], Measured] = {}
        self._dice = random.Random(0)  # noqa: S311  # shuffles requests

    @property
    def measured(self) -> list[Measured]:
        """Everything that was measured so far."""
        return list(self._measured.values())

    def rate(self, call: str, clients: int) -> float:
        """The median rate of a call in a closed loop so far, per second."""
        return statistics.median(self._measured[call, clients, 0.0, "asyncio"].rates)

    async def gather(self) -> None:
        """Opens the accounts, and logs in."""
        emails = [f"player{n}@example.com" for n in range(self._count)]
        register = [Request("POST", "/api/auth/register", body=_login(one)) for one in emails]
        await self._timed("register", LOGINS_AT_ONCE, register, 201)
        await self.log_in(emails)

    async def log_in(self, emails: Sequence[str]) -> None:
        """Logs accounts in; each finds its tasks."""
        login = [Request("POST", "/api/auth/login", body=_login(one)) for one in emails]
        answers = await self._timed("login", LOGINS_AT_ONCE, login)
        self._players = [_player(body) for body in answers.bodies]
        tasks = await self._sent(32, _each(self._players, "GET", "/api/tasks"))
        for player, body in zip(self._players, tasks.bodies, strict=True):
            player.task_id = json.loads(body)[0]["id"]

    def forget(self) -> None:
        """Begins to measure anew."""
        self._measured.clear()

    async def round(self, clients: int) -> None:
        """One window of each call."""
        players = self._players[: FEW if clients == 1 else None]
        await self._sessions(players, clients, CLOSED)
        for call, path in READS.items():
            await self._timed(call, clients, _each(players, "GET", path))

    async def by_wrk(self, clients: int, wrk: Wrk) -> None:
        """One window by wrk of each call whose rate is a goal."""
        load, players = Load(wrk=wrk), self._players
        await self._sessions(players, clients, load)
        profiles = _each(players, "GET", READS["profile"])
        await self._timed("profile", clients, profiles, load=load)

    async def mixed(self, clients: int) -> None:
        """One window of all calls together, in the proportion of a session of play."""
        half = len(self._players) // 2
        ending, starting = self._players[:half], self._players[half:]
        _note_started(ending, await self._sent(32, _starts(ending), 201))
        await self._wait(ending)
        asked = [("complete", one) for one in _completes(ending)]
        asked += [("start", one) for one in _starts(starting)]
        for call in ("profile", "tasks", "inventory"):
            some = self._dice.choices(self._players, k=half * MIXED[call])
            asked += [(call, one) for one in _each(some, "GET", f"/api/{call}")]
        self._dice.shuffle(asked)
        answers = await self._timed("mixed", clients, [one for _, one in asked], expected=None)
        bodies = _bodies_by_call(asked, answers)
        of_token = {player.token: player for player in self._players}
        for token, body in bodies["start"]:
            of_token[token].session_id = json.loads(body)["session_id"]
        for player in ending:
            player.completed += 1
        await self._wait(starting)
        _note_completed(starting, await self._sent(32, _completes(starting)))

    async def at_rate(self, per_s: float, clients: int = 256) -> None:
        """Completions and profiles that arrive at a fixed rate, timed from when they are due."""
        players = self._players
        _note_started(players, await self._sent(32, _starts(players), 201))
        await self._wait(players)
        load = Load(per_s)
        completed = await self._timed("complete", clients, _completes(players), load=load)
        _note_completed(players, completed)
        await self._timed("profile", clients, _each(players, "GET", READS["profile"]), load=load)

    async def refreshed(self, clients: int) -> None:
        """One window in which everybody uses a refresh token up for new tokens."""
        asked = [
            Request("POST", "/api/auth/refresh", body=json.dumps({"refresh_token": token}))
            for token in (player.refresh_token for player in self._players)
        ]
        answers = await self._timed("refresh", clients, asked)
        for player, body in zip(self._players, answers.bodies, strict=True):
            player.refresh_token = json.loads(body)["refresh_token"]

    async def audit(self) -> None:
        """Demands that every hero has exactly the gold that was paid."""
        profiles = await self._sent(32, _each(self._players, "GET", "/api/profile"))
        for player, body in zip(self._players, profiles.bodies, strict=True):
            gold, due = json.loads(body)["hero"]["gold"], player.completed * MINUTES
            demand(gold == due, f"{gold} gold on the {self.target.name}, {due} were paid")

    async def _sessions(self, players: Sequence[Player], clients: int, load: Load) -> None:
        """Has players start a session and, when its time is over, complete it."""
        started = await self._timed("start", clients, _starts(players), 201, load=load)
        _note_started(players, started)
        await self._wait(players)
        completed = await self._timed("complete", clients, _completes(players), load=load)
        _note_completed(players, completed)

    async def _wait(self, players: Sequence[Player]) -> None:
        """Has the players' time pass."""
        later = json.dumps({"advance_minutes": MINUTES})
        await self._sent(32, _each(players, "POST", "/api/sandbox/clock", lambda _: later))

    async def _timed(
        self,
        call: str,
        clients: int,
        requests: list[Request],
        expected: int | None = 200,
        *,
        load: Load = CLOSED,
    ) -> Answers:
        measured = self._measured.setdefault(
            (call, clients, load.per_s, load.name),
            Measured(self.target.name, call, clients, load.per_s, load=load.name),
        )
        before = self._spent(load)
        answers = await self._sent(clients, requests, expected, load=load)
        spent = {name: seconds - before[name] for name, seconds in self._spent(load).items()}
        measured.add(answers, spent)
        return answers

    def _spent(self, load: Load) -> Spent:
        driver = load.wrk.cpu_s if load.wrk else cpu_s(self._driven)
        return self.target.spent() | {"driver": driver}

    async def _sent(
        self,
        clients: int,
        requests: list[Request],
        expected: int | None = 200,
        *,
        load: Load = CLOSED,
    ) -> Answers:
        """The answers; each must have the expected status, or a good one where that is None."""
        port = self.target.port
        if load.wrk:
            answers = load.wrk.send(port, clients, requests)
        else:
            answers = await self._driver.send(port, clients, requests, per_s=load.per_s)
        good = (200, 201) if expected is None else (expected,)
        wrong = [
            (status, body)
            for status, body in zip(answers.statuses, answers.bodies, strict=True)
            if status not in good
        ]
        name = self.target.name
        what = f"{requests[0].method} {requests[0].path} at {clients} clients"
        demand(not wrong, f"{what}: {len(wrong)} of {name} were not {good}: {wrong[:1]}")
        return answers


def _bodies_by_call(
    asked: Sequence[tuple[str, Request]], answers: Answers
) -> dict[str, list[tuple[str, str]]]:
    """By call, the token and the answer of each request."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for (call, request), body in zip(asked, answers.bodies, strict=True):
        found[call].append((request.token, body))
    return found


def _login(email: str) -> str:
    return json.dumps({"email": email, "password": PASSWORD})


def _player(body: str) -> Player:
    login = json.loads(body)
    return Player(login["access_token"], login["user"]["id"], login["refresh_token"])


def _note_started(players: Sequence[Player], answers: Answers) -> None:
    """Finds whose session each answer is: tasks are one's own. Answers may stand in any order."""
    of_task = {player.task_id: player for player in players}
    for session in map(json.loads, answers.bodies):
        of_task.pop(session["task_template_id"]).session_id = session["session_id"]
    demand(not of_task, f"{len(of_task)} players have no session")


def _note_completed(players: Sequence[Player], answers: Answers) -> None:
    """Counts a session for each player: one, and a settled one. Answers may stand in any order."""
    of_user = {player.user_id: player for player in players}
    for completion in map(json.loads, answers.bodies):
        demand(completion["settled"], "a completion was not settled")
        of_user.pop(completion["hero"]["user_id"]).completed += 1
    demand(not of_user, f"{len(of_user)} players have no completion")


def _starts(players: Sequence[Player]) -> list[Request]:
    return _each(
        players,
        "POST",
        "/api/session/start",
        lambda one: json.dumps({"task_template_id": one.task_id, "duration_minutes": MINUTES}),
    )


def _completes(players: Sequence[Player]) -> list[Request]:
    return _each(
        players,
        "POST",
        "/api/session/complete",
        lambda one: json.dumps({"session_id": one.session_id}),
    )


def _each(
    players: Sequence[Player],
    method: str,
    path: str,
    body: Callable[[Player], str] = lambda _: "",
) -> list[Request]:
    return [Request(method, path, one.token, body(one)) for one in players]
