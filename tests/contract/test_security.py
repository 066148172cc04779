"""docs/security.md cannot rot: its links lead somewhere, its tests exist, its sums are right."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/security.md"
PAGES = [PAGE, ROOT / "SECURITY.md"]
VERDICTS = ("met", "partly", "not met", "n/a")
# OWASP ASVS 5.0.0: of each section, the level of its first requirement, its second, …
# Without chapters 5, 10 and 17, of which the page says why they do not apply.
SECTIONS = """
1.1 22      1.2 1111122223    1.3 112222222223  1.4 222       1.5 123
2.1 122     2.2 112           2.3 12223         2.4 23
3.1 3       3.2 113           3.3 12223         3.4 11222233  3.5 11122333  3.6 3     3.7 22333
4.1 12233   4.2 23333         4.3 22            4.4 1222
6.1 122     6.2 111111112222  6.3 11223333      6.4 112233    6.5 22222333  6.6 2223  6.7 33    6.8 2222
7.1 222     7.2 1111          7.3 22            7.4 11222     7.5 223       7.6 22
8.1 1233    8.2 1123          8.3 133           8.4 23
9.1 111     9.2 1222
11.1 2233   11.2 22233        11.3 11233        11.4 1222     11.5 23       11.6 23   11.7 33
12.1 12233  12.2 11           12.3 22223
13.1 2333   13.2 222223       13.3 2233         13.4 1222233
14.1 22     14.2 12223333     14.3 122
15.1 12233  15.2 12233        15.3 1222222      15.4 3333
16.1 2      16.2 22222        16.3 2222         16.4 222      16.5 2223
"""
_WORDS = SECTIONS.split()
LEVELS = {
    f"{section}.{number}": level
    for section, levels in zip(_WORDS[::2], _WORDS[1::2], strict=True)
    for number, level in enumerate(levels, 1)
}

_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_REQUIREMENT = re.compile(r"\| (\d+\.\d+\.\d+) \| (\d) \| (.+) \| ([^|]+) \| (.+) \|")


class Requirement(NamedTuple):
    """One row of the tables."""

    number: str
    level: str
    asked_for: str
    verdict: str
    how: str


def requirements() -> list[Requirement]:
    rows = map(_REQUIREMENT.fullmatch, PAGE.read_text().splitlines())
    return [Requirement(*row.groups()) for row in rows if row]


def links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """Each link within the project: its text, the file, and the heading's anchor or nothing."""
    for text, target in _LINK.findall(page.read_text()):
        if not target.startswith("https://"):
            path, _, anchor = target.partition("#")
            yield text, (page.parent / path).resolve() if path else page, anchor


@cache
def functions_of(file: Path) -> frozenset[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = ast.walk(ast.parse(file.read_text()))
    return frozenset(node.name for node in nodes if isinstance(node, functions))


def anchors_of(file: Path) -> set[str]:
    """Where a link into the page may lead, as GitHub names its headings."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading_of_it(page: Path) -> None:
    found = list(links(page))

    assert found
    assert [file for _, file, _ in found if not file.exists()] == []
    led_to_headings = [(file, anchor) for _, file, anchor in found if anchor]
    assert [link for link in led_to_headings if link[1] not in anchors_of(link[0])] == []


def test_every_test_that_is_named_is_in_its_file() -> None:
    named = [
        (f"test_{text.strip('`')}", file)
        for text, file, _ in links(PAGE)
        if text.startswith("`") and file.name.startswith("test_")
    ]

    assert named
    missing = [(name, file.name) for name, file in named if name not in functions_of(file)]
    assert missing == []


def test_every_log_event_that_is_named_is_logged_somewhere() -> None:
    (table,) = re.findall(r"## What is logged\n(.*?)\n## ", PAGE.read_text(), re.DOTALL)
    events = re.findall(
        r"`(\w+_\w+)`", "\n".join(re.findall(r"^\| (`.+?) \|", table, re.MULTILINE))
    )
    code = "".join(f.read_text() for d in ("gateway", "services") for f in (ROOT / d).rglob("*.py"))

    assert events
    assert [event for event in events if f'"{event}"' not in code] == []


def test_every_requirement_of_levels_1_and_2_has_one_row() -> None:
    found = requirements()

    numbers = [row.number for row in found]
    assert sorted(numbers, key=lambda n: [int(part) for part in n.split(".")]) == numbers
    assert len(set(numbers)) == len(numbers)
    assert {row.number: row.level for row in found}.items() <= LEVELS.items()
    assert {n for n, level in LEVELS.items() if level != "3"} <= set(numbers)


def test_of_level_3_only_what_is_met_has_a_row() -> None:
    assert {row.verdict for row in requirements() if row.level == "3"} == {"met"}


def test_every_requirement_has_a_verdict_and_what_is_met_shows_it() -> None:
    found = requirements()

    assert {row.verdict for row in found} == set(VERDICTS)
    assert [row.number for row in found if row.verdict == "met" and "](" not in row.how] == []


def test_the_sums_agree_with_the_rows() -> None:
    rows, text = requirements(), PAGE.read_text()
    by_verdict = Counter(row.verdict for row in rows if row.level != "3")
    met, partly, unmet, without = (by_verdict[verdict] for verdict in VERDICTS)
    beyond = len(rows) - by_verdict.total()

    told = re.search(
        r"Of the (\d+) requirements [^,]+, (\d+) are met, (\d+) partly, (\d+) not, "
        r"and (\d+) are [^.]+\. (\d+) of level 3",
        " ".join(text.split()),
    )

    assert told
    assert [*map(int, told.groups())] == [len(rows) - beyond, met, partly, unmet, without, beyond]
    assert f"| **{met}** | **{partly}** | **{unmet}** | **{without}** | **{beyond}** |" in text


@pytest.mark.parametrize("chapter", sorted({int(n.split(".")[0]) for n in LEVELS}))
def test_a_chapter_s_sums_agree_with_its_rows(chapter: int) -> None:
    rows = [row for row in requirements() if row.number.startswith(f"{chapter}.")]
    by_verdict = Counter(row.verdict for row in rows if row.level != "3")
    sums = [*(by_verdict[verdict] for verdict in VERDICTS), len(rows) - by_verdict.total()]

    told = re.search(rf"^\| \[V{chapter} [^|]+\| (.+) \|$", PAGE.read_text(), re.MULTILINE)

    assert told
    assert [*map(int, told[1].split(" | "))] == sums
