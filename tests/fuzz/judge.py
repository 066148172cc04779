"""What every answer of the town must be, whatever was asked."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import CATALOGUE, MEDIA_TYPE

# What is shorter stands in many an answer by chance.
LEAST_ECHO = 8
USUAL = {"type", "title", "status", "detail", "code", "request_id"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its status, its headers by their names in lower case, its body."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The body of an error."""
        found: dict[str, Any] = json.loads(self.content)
        return found

    @property
    def reasons(self) -> set[str]:
        """Why a value is not valid: the codes under `errors`."""
        return {error["code"] for error in self.problem.get("errors", ())}


class Judge:
    """Knows the words of the town's own document, which may stand in any answer."""

    def __init__(self, document: str) -> None:
        self._document = document

    def judge(self, answer: Answer, sent: Iterable[str]) -> None:
        """Passes what may be answered. `sent` are the values (not the names) of the request."""
        assert answer.headers.get("x-content-type-options") == "nosniff", "nosniff is missing"
        assert answer.headers.get("x-request-id"), "no request id"
        if answer.status >= 400:
            _require_problem(answer)
            self._require_no_echo(answer.problem, sent)

    def _require_no_echo(self, problem: dict[str, Any], sent: Iterable[str]) -> None:
        # The first is ours from end to end; the other may tell of the very session that was asked for.
        told = "\n".join(texts_of(problem | {"type": "", "active_session": None}))
        for value in sent:
            if len(value) >= LEAST_ECHO and value not in self._document:
                assert value not in told, f"echoed: {value[:100]!a}"


def texts_of(document: Any) -> Iterator[str]:
    """Every text value in it; no names of fields."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping):
        yield from (text for value in document.values() for text in texts_of(value))
    elif isinstance(document, list | tuple):
        yield from (text for value in document for text in texts_of(value))


def names_in(document: Any) -> Iterator[str]:
    """Every name of a field in it. Names may be told."""
    if isinstance(document, Mapping):
        yield from map(str, document)
        yield from (name for value in document.values() for name in names_in(value))
    elif isinstance(document, list | tuple):
        yield from (name for value in document for name in names_in(value))


def _require_problem(answer: Answer) -> None:
    """Passes an error of the catalogue, and of those of 5xx only a 503 that says when to come again."""
    kind = answer.headers.get("content-type", "")
    assert kind == MEDIA_TYPE, f"{answer.status} as {kind!r}"
    problem = answer.problem
    code = problem["code"]
    assert problem.keys() >= USUAL
    assert problem["status"] == answer.status == CATALOGUE[code].status
    assert code != "INTERNAL", "a 500 is always a bug"
    assert problem["type"].endswith(f"/docs#{code}")
    assert isinstance(problem["detail"], str)
    assert set(CATALOGUE[code].members) <= problem.keys()
    if code == "UNAVAILABLE":
        assert re.fullmatch("[1-9]|[12][0-9]|30", answer.headers.get("retry-after", ""))
