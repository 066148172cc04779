"""One task at a time, and one seeded dice that says which: the whole town in one process.

Production code is synchronous, so every task has a thread of its own; but a baton
goes round, and who holds it runs alone until it comes to its next pause. Time is
the scheduler's too: it passes with every step, and jumps when everybody waits.
"""

import hashlib
import math
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

Work = Callable[[], None]
# Far more than any seed needs: what takes so many goes round in a circle.
MOST_STEPS = 200_000


class Killed(BaseException):
    """The task's process has died. No production code catches this."""


class Broken(BaseException):
    """The simulation itself is at fault, not what it simulates."""


@dataclass(eq=False)
class Task:
    """A thread of control. `home` is the process that it dies with, if any."""

    name: str
    work: Work
    home: str | None = None
    # What it waits for: a time that has come already, for one that does not wait.
    wake_at: float = 0.0
    is_ready: Callable[[], bool] | None = None
    is_killed: bool = False
    worker: "_Worker | None" = None

    def go_on(self) -> None:
        """It waits for nothing any more."""
        self.wake_at, self.is_ready = 0.0, None

    def die(self) -> None:
        """It ends where it is, as soon as its turn comes."""
        self.go_on()
        self.is_killed = True


class Scheduler:
    """Runs tasks step by step; the same seed always runs the same steps.

    `pace` is the most time that one step takes, in seconds; with `stickiness`,
    from 0 to 1, the task that runs goes on running.
    """

    def __init__(self, dice: random.Random, *, pace: float, stickiness: float) -> None:
        self.dice = dice
        self.now = 0.0
        self.trace: list[str] = []
        self._pace = pace
        self._stickiness = stickiness
        self._tasks: list[Task] = []
        self._current: Task | None = None
        self._until: Callable[[], bool] = lambda: True
        self._error: BaseException | None = None
        self._main = threading.Lock()
        self._main.acquire()

    def clock(self) -> float:
        """The scheduler's time, in seconds."""
        return self.now

    def spawn(self, name: str, work: Work, *, home: str | None = None) -> Task:
        """A new task, which runs when its turn comes."""
        task = Task(name, work, home)
        self._tasks.append(task)
        return task

    def run(self, until: Callable[[], bool]) -> None:
        """Runs tasks until `until` holds. Raises what a task raised."""
        self._until = until
        self._pass_on()
        self._main.acquire()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Kills every task, and lets it unwind."""
        self._error = None
        for task in self._tasks:
            task.die()
        self.run(lambda: not self._tasks)

    def pause(self, doing: str) -> None:
        """Others may run before the current task does this."""
        self._yield()
        self.note(doing)

    def sleep(self, seconds: float) -> None:
        """Others run for so long."""
        self._running.wake_at = self.now + seconds
        self._yield()

    def wait(self, is_ready: Callable[[], bool], *, seconds: float = math.inf) -> bool:
        """Others run until `is_ready`, or for so long; whether it is."""
        self._running.is_ready = is_ready
        self._running.wake_at = self.now + seconds
        self._yield()
        return is_ready()

    @property
    def home(self) -> str | None:
        """The process that the current task dies with."""
        return self._running.home

    def enter(self, home: str | None) -> None:
        """From now on the current task lives and dies with that process."""
        self._running.home = home

    def kill(self, home: str) -> None:
        """Every task of a process vanishes where it is."""
        for task in self._tasks:
            if task.home == home:
                task.die()

    def note(self, happened: str) -> None:
        """One more line of the trace."""
        who = self._current.name if self._current else "-"
        self.trace.append(f"{self.now:10.3f} {who:<28} {happened}")
        if len(self.trace) > MOST_STEPS:
            message = "the simulation does not come to an end"
            raise Broken(message)

    def digest(self) -> str:
        """A hash of everything that happened."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    @property
    def _running(self) -> Task:
        if self._current is None:
            message = "only a task can wait"
            raise Broken(message)
        return self._current

    def _yield(self) -> None:
        task = self._running
        if task.is_killed:
            raise Killed
        self.now += self.dice.random() * self._pace
        following = self._next()
        if following is not task:
            self._hand(following)
            _turn_of(task).acquire()
        task.go_on()
        self._current = task
        if task.is_killed:
            raise Killed

    def _next(self) -> Task | None:
        """Whose turn it is; None gives the baton back to `run`."""
        if self._error is not None or self._until():
            return None
        ready = self._ready()
        if not ready:
            following = min((task.wake_at for task in self._tasks), default=math.inf)
            if following == math.inf:
                self._error = Broken("everybody waits, and nobody will ever come")
                return None
            self.now = following
            ready = self._ready()
        if self._current in ready and self.dice.random() < self._stickiness:
            return self._current
        # As `choice` does, at a third of its price.
        return ready[int(self.dice.random() * len(ready))]

    def _ready(self) -> list[Task]:
        """Who waits for nothing; asked at every step, so it is in one piece."""
        now = self.now
        return [
            task
            for task in self._tasks
            if task.wake_at <= now or (task.is_ready is not None and task.is_ready())
        ]

    def _pass_on(self) -> None:
        self._current = None
        self._hand(self._next())

    def _hand(self, task: Task | None) -> None:
        if task is None:
            self._current = None
            self._main.release()
            return
        if task.worker is None:
            task.worker = _IDLE.pop() if _IDLE else _Worker()
            task.worker.job = lambda: self._whole(task)
        task.worker.turn.release()

    def _whole(self, task: Task) -> None:
        """A task from its beginning to its end, on a thread of its own."""
        self._current = task
        try:
            if not task.is_killed:
                task.work()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001  # it is raised where `run` was called
            self._error = self._error or error
        self._tasks.remove(task)
        if task.worker is not None:
            _IDLE.append(task.worker)
        self._pass_on()


class _Worker(threading.Thread):
    """A thread that runs one task after the other, also of later simulations."""

    def __init__(self) -> None:
        super().__init__(daemon=True, name="simulated task")
        self.job: Work = lambda: None
        self.turn = threading.Lock()
        self.turn.acquire()
        self.start()

    def run(self) -> None:
        while True:
            self.turn.acquire()
            self.job()


def _turn_of(task: Task) -> threading.Lock:
    if task.worker is None:
        message = "a task that runs has a thread"
        raise Broken(message)
    return task.worker.turn


_IDLE: list[_Worker] = []
