"""A bar for who looks on, and nothing for who does not."""

import io
import sys

import pytest

from town.progress import CLEAR, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_written_over_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    with Progress("players") as progress:
        progress.expect(2_000)
        progress.add(1_000)
        progress.add(1_000)

    first, second, last = terminal.getvalue().split(CLEAR)[1:]
    assert first == f"[{'#' * 15}{'.' * 15}]  50%  1,000 players"
    assert second == f"[{'#' * 30}] 100%  2,000 players"
    assert last == ""


def test_a_line_stands_on_stdout_and_never_beside_the_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    Progress("players").say("a drift")

    assert (terminal.getvalue(), capsys.readouterr().out) == (CLEAR, "a drift\n")


def test_without_a_terminal_it_only_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)

    with Progress("players") as progress:
        progress.add(7)

    assert (progress.done, file.getvalue()) == (7, "")
