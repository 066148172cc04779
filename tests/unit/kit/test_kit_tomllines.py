"""Every key is found on the line that it stands on, however the text is written."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.settings import RULES
from services.kit.tomllines import Path, lines_of

KEYS = st.one_of(
    st.sampled_from(["a", "b", "c-d", "1"]), st.text(st.characters(codec="utf-8"), max_size=4)
)
VALUES = st.sampled_from(
    [
        ["7"],
        ["-0.5e3"],
        ["true"],
        ["1979-05-27 07:32:00"],
        ['"]}#, = \\" [x]"'],
        ["'''", "[no.table]", "k = 1 ''''"],
        ['"""', '\\""" = [', '"""""'],
        ["[ # none", " ]"],
        ["[", "  1, # one", "", '  "2", [3,', "  4]]"],
        ["{ x = 1, 'y z'.q = [", "1] }"],
    ]
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)
SPACE = st.lists(st.sampled_from(["", "# comment = [", "   "]), max_size=2)


def name(key: str) -> str:
    return '"' + "".join(f"\\U{ord(character):08x}" for character in key) + '"'


def paths_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every path that the parser's own document has."""
    yield path
    steps = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for step, inner in steps:
        yield from paths_in(inner, (*path, step))


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, dict[Path, int]]:
    """A text of tables and arrays of tables, and where each key of it was written."""
    lines: list[str] = []
    stands: dict[Path, int] = {}
    counts: dict[str, int] = {}
    for number in range(draw(st.integers(0, 4))):
        lines += draw(SPACE)
        is_array = draw(st.booleans())
        key = "many" if is_array else f"one.{number}"
        place = counts[key] = counts.get(key, -1) + 1
        table: Path = ("many", place) if is_array else ("one", str(number))
        lines.append(f"[[ {key} ]]" if is_array else f"[{key}] # header")
        stands[table] = len(lines)
        for inner, written in draw(TABLES).items():
            lines += draw(SPACE)
            stands[*table, inner] = len(lines) + 1
            first, *more = written
            lines += [f" {name(inner)}\t= {first}", *more]
    return "\n".join(lines), stands


@given(texts())
def test_every_key_stands_where_it_was_written(written: tuple[str, dict[Path, int]]) -> None:
    text, stands = written

    found = lines_of(text)

    assert {path: found[path] for path in stands} == stands
    assert set(paths_in(tomllib.loads(text))) == set(found)


def test_the_shipped_rules_are_found_line_by_line() -> None:
    text = RULES.read_text()
    written = text.splitlines()

    found = lines_of(text)

    assert set(paths_in(tomllib.loads(text))) == set(found)
    for path, line in found.items():
        if path and isinstance(path[-1], str):
            assert path[-1] in written[line - 1], path


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a.b = 1\na.c = 2", ("a", "c"), 2),
        ('\n"a.b" = 1', ("a.b",), 2),
        ("x = [\n  {y = 1},\n  {z = [\n1]}]", ("x", 1, "z", 0), 4),
        ("[[a]]\n[[a.b]]\nc = 1\n[[a]]\n[[a.b]]\n[[a.b]]\nc = 1", ("a", 1, "b", 1, "c"), 7),
        ("[a.b]\n[a]\nc = 1", ("a",), 2),
        ("a = 1\r\nb = 2\r\n", ("b",), 2),
    ],
)
def test_a_path_leads_to_its_line(text: str, path: Path, line: int) -> None:
    assert lines_of(text)[path] == line
