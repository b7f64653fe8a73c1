"""A JSON object of Google's: its members under either spelling, `generationConfig` or `generation_config`.

Every read names the path of what it finds wrong. Values that nobody reads stay raw, so that schemas and arguments go on
as the caller wrote them. Null is as good as absent, as it is to Google, and half of a surrogate pair becomes U+FFFD.
"""

import re
from collections.abc import Iterator

import msgspec

from tollbar.domain.errors import InvalidType, InvalidValue
from tollbar.wire.reading import mended

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw]).decode
_UNDERSCORE = re.compile(r"_([a-z0-9])")
_NULL = b"null"


def camel(name: str) -> str:
    """The usual one of the two spellings of a name."""
    return _UNDERSCORE.sub(lambda found: found[1].upper(), name) if "_" in name else name


class Members:
    """An object, and where it stands."""

    __slots__ = ("_values", "path")

    def __init__(self, raw: bytes, path: str = "") -> None:
        self.path = path
        try:
            found = _members(raw)
        except msgspec.ValidationError:
            raise InvalidType(f"{path!r} must be an object.", field=path or None) from None
        self._values: dict[str, bytes] = {}
        for name, value in found.items():
            usual = camel(name)
            if usual in self._values:
                raise InvalidValue(f"{self.at(usual)!r} is given twice.", field=self.at(usual))
            if (told := bytes(value)) != _NULL:
                self._values[usual] = told

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def at(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def raw(self, name: str) -> str | None:
        """A member as JSON text."""
        value = self._values.get(name)
        return None if value is None else value.decode()

    def text(self, name: str) -> str | None:
        """A member that is a string."""
        value = self._values.get(name)
        if value is None:
            return None
        if not value.startswith(b'"'):
            raise self._wrong(name, "a string")
        return _string(value)

    def number(self, name: str) -> float | None:
        """A member that is a number."""
        value = self._values.get(name)
        try:
            return None if value is None else msgspec.json.decode(value, type=float)
        except msgspec.DecodeError:
            raise self._wrong(name, "a number") from None

    def whole(self, name: str) -> int | None:
        """A member that is a whole number, however it is written."""
        number = self.number(name)
        if number is None:
            return None
        if not number.is_integer():
            raise self._wrong(name, "a whole number")
        return int(number)

    def flag(self, name: str) -> bool | None:
        """A member that is true or false."""
        value = self._values.get(name)
        if value not in (None, b"true", b"false"):
            raise self._wrong(name, "true or false")
        return None if value is None else value == b"true"

    def object(self, name: str) -> "Members | None":
        """A member that is an object."""
        value = self._values.get(name)
        return None if value is None else Members(value, self.at(name))

    def objects(self, name: str) -> "list[Members]":
        """A member that is an array of objects, or one object where an array of one is meant, as Google reads it."""
        value = self._values.get(name, b"[]")
        if value.startswith(b"{"):
            return [Members(value, self.at(name))]
        return [Members(bytes(item), f"{self.at(name)}[{place}]") for place, item in enumerate(self._items(name))]

    def texts(self, name: str) -> tuple[str, ...]:
        """A member that is an array of strings."""
        items = [bytes(item) for item in self._items(name)]
        if not all(item.startswith(b'"') for item in items):
            raise self._wrong(name, "an array of strings")
        return tuple(map(_string, items))

    def _items(self, name: str) -> list[msgspec.Raw]:
        try:
            return _ITEMS(self._values.get(name, b"[]"))
        except msgspec.DecodeError:
            raise self._wrong(name, "an array") from None

    def _wrong(self, name: str, wanted: str) -> InvalidType:
        return InvalidType(f"{self.at(name)!r} must be {wanted}.", field=self.at(name))


def _members(raw: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _MEMBERS(raw)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:  # the body was JSON as a whole: all that can be wrong is half of a surrogate pair
        return _MEMBERS(mended(raw))


def _string(value: bytes) -> str:
    return msgspec.json.decode(value, type=str)
