"""Where each key of a TOML text stands: what the standard library's parser does not tell."""

import re
import tomllib
from typing import Any, TypeAlias

# The keys and places in arrays that lead to a value: ("world", "upgrades", 2, "room").
Path: TypeAlias = tuple[str | int, ...]

_ONE_LINE = r'"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\''
_PART = rf"(?:[A-Za-z0-9_-]+|{_ONE_LINE})"
_KEY = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*")
# Up to two quotes more may stand directly before the three that end a string.
_STRING = re.compile(rf'"""(?:\\.|[^\\])*?"""+|\'\'\'.*?\'\'\'+|{_ONE_LINE}', re.DOTALL)
_BETWEEN = re.compile(r"(?:[\s,=]|#[^\n]*)*")
_PLAIN = re.compile(r"[^\s,#\]}][^\n,#\]}]*")


def lines_of(text: str) -> dict[Path, int]:
    """The line, from 1, of every key, table and element of a TOML text; () is line 1.

    A table that several headers make stands where it is named first. The text must
    be one that `tomllib` reads.
    """
    scan = _Scan(text)
    scan.document()
    return scan.lines


class _Scan:
    """One way through the text; `_at` is where it has come to."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {(): 1}
        self._text = text
        self._at = 0
        # How many tables an array of tables has so far.
        self._counts: dict[Path, int] = {}

    def document(self) -> None:
        """Everything, header by header."""
        table: Path = ()
        while (first := self._next()) is not None:
            if first == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        line = self._line()
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        self._next()
        path: Path = ()
        for name in self._key():
            path = (*self._last_of(path), name)
        if is_array:
            self._counts[path] = self._counts.get(path, 0) + 1
        self._next()
        self._at += 2 if is_array else 1
        path = self._last_of(path)
        self._stands(path, line)
        # Before its own header it was at most named within another's.
        self.lines[path] = line
        return path

    def _last_of(self, path: Path) -> Path:
        """The path itself, or that of the last table so far where it is an array of tables."""
        return (*path, self._counts[path] - 1) if path in self._counts else path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table + self._key()
        self._stands(path, line)
        self._next()
        self._value(path)

    def _value(self, path: Path) -> None:
        match self._text[self._at]:
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case '"' | "'":
                self._pass(_STRING)
            case _:
                self._pass(_PLAIN)

    def _array(self, path: Path) -> None:
        self._at += 1
        place = 0
        while self._next() != "]":
            self._stands((*path, place), self._line())
            self._value((*path, place))
            place += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._next() != "}":
            self._pair(path)
        self._at += 1

    def _key(self) -> Path:
        """The names of a dotted key, as the parser itself reads them."""
        found: Any = tomllib.loads(f"{self._pass(_KEY)} = 0")
        names = []
        while isinstance(found, dict):
            ((name, found),) = found.items()
            names.append(name)
        return tuple(names)

    def _pass(self, form: re.Pattern[str]) -> str:
        found = form.match(self._text, self._at)
        if found is None:
            message = f"line {self._line()} is not understood"
            raise ValueError(message)
        self._at = found.end()
        return found[0]

    def _next(self) -> str | None:
        """The next character that is no space, comment, comma or equals sign; None at the end."""
        self._pass(_BETWEEN)
        return self._text[self._at] if self._at < len(self._text) else None

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1

    def _stands(self, path: Path, line: int) -> None:
        for end in range(1, len(path) + 1):
            self.lines.setdefault(path[:end], line)
