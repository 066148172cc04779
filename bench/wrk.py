"""wrk, where it is found: load that costs less of the machine than the bundled driver.

What it can not say is which request an answer belongs to, and how long each took from
when: so it gives rates and CPU of closed loops, and latencies stay the driver's. Its
part of the work, the sending of each request exactly once, is in `wrk.lua`.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.driver import HOST, WINDOW_WITHIN_S, Answers, DriverBroke, Request

SCRIPT = Path(__file__).with_suffix(".lua")


def found() -> "Wrk | None":
    """wrk, or None where it is not installed."""
    program = shutil.which("wrk")
    return Wrk(program) if program else None


class Wrk:
    """Windows by wrk, each of a process of its own; `cpu_s` is what all of them took to drive."""

    def __init__(self, program: str) -> None:
        self._program = program
        self.cpu_s = 0.0

    def send(self, port: int, clients: int, requests: Sequence[Request]) -> Answers:
        """Sends all requests in a closed loop; the answers stand as they came, without latencies.

        Raises DriverBroke when not all were answered.
        """
        with tempfile.TemporaryDirectory(prefix="nesra-wrk-") as folder:
            asked, answered = Path(folder, "requests"), Path(folder, "answers")
            asked.write_bytes(packed(requests))
            command = [self._program, "--threads=1", f"--connections={clients}"]
            # It ends with the last answer; this is when it gives up.
            command += [f"--duration={WINDOW_WITHIN_S:.0f}s", f"--script={SCRIPT}"]
            command += [f"http://{HOST}:{port}", "--", str(clients), str(asked), str(answered)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if not answered.exists():
                raise DriverBroke(done.stdout + done.stderr)
            answers, cpu_s = unpacked(answered.read_bytes())
        self.cpu_s += cpu_s
        return answers


def packed(requests: Sequence[Request]) -> bytes:
    """The requests as `wrk.lua` reads them: a line with the length in bytes, then the bytes."""
    payloads = [one.payload() for one in requests]
    return b"".join(b"%d\n%b" % (len(one), one) for one in payloads)


def unpacked(written: bytes) -> tuple[Answers, float]:
    """What `wrk.lua` wrote: the answers, and the CPU seconds of wrk while it drove.

    A line with wall and CPU seconds; then by answer a line with status and length, and the body.
    """
    head, _, rest = written.partition(b"\n")
    wall_s, cpu_s = map(float, head.split())
    answers = Answers([], [], [], wall_s)
    while rest:
        line, _, rest = rest.partition(b"\n")
        status, length = map(int, line.split())
        answers.statuses.append(status)
        answers.bodies.append(rest[:length].decode())
        rest = rest[length:]
    return answers, cpu_s
