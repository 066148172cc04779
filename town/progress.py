"""How far a long look has come: one line on the terminal, written over until it is done."""

import sys
from types import TracebackType
from typing import Final, Self

WIDTH: Final = 30
# To the start of the line, and clear what stands there.
CLEAR: Final = "\r\x1b[K"


class Progress:
    """Counts, and shows a bar on stderr where that is a terminal."""

    def __init__(self, noun: str) -> None:
        """Name what is counted, in the plural."""
        self.done = 0
        self._noun = noun
        self._total = 0

    @property
    def is_seen(self) -> bool:
        """Whether somebody looks on."""
        return sys.stderr.isatty()

    def __enter__(self) -> Self:
        """Begin without a bar: the first count shows it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        self._write("")

    def expect(self, total: int) -> None:
        """Tell how many there are, more or less."""
        self._total = total

    def add(self, count: int) -> None:
        """Show that so many more are done."""
        self.done += count
        part = min(1.0, self.done / self._total) if self._total else 1.0
        bar = "#" * int(part * WIDTH)
        self._write(f"[{bar:.<{WIDTH}}] {part:4.0%}  {self.done:,} {self._noun}")

    def say(self, line: str) -> None:
        """Print a line on stdout, above the bar."""
        self._write("")
        print(line, flush=True)

    def _write(self, text: str) -> None:
        if self.is_seen:
            sys.stderr.write(f"{CLEAR}{text}")
            sys.stderr.flush()
