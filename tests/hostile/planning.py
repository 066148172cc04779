"""Every case put to every call that it fits: what is sent, and what may be answered."""

import base64
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlsplit

from tests.hostile.cases import Case, cases
from tests.hostile.document import FORM, JSON, PROBES, Field, Operation
from tests.hostile.forging import Signer, forged
from tests.hostile.templates import filled, joined, words_of_field, words_of_path
from tests.hostile.wire import Ask, Headers

# Canaries are hexadecimal, so that an id can hold one: twelve digits that nothing else says.
CANARY, SECRET = "cafe", "beef"
# Shorter ones stand in answers by chance.
SHORTEST_NEEDLE = 12
# Of every request of a run, so that no two have the same canaries.
NUMBERS = itertools.count()
COOKIE = "nesra_access"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends the bad requests: a player with these tokens and ids, at this address."""

    url: str
    token: str
    refresh: str
    ids: Mapping[str, str]
    auth: Signer


@dataclass(frozen=True, slots=True)
class Bad:
    """One bad request. `operation` is the call whose documented codes count, if any.

    `needles` stand in it, and must not stand in its answer.
    """

    case: Case
    call: str
    ask: Ask
    codes: tuple[str, ...]
    needles: tuple[str, ...]
    operation: Operation | None = None

    def __str__(self) -> str:
        return f"{self.case.id} [{self.call}]"


@dataclass(slots=True)
class Planner:
    """Makes the requests of a file of the corpus, each with canaries of its own."""

    caller: Caller
    operations: list[Operation]
    _number: Iterator[int] = field(default=NUMBERS)

    def requests(self, file: str) -> Iterator[Bad]:
        """All requests that the cases of a file make."""
        plan: Mapping[str, Callable[[Case], Iterable[Bad]]] = {
            "bodies": self._bodies,
            "values": self._values,
            "queries": self._queries,
            "paths": self._paths,
            "headers": self._headers,
            "methods": self._methods,
            "tokens": self._tokens,
        }
        return itertools.chain.from_iterable(map(plan[file], cases(file)))

    def _bodies(self, case: Case) -> Iterator[Bad]:
        for operation in self._chosen(case.on):
            body = joined(case.body, self._words_of(operation))
            yield self._bad(case, operation, body=body, headers=_typed(operation.media or JSON))

    def _values(self, case: Case) -> Iterator[Bad]:
        for operation in self._chosen("json"):
            if case.only and operation.name not in case.only:
                continue
            for into in operation.fields:
                value = joined(case.json, words_of_field(into))
                if _fits(case, into) and not _accepts(into, value):
                    body = _with(operation.example(self.caller.ids), into.name, value)
                    yield self._bad(case, operation, body=body, at=into.name)

    def _queries(self, case: Case) -> Iterator[Bad]:
        for operation in self._chosen(case.on or "all"):
            if operation.path in PROBES:
                continue
            if case.on:
                yield self._bad(case, operation, query=joined(case.text))
                continue
            for into in operation.query:
                if _fits(case, into):
                    query = f"{into.name}={joined(case.text, words_of_field(into))}"
                    yield self._bad(case, operation, query=query, at=into.name)

    def _paths(self, case: Case) -> Iterator[Bad]:
        for operation in self._chosen(case.on or "all"):
            if not case.into:
                target = joined(case.text, words_of_path(operation.target(self.caller.ids)))
                yield self._bad(case, operation, target=target, is_at_call=False)
                continue
            for name in operation.path_ids:
                # The rest of the path stays.
                ids = {**self.caller.ids, name: joined(case.text)}
                yield self._bad(case, operation, target=operation.target(ids), at=name)

    def _headers(self, case: Case) -> Iterator[Bad]:
        for operation in self._chosen(case.on):
            words = {"token": self.caller.token, "refresh": self.caller.refresh}
            given = _resolved(case, words)
            # What is to be said of its type, a case about types says itself.
            is_typed = case.on in ("json", "form", "cookie json")
            named = {name.lower() for name, _ in given}
            typed = () if is_typed or "content-type" in named else _typed(operation.media)
            yield self._bad(case, operation, headers=(*typed, *given))

    def _methods(self, case: Case) -> Iterator[Bad]:
        for path, group in itertools.groupby(self.operations, lambda found: found.path):
            answered = {operation.method for operation in group}
            answered |= {"HEAD"} if "GET" in answered else set()
            if case.method not in answered:
                operation = Operation(case.method, path, {"security": [], "responses": {}})
                given = _resolved(case, {})
                yield self._bad(case, operation, headers=given, is_at_call=False)

    def _tokens(self, case: Case) -> Iterator[Bad]:
        token = forged(case, self.caller.auth)
        for operation in self._chosen("guarded"):
            headers = (("Authorization", f"Bearer {token}"), *_typed(operation.media))
            parts = tuple(part[:40] for part in token.split(".") if len(part) >= SHORTEST_NEEDLE)
            yield self._bad(case, operation, headers=headers, identity="none", needles=parts)

    def _chosen(self, on: str) -> list[Operation]:
        """The operations of a sort."""
        return [operation for operation in self.operations if SORTS[on](operation)]

    def _words_of(self, operation: Operation) -> Mapping[str, str]:
        example = operation.example(self.caller.ids)
        if operation.media == FORM:
            pairs = (f"{name}={quote_plus(v, safe='$@')}" for name, v in example.items())
            return {"good": "&".join(pairs)}
        name, value = next(iter(example.items()), ("", ""))
        whole = json.dumps(example)
        return {
            "good": whole[1:-1],
            "whole": whole,
            "field": name,
            "FIELD": name.upper(),
            "value": json.dumps(value),
            "escaped": f"\\u{ord(name[0]):04x}{name[1:]}" if name else "",
        }

    def _bad(  # noqa: PLR0913  # one keyword per part of a request
        self,
        case: Case,
        operation: Operation,
        *,
        target: str = "",
        query: str = "",
        body: str | None = None,
        headers: Headers | None = None,
        identity: str = "",
        at: str = "",
        needles: tuple[str, ...] = (),
        is_at_call: bool = True,
    ) -> Bad:
        """The request, where what is not given is as good as can be."""
        words = self._canaries()
        codes = case.codes
        if case.ignored and operation.is_write:
            query, codes = "unknown=$canary", ("VALIDATION_FAILED",)
        target = (target or operation.target(self.caller.ids)) + (query and f"?{query}")
        if body is None:
            body = self._good_body(operation)
        if headers is None:
            headers = _typed(operation.media)
        given = (*self._identified(identity or case.identity), *headers)
        ask = Ask(
            operation.method,
            filled(target, words),
            tuple((filled(name, words), filled(value, words)) for name, value in given),
            filled(body, words).encode(case.encode),
            case.is_chunked,
        )
        return Bad(
            case=case,
            call=f"{operation.name} {at}".rstrip(),
            ask=ask,
            codes=codes,
            needles=(words["canary"], words["secret"], *needles),
            operation=operation if is_at_call else None,
        )

    def _good_body(self, operation: Operation) -> str:
        words = self._words_of(operation) if operation.media else {}
        return words.get("whole", words.get("good", ""))

    def _identified(self, identity: str) -> Headers:
        token = self.caller.token
        return {
            "bearer": (("Authorization", f"Bearer {token}"),),
            "cookie": (("Cookie", f"{COOKIE}={token}"),),
            "none": (),
        }[identity]

    def _canaries(self) -> Mapping[str, str]:
        digits = f"{next(self._number):08x}"
        place = urlsplit(self.caller.url)
        some = f"0192f0c1-2c3d-7e4f-8a5b-{CANARY}{digits}"
        secret = f"{SECRET}{digits}"
        return {
            "canary": CANARY + digits,
            "secret": secret,
            "uuid": some,
            "UUID": some.upper(),
            "basic": base64.b64encode(f"{secret}:{secret}".encode()).decode(),
            "forged": f"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.{secret}",
            "host": place.netloc,
            "port": str(place.port),
        }


SORTS: Mapping[str, Callable[[Operation], bool]] = {
    "all": lambda _: True,
    "json": lambda found: found.media == JSON,
    "json with required fields": lambda found: (
        found.media == JSON and any(each.is_required for each in found.fields)
    ),
    "form": lambda found: found.media == FORM,
    "bodyless": lambda found: not found.media and found.path not in PROBES,
    "dated": lambda found: "from" in [each.name for each in found.query],
    "guarded": lambda found: found.is_guarded,
    "writes": lambda found: found.is_write,
    "cookie writes": lambda found: found.is_write and found.is_guarded,
    "cookie json": lambda found: found.media == JSON and found.is_guarded,
    "logins": lambda found: "ORIGIN_REFUSED" in found.codes and not found.is_guarded,
}


def _typed(media: str) -> Headers:
    return (("Content-Type", media),) if media else ()


def _resolved(case: Case, words: Mapping[str, str]) -> Headers:
    given = [(joined(name, words), joined(value, words)) for name, value in case.headers or ()]
    return tuple(given * case.times)


def _fits(case: Case, into: Field) -> bool:
    return into.kind in case.into or ("strings" in case.into and into.rule["type"] == "string")


def _accepts(into: Field, value: str) -> bool:
    """Whether the document says that this value is a good one of that field."""
    try:
        found = json.loads(value)
    except ValueError:
        return False
    if found is None:
        return into.is_nullable
    if into.kind == "integer" and type(found) is int:
        return bool(into.rule["minimum"] <= found <= into.rule["maximum"])
    return into.kind == "enum" and found in into.choices


def _with(example: Mapping[str, Any], name: str, value: str) -> str:
    """A body in JSON in which one field has a value as it is written."""
    members = {each: json.dumps(v) for each, v in example.items()} | {name: value}
    return "{" + ", ".join(f'"{each}": {raw}' for each, raw in members.items()) + "}"
