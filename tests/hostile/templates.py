"""Words with a dollar before them, such as $canary, and what they stand for in a request."""

import re
from collections.abc import Mapping

from tests.hostile.cases import Template
from tests.hostile.document import Field


def filled(text: str, words: Mapping[str, str]) -> str:
    """The text, each of the words in its place."""
    if "$" not in text:
        return text
    names = "|".join(sorted(words, key=len, reverse=True))
    return re.sub(rf"\$({names})", lambda found: words[found[1]], text)


def joined(template: Template | None, words: Mapping[str, str] | None = None) -> str:
    """The text of a template, each of the words in its place."""
    parts = [template] if isinstance(template, str) else template or []
    text = "".join(part if isinstance(part, str) else part[0] * part[1] for part in parts)
    return filled(text, words) if words else text


def words_of_field(into: Field) -> Mapping[str, str]:
    """What $over, $under, $choice and $upper are for a field."""
    rule = into.rule
    if rule["type"] == "integer":
        return {"over": str(rule["maximum"] + 1), "under": str(rule["minimum"] - 1)}
    words = {"over": "x" * (rule.get("maxLength", 0) + 1)}
    if into.choices:
        words |= {"choice": into.choices[0], "upper": into.choices[0].upper()}
    return words


def words_of_path(path: str) -> Mapping[str, str]:
    """What $path, $upper, $escaped and $last are for an address."""
    escaped = f"{path[:-1]}%{ord(path[-1]):02x}"
    last = path.rpartition("/")[2]
    return {"path": path, "upper": path.upper(), "escaped": escaped, "last": last}
