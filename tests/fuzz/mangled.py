"""Requests as no client means them: each part well or wrong in a way of its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_from_bytes

from hypothesis import strategies as st

from tests.fuzz.ugly import CONTROLS, EXTRA, IDENTITIES, METHODS, TYPES, VALUES, WRONG


@dataclass(frozen=True, slots=True, repr=False)
class Mangled:
    """A request; `values` are its values as they were before they were written down.

    `identity`: whether its Authorization is good. `is_astray`: it may not even be this call.
    """

    method: str
    target: str
    headers: tuple[tuple[str, bytes], ...]
    body: bytes | None
    values: tuple[Any, ...]
    identity: str
    is_astray: bool

    def __repr__(self) -> str:
        """Where it goes. All of it is told as a command when it fails."""
        return f"{self.method} {self.target[:80]}"


@dataclass(frozen=True, slots=True)
class Call:
    """What the document says of one call: where it is, and the names of what it takes."""

    method: str
    path: str
    fields: tuple[str, ...]
    media: str
    filters: tuple[str, ...]


def call_of(method: str, path: str, operation: Mapping[str, Any]) -> Call:
    """The call of that operation of the document."""
    content: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {})
    media = next(iter(content), "")
    schema = content[media]["schema"] if media else {}
    given = operation.get("parameters", ())
    filters = tuple(p["name"] for p in given if p["in"] == "query")
    return Call(method.upper(), path, tuple(schema.get("properties", ())), media, filters)


@st.composite
def mangled(draw: st.DrawFn, call: Call, own: Any) -> Mangled:
    """A request of that call. `own(name, which)` is a value that means something there."""
    values: list[Any] = []

    def value(name: str) -> Any:
        known = own(name, draw(st.integers(0, 3))) if draw(st.booleans()) else None
        chosen = draw(VALUES) if known is None else known
        values.append(chosen)
        return chosen

    path, is_off_path = _path(draw, call, value)
    method = draw(st.sampled_from((*[call.method] * 60, *METHODS)))
    pairs = [
        (n, value(n)) for n in draw(st.lists(st.sampled_from((*call.filters, "x")), max_size=2))
    ]
    search = draw(st.sampled_from(("", "", "", "?&&", "?%ff", "?%00=%00", "?=", "?limit")))
    if pairs:
        search = "?" + "&".join(f"{name}={_quoted(v)}" for name, v in pairs)
    body = _body(draw, call, value)
    identity = draw(IDENTITIES)
    headers = list(draw(EXTRA))
    if body is not None or draw(st.booleans()):
        headers.append(("Content-Type", draw(st.just(call.media.encode()) | TYPES)))
    if identity == "wrong":
        headers.append(("Authorization", draw(WRONG)))
    return Mangled(
        method=method,
        target=path + search,
        headers=tuple((name, _on_one_line(v)) for name, v in headers),
        body=body,
        values=tuple(values),
        identity=identity,
        is_astray=is_off_path or method != call.method,
    )


def _path(draw: st.DrawFn, call: Call, value: Any) -> tuple[str, bool]:
    before, brace, rest = call.path.partition("{")
    if not brace:
        suffix = draw(st.sampled_from((*[""] * 60, "/", "%2f", "/..", ";x=1", "%00", "//", "%ff")))
        return call.path + suffix, bool(suffix)
    name, _, after = rest.partition("}")
    segment = _quoted(value(name))
    # What is empty or has a slash in it leads elsewhere.
    return before + segment + after, not segment or "%2F" in segment or segment in (".", "..")


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")[:9_000]


def _on_one_line(value: bytes) -> bytes:
    # With another control character in it, or on two lines, it would not even be HTTP.
    return value.translate(None, CONTROLS).strip()


def _body(draw: st.DrawFn, call: Call, value: Any) -> bytes | None:
    kinds = ("document",) * 6 + ("none", "bytes", "deep", "large", "other")
    kind = draw(st.sampled_from(kinds if call.fields else ("none",) * 6 + kinds))
    if kind in ("none", "bytes"):
        return None if kind == "none" else draw(st.binary(max_size=200))
    if kind in ("deep", "large"):
        return _too_much(draw, kind)
    if kind == "other":
        return json.dumps(value("")).encode()
    names = draw(st.lists(st.sampled_from((*call.fields, "x", "is_superuser")), max_size=6))
    pairs = [(name, value(name)) for name in names]
    if call.media.endswith("urlencoded"):
        return "&".join(f"{name}={_quoted(v)}" for name, v in pairs).encode()
    return _written(draw, pairs)


def _too_much(draw: st.DrawFn, kind: str) -> bytes:
    if kind == "large":
        return b'"' + b"x" * draw(st.integers(65_000, 140_000)) + b'"'
    depth = draw(st.integers(1, 9_000))
    return b'{"x":' * depth + b"1" + b"}" * depth


def _written(draw: st.DrawFn, pairs: list[tuple[str, Any]]) -> bytes:
    """A JSON object, in which a name may stand twice."""
    text = "{" + ",".join(f"{json.dumps(name)}:{json.dumps(v)}" for name, v in pairs) + "}"
    how = draw(st.sampled_from((*["utf-8"] * 12, "utf-8-sig", "utf-16", "utf-32", "cut", "more")))
    if how == "cut":
        return text.encode()[: draw(st.integers(0, len(text)))]
    return (text + text).encode() if how == "more" else text.encode(how)
