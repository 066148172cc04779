"""Processes are kept running, end in order, and leave nothing behind. Small stand-ins play the services."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil
import pytest

from town.failures import DidNotStart
from town.processes import Processes, Spec

# Says its number, and on SIGTERM a farewell.
OBEDIENT = 'trap "echo farewell; exit 0" TERM; echo "$$"; while :; do sleep 0.02; done'
STUBBORN = 'trap "" TERM; echo "$$"; while :; do sleep 0.02; done'
PARENT = 'sleep 60 & echo "$!"; wait'

SUPERVISOR = """
import sys, time
from town.processes import Processes, Spec
spec = Spec("stand-in", ("/bin/sh", "-c", sys.argv[1]), {}, lambda: True)
Processes([[spec]], lambda name, line: print(line, flush=True)).open(check=lambda: None)
sys.stdin.read()
"""


@dataclass
class Heard:
    """What the processes said, as it comes."""

    lines: queue.Queue[tuple[str, str]] = field(default_factory=queue.Queue)

    def say(self, name: str, line: str) -> None:
        self.lines.put((name, line))

    def next(self, *, meanwhile: Callable[[], None] = lambda: None) -> tuple[str, str]:
        """Return the next line, doing something every now and then until it comes; at most 10 s."""
        for _ in range(1000):
            meanwhile()
            with contextlib.suppress(queue.Empty):
                return self.lines.get(timeout=0.01)
        pytest.fail("nothing was said")

    def rest(self) -> list[tuple[str, str]]:
        return [self.lines.get() for _ in range(self.lines.qsize())]


@pytest.fixture
def heard() -> Heard:
    return Heard()


def stand_in(script: str, name: str = "stand-in", *, ready: bool = True) -> Spec:
    return Spec(name, ("/bin/sh", "-c", script), {"PATH": os.defpath}, lambda: ready)


def opened(processes: Processes) -> Processes:
    processes.open(check=lambda: None)
    return processes


def test_a_killed_process_is_back_within_two_seconds(heard: Heard) -> None:
    with opened(Processes([[stand_in(OBEDIENT)]], heard.say)) as processes:
        _, pid = heard.next()
        killed_at = time.monotonic()
        os.kill(int(pid), signal.SIGKILL)

        complaint = heard.next(meanwhile=processes.revive)
        _, new_pid = heard.next(meanwhile=processes.revive)

        assert time.monotonic() - killed_at < 2.0
        assert complaint == ("stand-in", "was killed (SIGKILL); it is started again in 0.25 s")
        assert new_pid != pid


def test_the_others_go_on_while_one_is_started_again(heard: Heard) -> None:
    specs = [stand_in(OBEDIENT, "first"), stand_in(OBEDIENT, "second")]
    with opened(Processes([specs], heard.say)) as processes:
        pids = dict([heard.next(), heard.next()])
        os.kill(int(pids["first"]), signal.SIGKILL)

        revived = {heard.next(meanwhile=processes.revive)[0] for _ in range(2)}

        assert revived == {"first"}
        assert psutil.pid_exists(int(pids["second"]))


def test_what_can_never_start_is_named_with_its_last_words(heard: Heard) -> None:
    processes = Processes(
        [[stand_in("echo NESRA_SECRET is missing; exit 2", ready=False)]], heard.say
    )

    with (
        processes,
        pytest.raises(DidNotStart, match="stand-in did not start: NESRA_SECRET is missing"),
    ):
        opened(processes)


def test_nothing_is_left_when_one_cannot_start(heard: Heard) -> None:
    specs = [stand_in(OBEDIENT, "good"), stand_in("exit 2", "bad", ready=False)]

    with pytest.raises(DidNotStart), Processes([specs], heard.say) as processes:
        opened(processes)

    pids = [int(line) for _, line in heard.rest() if line.isdigit()]
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_waiting_for_a_process_can_be_given_up(heard: Heard) -> None:
    processes = Processes([[stand_in(OBEDIENT, ready=False)]], heard.say)

    def give_up() -> None:
        raise InterruptedError

    with processes, pytest.raises(InterruptedError):
        processes.open(check=give_up)


def test_they_stop_stage_by_stage(heard: Heard) -> None:
    stages = [[stand_in(OBEDIENT, name)] for name in ("gateway", "session", "world")]
    with opened(Processes(stages, heard.say)):
        for _ in stages:
            heard.next()

    farewells = [heard.next() for _ in stages]
    assert farewells == [(name, "farewell") for name in ("gateway", "session", "world")]


def test_one_that_does_not_stop_is_killed(heard: Heard) -> None:
    with opened(Processes([[stand_in(STUBBORN)]], heard.say, stop_within=0.1)):
        _, pid = heard.next()

    assert heard.next() == ("stand-in", "did not stop in time and is killed")
    assert not psutil.pid_exists(int(pid))


def test_children_of_a_process_do_not_outlive_it(heard: Heard) -> None:
    with opened(Processes([[stand_in(PARENT)]], heard.say)):
        grandchild = psutil.Process(int(heard.next()[1]))

    # Whoever adopted it may leave it listed as dead.
    with contextlib.suppress(psutil.TimeoutExpired):
        grandchild.wait(timeout=1)
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE


def test_processes_end_with_a_supervisor_that_is_killed() -> None:
    command = [sys.executable, "-c", SUPERVISOR, OBEDIENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        kept = psutil.Process(int(supervisor.stdout.readline()))

        supervisor.kill()

        kept.wait(timeout=5)


def test_closing_twice_is_closing_once(heard: Heard) -> None:
    processes = opened(Processes([[stand_in(OBEDIENT)]], heard.say))

    processes.close()
    processes.close()

    assert [line for _, line in heard.rest()][1:] in (["farewell"], [])
