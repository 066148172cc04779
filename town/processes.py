"""Keeping processes running: started together, watched, started again when they end, stopped in order."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from town.account import ourselves
from town.failures import DidNotStart

# A process of the town is back within 2 s: most of that is its own start.
FIRST_DELAY_SECONDS: Final = 0.25
LONGEST_DELAY_SECONDS: Final = 30.0
# Whatever ended it before, a process that lived this long deserves a quick start.
STABLE_AFTER_SECONDS: Final = 60.0

READY_WITHIN_SECONDS: Final = 60.0
# A little more than the 10 s that a service takes at most to finish what it began.
STOP_WITHIN_SECONDS: Final = 12.0
TICK_SECONDS: Final = 0.05
# Asking costs the processor time that those who are still starting need.
ASK_EVERY_SECONDS: Final = 0.2

# What a process says that can never start as it is configured.
CANNOT_START: Final = 2

Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Spec:
    """One process to keep: `argv` begins with a whole path, `is_ready` may take a second and never raises."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    is_ready: Callable[[], bool]


def next_delay(last: float, alive: float) -> float:
    """Return how many seconds to wait before a process is started again.

    `last` is the delay before it was started (0 at first), `alive` how many seconds it lived.
    """
    if alive >= STABLE_AFTER_SECONDS:
        return FIRST_DELAY_SECONDS
    return min(max(last * 2, FIRST_DELAY_SECONDS), LONGEST_DELAY_SECONDS)


class Process:
    """One process of the town, kept running from start() to make_stop()."""

    def __init__(self, spec: Spec, say: Say) -> None:
        self.spec = spec
        self._say = say
        self._child: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self._last_line = "it said nothing"
        self._delay = 0.0
        self._started_at = 0.0
        self._start_at = 0.0

    @property
    def pid(self) -> int | None:
        """Its number, also when it has ended and was not started again yet."""
        return None if self._child is None else self._child.pid

    @property
    def exit_code(self) -> int | None:
        """Its exit code when it has ended and was not started again yet; minus the signal when it was killed."""
        return None if self._child is None else self._child.poll()

    @property
    def running(self) -> bool:
        """Whether it is there; whether it does its work, only `spec.is_ready` can tell."""
        return self._child is not None and self._child.poll() is None

    def last_line(self) -> str:
        """Return the last thing that a process that has ended said."""
        self._hear_out()
        return self._last_line

    def start(self) -> None:
        """Start it. Must be called in a thread that lives as long as the process shall: it ends with that thread."""
        self._started_at = time.monotonic()
        self._child = subprocess.Popen(
            ourselves().command(list(self.spec.argv)),
            env=dict(self.spec.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A Ctrl-C in the terminal is for us alone: we stop the processes, in order.
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, args=(self._child,), daemon=True)
        self._listener.start()

    def revive(self) -> None:
        """Start it again when it has ended and its delay is over."""
        if self._child is not None and self.exit_code is not None:
            how = _in_words(self._child.returncode)
            self._clear_away(self._child)
            self._appoint(how)
        if self._child is None and time.monotonic() >= self._start_at:
            try:
                self.start()
            except OSError as error:
                self._appoint(f"could not be started ({error})")

    def _appoint(self, how: str) -> None:
        """Appoint the next start, and say why."""
        now = time.monotonic()
        self._delay = next_delay(self._delay, now - self._started_at)
        self._start_at = now + self._delay
        self._say(self.spec.name, f"{how}; it is started again in {self._delay:g} s")

    def ask_to_stop(self) -> None:
        """Send SIGTERM, upon which it finishes what it began."""
        if self._child is not None:
            self._child.send_signal(signal.SIGTERM)

    def make_stop(self, deadline: float) -> None:
        """Return when it is gone, by force after the deadline (of the monotonic clock)."""
        if self._child is None:
            return
        try:
            self._child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._say(self.spec.name, "did not stop in time and is killed")
        self._clear_away(self._child)

    def _clear_away(self, child: subprocess.Popen[bytes]) -> None:
        """Leave nothing of it behind, children of its own included."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        self._hear_out()
        self._child = None

    def _hear_out(self) -> None:
        """Wait until all that it said is passed on."""
        if self._listener is not None:
            # Somebody who left its group may hold the pipe open, so the end of it is not sure to come.
            self._listener.join(1.0)

    def _listen(self, child: subprocess.Popen[bytes]) -> None:
        """Say what it says, line by line, until its end of the pipe is closed."""
        if child.stdout is None:
            return
        with child.stdout as output:
            for raw in output:
                line = raw.decode(errors="replace").rstrip()
                self._last_line = line or self._last_line
                self._say(self.spec.name, line)


class Processes:
    """All processes of a town. `stages` are in the order in which they stop; they start all at once.

    Each has `stop_within` seconds to finish what it began.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Spec]],
        say: Say,
        *,
        stop_within: float = STOP_WITHIN_SECONDS,
    ) -> None:
        self._stages = [[Process(spec, say) for spec in stage] for stage in stages]
        self._stop_within = stop_within
        self._all = [process for stage in self._stages for process in stage]

    def __enter__(self) -> Self:
        """Nothing starts before open()."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all."""
        self.close()

    def open(self, *, check: Callable[[], None]) -> None:
        """Start all and return when all are ready. Raises DidNotStart, or what `check` raises while we wait."""
        for process in self._all:
            process.start()
        self._wait_until_ready(check)

    def revive(self) -> None:
        """Start again what has ended, each after its delay. To be called several times a second."""
        for process in self._all:
            process.revive()

    def close(self) -> None:
        """Stop all, stage by stage. Each may finish what it began; none is left. Safe to repeat."""
        for stage in self._stages:
            for process in stage:
                process.ask_to_stop()
            deadline = time.monotonic() + self._stop_within
            for process in stage:
                process.make_stop(deadline)

    def _wait_until_ready(self, check: Callable[[], None]) -> None:
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        waiting = list(self._all)
        while waiting := [process for process in waiting if not _ready(process)]:
            if time.monotonic() > deadline:
                why = f"it is not ready after {READY_WITHIN_SECONDS:.0f} s"
                raise DidNotStart(waiting[0].spec.name, why)
            check()
            time.sleep(ASK_EVERY_SECONDS)


def _ready(process: Process) -> bool:
    """Tell whether the process serves. Starts it again where that may help; raises DidNotStart where it cannot."""
    if process.running:
        return process.spec.is_ready()
    if process.exit_code == CANNOT_START:
        raise DidNotStart(process.spec.name, process.last_line())
    process.revive()
    return False


def _in_words(code: int) -> str:
    return f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended ({code})"
