"""The values of a protobuf enum as the lower-case words of tables and JSON."""

from typing import Any, Generic, TypeVar

Value = TypeVar("Value", bound=int)


class Words(Generic[Value]):
    """Both directions between an enum's values and its words.

    `Words[pb.Room.ValueType](pb.Room)` maps `ROOM_STUDY` to `"study"` and back.
    The value 0, unspecified, has no word.
    """

    def __init__(self, enum: Any) -> None:
        names: dict[Value, str] = {value: name for name, value in enum.items()}
        prefix = names[min(names)].removesuffix("UNSPECIFIED")
        self._words = {v: n.removeprefix(prefix).lower() for v, n in names.items() if v}
        self._values = {word: value for value, word in self._words.items()}

    def word(self, value: Value) -> str:
        """The word of a value. Raises KeyError for an unknown or unspecified one."""
        return self._words[value]

    def value(self, word: str) -> Value:
        """The value of a word. Raises KeyError for an unknown one."""
        return self._values[word]
