"""What the OpenAPI document says that can be asked, and one good value for each field."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
# Probes come from balancers, who add to them what they like: these are answered all the same.
PROBES = ("/healthz", "/readyz")

# What a string is for, where its schema does not tell.
_BY_NAME = {
    "password": "password",
    "current_password": "password",
    "token": "token",
    "refresh_token": "token",
    "username": "login",
    "timezone": "zone",
    "profile_picture": "picture",
    "sprite_key": "sprite",
    "rotation_id": "rotation",
    "cursor": "cursor",
    "actor": "actor",
    "scope": "protocol",
    "client_id": "protocol",
    "client_secret": "protocol",
}
# A good value of each kind, in JSON; what varies stands in `Field.example`.
_EXAMPLES: Mapping[str, Any] = {
    "boolean": True,
    "date": "2026-01-31",
    # Every player's today is yesterday's next date, or later.
    "dates": [str(datetime.now(UTC).date() - timedelta(days=1))],
    "email": "$canary@example.com",
    "login": "$canary@example.com",
    "password": "$secret of mine",
    "token": "$secret" + "x" * 31,
    "zone": "Asia/Tokyo",
    "picture": "cat_$canary",
    "sprite": "hat_$canary",
    "rotation": "2026-01-01-$canary",
    "protocol": "$canary",
    "actor": "$canary",
    "text": "Read $canary",
}
# Of a list by ids, of a timeline.
_CURSORS = ("AZLwwSw9fk-KW2x9jp8KGw", "BkZwdRKwkAGS8MEsPX5PiltsfY6fChsB")
# Longest address that mail can be sent to; the field of a login takes what is no address too.
_LONGEST_EMAIL = 254


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a body or query."""

    name: str
    schema: Mapping[str, Any]
    is_required: bool

    @property
    def rule(self) -> Mapping[str, Any]:
        """Its schema, whether or not null is allowed beside it."""
        choices = [each for each in self.schema.get("anyOf", ()) if each["type"] != "null"]
        return choices[0] if choices else self.schema

    @property
    def is_nullable(self) -> bool:
        """Whether null is a good value."""
        return {"type": "null"} in self.schema.get("anyOf", ())

    @property
    def kind(self) -> str:
        """What the corpus calls values of its sort. Fails for one of a new sort."""
        rule = self.rule
        if rule["type"] == "array":
            return {"date": "dates"}[rule["items"]["format"]]
        if rule["type"] != "string":
            return str(rule["type"])
        if "format" in rule:
            return {"uuid": "id", "date": "date"}[rule["format"]]
        if "enum" in rule or "const" in rule:
            return "enum"
        if self.name == "email":
            return "email" if rule["maxLength"] <= _LONGEST_EMAIL else "login"
        kind = _BY_NAME.get(self.name) or ("text" if "minLength" in rule else "")
        assert kind, (
            f"say in tests/hostile/document.py, _BY_NAME, what the field {self.name} is for"
        )
        return kind

    @property
    def choices(self) -> list[str]:
        """The words of an enum, empty for anything else."""
        const = [self.rule["const"]] if "const" in self.rule else []
        return [*self.rule.get("enum", ()), *const]

    def example(self, ids: Mapping[str, str]) -> Any:
        """A good value. `ids` are the player's own, by the name of the field."""
        kind = self.kind
        if kind == "id":
            assert self.name in ids, f"say in tests/hostile/belongings.py which id a {self.name} is"
            return ids[self.name]
        if kind == "integer":
            return min(max(25, self.rule["minimum"]), self.rule["maximum"])
        if kind == "cursor":
            return next(c for c in _CURSORS if re.search(self.rule["pattern"], c))
        return self.choices[0] if kind == "enum" else _EXAMPLES[kind]


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the API, as the document tells of it."""

    method: str
    path: str
    told: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As `POST /api/tasks`."""
        return f"{self.method} {self.path}"

    @property
    def is_write(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"

    @property
    def is_guarded(self) -> bool:
        """Whether it needs identity."""
        return bool(self.told["security"])

    @property
    def is_operators(self) -> bool:
        """Whether it is for superusers only."""
        return self.path.startswith("/api/admin/")

    @property
    def media(self) -> str:
        """The type of its body, empty where it takes none."""
        return next(iter(self.told.get("requestBody", {}).get("content", ())), "")

    @property
    def is_body_required(self) -> bool:
        """Whether it refuses to be sent without one."""
        return bool(self.told.get("requestBody", {}).get("required"))

    @property
    def fields(self) -> list[Field]:
        """Those of its body."""
        if not self.media:
            return []
        schema = self.told["requestBody"]["content"][self.media]["schema"]
        required = schema.get("required", ())
        return [Field(n, rule, n in required) for n, rule in schema["properties"].items()]

    @property
    def query(self) -> list[Field]:
        """Those of its query."""
        given = [p for p in self.told.get("parameters", ()) if p["in"] == "query"]
        return [Field(p["name"], p["schema"], p["required"]) for p in given]

    @property
    def path_ids(self) -> list[str]:
        """The names of the ids in its path."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def codes(self) -> set[str]:
        """The error codes that it may answer."""
        media = [
            response.get("content", {}).get("application/problem+json", {})
            for response in self.told["responses"].values()
        ]
        return {code for each in media for code in each.get("x-codes", ())}

    def target(self, ids: Mapping[str, str]) -> str:
        """Its path, with the player's own ids."""
        return re.sub(r"{(\w+)}", lambda found: _id_of(found[1], ids), self.path)

    def example(self, ids: Mapping[str, str]) -> dict[str, Any]:
        """A good body: what is required, or the first field where nothing is."""
        fields = self.fields
        wanted = [field for field in fields if field.is_required] or fields[:1]
        return {field.name: field.example(ids) for field in wanted}


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """Every call of the document."""
    return list(_operations(document))


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            yield Operation(method.upper(), path, told)


def _id_of(name: str, ids: Mapping[str, str]) -> str:
    assert name in ids, f"say in tests/hostile/belongings.py which id a {name} is"
    return ids[name]
