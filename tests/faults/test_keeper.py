"""The keeper starts again what ended, and loses no end."""

import sys
from pathlib import Path

from tests.faults.keeper import Kept, Log
from town.processes import Process, Spec

BRIEF = Spec("brief", (sys.executable, "-c", ""), {}, is_ready=lambda: True)


class EndsBetweenLooks(Process):
    """Has not ended at the first look, and has at the next."""

    looks = 0

    @property
    def exit_code(self) -> int | None:
        self.looks += 1
        return None if self.looks == 1 else super().exit_code


def test_an_end_between_two_looks_is_seen_at_the_next(tmp_path: Path) -> None:
    kept = Kept(BRIEF, Log(tmp_path))
    ended = kept.process = EndsBetweenLooks(BRIEF, Log(tmp_path).say)
    ended.start()
    assert ended._child is not None  # it has really ended before anybody looks
    ended._child.wait(30)  # as above

    kept.revive()
    assert kept.process is ended
    kept.revive()

    assert kept.process is not ended
    assert kept.ended_with == 0
