"""The rules file: numbers of the game as data, validated, with a version.

Each service has a section with its own name, bound to a frozen dataclass of its
`rules.py`. The version is a hash of the file's content, so that equal versions
mean equal rules.
"""

import hashlib
import json
import sys
import tomllib
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

Rules = TypeVar("Rules")


class BadRules(Exception):
    """The rules file does not do; the message says where and why."""


def load(path: Path, section: str, rules: type[Rules]) -> tuple[Rules, str]:
    """The rules of one section and the file's version, 12 hex digits.

    Raises BadRules.
    """
    try:
        content = path.read_bytes()
        document = tomllib.loads(content.decode())
    except (OSError, ValueError) as error:
        message = f"the rules file {path} cannot be read: {error}"
        raise BadRules(message) from None
    version = hashlib.sha256(content).hexdigest()[:12]
    return _bound(path, section, document.get(section), rules), version


def load_or_exit(path: Path, section: str, rules: type[Rules]) -> tuple[Rules, str]:
    """As `load`, but says what is wrong and exits with code 2."""
    try:
        return load(path, section, rules)
    except BadRules as error:
        sys.stderr.write(f"Cannot start: {error}\n")
        raise SystemExit(2) from None


def _bound(path: Path, section: str, document: Any, rules: type[Rules]) -> Rules:
    if document is None:
        message = f"{path} has no section [{section}]"
        raise BadRules(message)
    try:
        return _strict(rules).validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        places = [_place(section, dict(e)) for e in error.errors(include_input=False)]
        message = f"{path}: " + "; ".join(places)
        raise BadRules(message) from None


def _strict(rules: type[Rules]) -> TypeAdapter[Rules]:
    """Validates `rules` and the dataclasses within it, refusing unknown keys."""
    for hint in get_type_hints(rules).values():
        for inner in (hint, *get_args(hint)):
            if is_dataclass(inner):
                _strict(cast("type[Any]", inner))
    return TypeAdapter(with_config(ConfigDict(extra="forbid"))(rules))


def _place(section: str, error: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in (section, *error["loc"]))
    return f"{where}: {error['msg']}"
