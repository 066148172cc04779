"""The corpus: bad requests as data, each with the answer that it must get, and why.

A file is a list of groups. What stands beside `cases` counts for each of them that does
not say otherwise.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("corpus")
FILES = ("bodies", "values", "queries", "paths", "headers", "methods", "tokens")
# In place of a code: it is not refused, and must not be echoed all the same.
OK = "OK"

# A text, or parts of one, each a text or [text, times].
Template = str | list[Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One bad request: `codes` are the answers that are right, `why` says so.

    The other fields are what is bad in it; each file says at its top which it has.
    """

    file: str
    name: str
    codes: tuple[str, ...]
    why: str
    on: str = ""
    into: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    body: Template | None = None
    encode: str = "utf-8"
    is_chunked: bool = False
    json: Template = ""
    text: Template | None = None
    method: str = ""
    headers: tuple[tuple[Template, Template], ...] | None = None
    times: int = 1
    identity: str = "bearer"
    ignored: bool = False
    seal: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    claims_without: tuple[str, ...] = ()
    raw_header: str | None = None
    raw_payload: str | None = None

    @property
    def id(self) -> str:
        """As `bodies: one brace`."""
        return f"{self.file}: {self.name}"


@cache
def cases(file: str) -> tuple[Case, ...]:
    """Every case of a file."""
    return tuple(_cases(file, tomllib.loads((FOLDER / f"{file}.toml").read_text())))


def _cases(file: str, content: Mapping[str, Any]) -> Iterator[Case]:
    usual: dict[str, Any] = {"file": file, "codes": ["UNAUTHENTICATED"] if file == "tokens" else []}
    for group in content["group"]:
        shared = {name: value for name, value in group.items() if name != "cases"}
        for case in group["cases"]:
            yield Case(**{n: _fixed(n, v) for n, v in (usual | shared | case).items()})


def _fixed(name: str, value: Any) -> Any:
    """A list as a tuple, except where it is a template."""
    if name == "headers":
        return tuple((given, content) for given, content in value)
    return (
        tuple(value) if isinstance(value, list) and name not in ("body", "json", "text") else value
    )
