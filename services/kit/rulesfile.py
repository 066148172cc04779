"""The rules file: numbers of the game as data, validated, with a version.

Each service reads a section of its own into a frozen dataclass of its `rules.py`: its
`Shape`. The version is a hash of the file's content, so that equal versions mean equal
rules. Whatever is wrong is told all at once, each with its line.

What a dataclass demands of its values it says by `raise ValueError(*sentences)`, each
of which begins with the key that it speaks of: "drop_chance must be at most 10000",
"upgrades.2 repeats upgrades.0".
"""

import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from services.kit import tomllines

Rules = TypeVar("Rules")
Place = tomllines.Path

# Far more than any rules need; a column of every service's database keeps them.
LONGEST_BYTES = 1 << 16
_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_LINE = re.compile(r", line (\d+): ")
_IN_WORDS = {"missing": "is missing", "unexpected_keyword_argument": "is no key of the rules"}


class BadRules(Exception):
    """The rules file does not do; each problem says where and why."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Edition(NamedTuple, Generic[Rules]):
    """Rules of one service, and the version of the file that they stand in."""

    rules: Rules
    version: str


def loses_nothing(_old: Any, _new: Any) -> tuple[str, ...]:
    """For rules that no player's level depends on."""
    return ()


@dataclass(frozen=True, slots=True)
class Shape(Generic[Rules]):
    """How one service reads the file: which section, into which dataclass.

    `shared` names arrays of tables at the top of the file that other services read as
    well. Each is a field of the dataclass too, and takes of every table only the keys
    that it knows; `check` sees that somebody knows each.
    `losses` tells what players would lose by new rules after old ones, as sentences
    like those of a ValueError.
    """

    section: str
    rules: type[Rules]
    losses: Callable[[Rules, Rules], Sequence[str]] = loses_nothing
    shared: tuple[str, ...] = ()


class RulesFile:
    """The content of a rules file. Raises BadRules when it is no TOML."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self.version = hashlib.sha256(content).hexdigest()[:12]
        self.text, self._document = self._parsed(content)
        self._lines = tomllines.lines_of(self.text)

    def bound(self, shape: Shape[Rules]) -> Rules:
        """What one service reads. Raises BadRules with everything that is wrong there."""
        section = self.section(shape)
        if section is None:
            raise BadRules([self._problem((shape.section,), "is missing")])
        misplaced = [
            self._problem((shape.section, name), "must stand at the top of the file")
            for name in shape.shared
            if name in self._document[shape.section]
        ]
        try:
            rules: Rules = _adapter(shape).validate_json(_json(section), strict=True)
        except ValidationError as error:
            raise BadRules([*misplaced, *self._told(shape, error)]) from None
        if misplaced:
            raise BadRules(misplaced)
        return rules

    def bound_after(self, shape: Shape[Rules], newer: "RulesFile") -> Rules | None:
        """What one service read here before, by the shape that it has today.

        A key that is new since then is as in `newer`, one that is gone is left out.
        None when it cannot be read like that.
        """
        old, new = self.section(shape) or {}, newer.section(shape) or {}
        known = {key: old.get(key, value) for key, value in new.items()}
        try:
            rules: Rules = _adapter(shape).validate_json(_json(known), strict=True)
        except ValidationError:
            return None
        return rules

    def refuse_losses(self, shape: Shape[Rules], older: "RulesFile") -> None:
        """Raises BadRules when players would lose something by this file after `older`."""
        before = older.bound_after(shape, self)
        losses = () if before is None else shape.losses(before, self.bound(shape))
        if losses:
            raise BadRules([self._sentence(shape, (), each) for each in losses])

    def strangers(self, shapes: Iterable[Shape[Any]]) -> list[str]:
        """What stands in the file, and in no shape: sections, and keys of shared tables."""
        shapes = list(shapes)
        sections = {shape.section for shape in shapes}
        shared = {name for shape in shapes for name in shape.shared}
        problems = [
            self._problem((name,), "is no section of the rules")
            for name in self._document
            if name not in sections | shared
        ]
        for name in shared & self._document.keys():
            known = {key for shape in shapes for key in _keys_of(shape, name)}
            problems += [
                self._problem((name, place, key), _IN_WORDS["unexpected_keyword_argument"])
                for place, table in self._tables(name)
                for key in table
                if key not in known
            ]
        return problems

    def _tables(self, name: str) -> list[tuple[int, dict[str, Any]]]:
        """The tables of an array, with their places; of what is none, `bound` tells."""
        found = self._document[name]
        if not isinstance(found, list):
            return []
        return [(place, table) for place, table in enumerate(found) if isinstance(table, dict)]

    def _parsed(self, content: bytes) -> tuple[str, dict[str, Any]]:
        if len(content) > LONGEST_BYTES:
            raise BadRules([f"{self.name}: it has more than {LONGEST_BYTES} bytes"])
        try:
            text = content.decode()
            return text, tomllib.loads(text)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise BadRules([f"{self.name}, line {line}: it is not UTF-8"]) from None
        except tomllib.TOMLDecodeError as error:
            raise BadRules([f"{self.name}, {_where(str(error), content)}"]) from None
        except RecursionError:
            raise BadRules([f"{self.name}: it is nested too deeply"]) from None

    def section(self, shape: Shape[Any]) -> dict[str, Any] | None:
        """What a shape is bound to, not yet validated; None when its section is missing."""
        section = self._document.get(shape.section)
        if not isinstance(section, dict):
            return None
        return section | {name: self._document.get(name, []) for name in shape.shared}

    def _told(self, shape: Shape[Any], error: ValidationError) -> list[str]:
        told = []
        for each in error.errors(include_input=False):
            cause = each.get("ctx", {}).get("error")
            if isinstance(cause, ValueError):
                told += [self._sentence(shape, each["loc"], str(said)) for said in cause.args]
            else:
                reason = _IN_WORDS.get(each["type"], each["msg"].removeprefix("Input "))
                told.append(self._problem(_place(shape, each["loc"]), reason))
        return told

    def _sentence(self, shape: Shape[Any], within: Place, sentence: str) -> str:
        """A sentence about something within what a shape is bound to, which its first word names."""
        word, _, reason = sentence.partition(" ")
        return self._problem(_place(shape, (*within, *_steps(word))), reason)

    def _problem(self, place: Place, reason: str) -> str:
        """What is wrong, with the line of the place, or of what it should stand in."""
        known = next(end for end in range(len(place), -1, -1) if place[:end] in self._lines)
        where = ".".join(map(str, place))
        return f"{self.name}, line {self._lines[place[:known]]}: {where} {reason}"


def read(path: Path) -> RulesFile:
    """The file as it is now. Raises BadRules."""
    try:
        # One byte more than it may have is as good as all of them.
        with path.open("rb") as file:
            content = file.read(LONGEST_BYTES + 1)
    except OSError as error:
        message = f"{path}: it cannot be read: {error.strerror}"
        raise BadRules([message]) from None
    return RulesFile(str(path), content)


def load(path: Path, shape: Shape[Rules]) -> Edition[Rules]:
    """What one service reads in the file as it is now. Raises BadRules."""
    file = read(path)
    return Edition(file.bound(shape), file.version)


def check(file: RulesFile, shapes: Sequence[Shape[Any]]) -> None:
    """Raises BadRules with everything that is wrong anywhere in the file."""
    problems = file.strangers(shapes)
    for shape in shapes:
        try:
            file.bound(shape)
        except BadRules as bad:
            problems += bad.problems
    if problems:
        raise BadRules(sorted(dict.fromkeys(problems), key=_line))


@contextmanager
def or_exit() -> Iterator[None]:
    """Within, bad rules end the process: what is wrong on standard error, exit code 2."""
    try:
        yield
    except BadRules as bad:
        sys.stderr.write("Cannot start:\n" + "".join(f"  {each}\n" for each in bad.problems))
        raise SystemExit(2) from None


def _json(document: dict[str, Any]) -> str:
    # TOML has dates and times, which JSON has not: they are read again from their text.
    return json.dumps(document, default=str)


@cache
def _adapter(shape: Shape[Rules]) -> TypeAdapter[Rules]:
    """Validates what a shape is bound to, refusing keys that no dataclass has."""
    hints = get_type_hints(shape.rules)
    for name in shape.shared:
        for element in _dataclasses_in(hints[name]):
            with_config(ConfigDict(extra="ignore"))(element)
    for name in hints.keys() - set(shape.shared):
        _make_strict(hints[name])
    return TypeAdapter(with_config(ConfigDict(extra="forbid"))(shape.rules))


def _make_strict(hint: Any) -> None:
    for inner in _dataclasses_in(hint):
        with_config(ConfigDict(extra="forbid"))(inner)
        for deeper in get_type_hints(inner).values():
            _make_strict(deeper)


def _dataclasses_in(hint: Any) -> list[type[Any]]:
    inners = (hint, *get_args(hint))
    return [inner for inner in inners if isinstance(inner, type) and is_dataclass(inner)]


def _keys_of(shape: Shape[Any], name: str) -> list[str]:
    """The keys that a service knows of the tables of a shared array."""
    if name not in shape.shared:
        return []
    found = _dataclasses_in(get_type_hints(shape.rules)[name])
    return [key for each in found for key in get_type_hints(each)]


def _place(shape: Shape[Any], within: Place) -> Place:
    """Where in the file something stands that a shape is bound to."""
    return within if within[:1] and within[0] in shape.shared else (shape.section, *within)


def _steps(word: str) -> Place:
    return tuple(int(step) if step.isdecimal() else step for step in word.split("."))


def _where(message: str, content: bytes) -> str:
    """What the parser says, with the line first."""
    found = _AT_LINE.search(message)
    line = found and (found[1] or content.count(b"\n") + 1)
    return f"line {line or 1}: {_AT_LINE.sub('', message)}"


def _line(problem: str) -> int:
    found = _LINE.search(problem)
    return int(found[1]) if found else 0
