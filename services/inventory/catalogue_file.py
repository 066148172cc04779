"""The cosmetics that the town ships with, as `catalogue.toml` tells them."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from services.inventory.rules import Item
from services.kit.ids import is_canonical

SHIPPED = Path(__file__).with_name("catalogue.toml")
_HEADER = "[[items]]"


class BadCatalogue(Exception):
    """The catalogue does not do; the message says where and why."""


def read_catalogue(path: Path = SHIPPED) -> tuple[Item, ...]:
    """Every item of the file, in its order.

    Raises BadCatalogue, which names every fault by its line.
    """
    try:
        text = path.read_text()
        written = tomllib.loads(text).get("items", [])
    except (OSError, ValueError) as error:
        message = f"the catalogue {path} cannot be read: {error}"
        raise BadCatalogue(message) from None
    lines = [n for n, line in enumerate(text.splitlines(), 1) if line.strip() == _HEADER]
    if not lines or len(lines) != len(written):
        message = f"{path}: every item stands under a line {_HEADER} of its own"
        raise BadCatalogue(message)
    return _checked(path, [_Place(*place) for place in zip(lines, written, strict=True)])


def _canonical(text: str) -> str:
    if not is_canonical(text):
        message = "must be a canonical UUID"
        raise ValueError(message)
    return text


class _Written(BaseModel):
    """An item as the file must write it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[str, AfterValidator(_canonical)]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    type: Literal["hat", "outfit", "accessory"]
    rarity: Literal["common", "rare", "epic"]
    sprite_key: Annotated[str, Field(pattern="^[a-z0-9_]{1,80}$")]


class _Place(NamedTuple):
    line: int
    written: Any


def _checked(path: Path, places: list[_Place]) -> tuple[Item, ...]:
    faults = [fault for place in places for fault in _faults(place)] or list(_twice(places))
    if faults:
        raise BadCatalogue("; ".join(f"{path} {fault}" for fault in faults))
    return tuple(Item(**place.written) for place in places)


def _faults(place: _Place) -> Iterable[str]:
    try:
        _Written.model_validate(place.written)
    except ValidationError as error:
        for fault in error.errors(include_input=False):
            where = ".".join(str(part) for part in fault["loc"])
            yield f"line {place.line}: {where}: {fault['msg']}"


def _twice(places: list[_Place]) -> Iterator[str]:
    """What must be an item's own, and is not."""
    for field in ("id", "name", "sprite_key"):
        counted = Counter(place.written[field] for place in places)
        for place in places:
            if counted[place.written[field]] > 1:
                yield f"line {place.line}: {field}: another item has the same"
