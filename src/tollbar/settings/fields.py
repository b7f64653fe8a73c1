"""What settings are made of: how a field is declared, and the types whose text form is our own.

A field's declaration is the one source of its default, bounds, unit, environment names and documentation; the loader,
`docs/configuration.md`, the JSON schema and the messages all read it from here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationInfo
from pydantic import WithJsonSchema as Schema

from tollbar.settings.secret import Secret

_WINDOW_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_RATE = re.compile(r"\s*(\d{1,12})\s*(?:/|per)\s*(?:1\s+)?(second|minute|hour|day)s?\s*")


class Section(BaseModel):
    """A block of settings: frozen, and without room for keys that nobody declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


def setting(
    default: Any,
    text: str,
    *,
    unit: str = "",
    environment: tuple[str, ...] = (),
    bounds: tuple[Any, Any] = (None, None),
    planned: bool = False,
) -> Any:
    """A field: its default (or a function that makes it), what it does, and the environment names that set it.

    Of several names set in the same place the first wins. `bounds` are the least and the greatest value allowed.
    A `planned` one is read and checked, and has no effect yet: the documentation and the messages say so.
    """
    least, greatest = bounds
    extra: dict[str, Any] = {"unit": unit, "environment": list(environment)}
    if planned:
        extra["planned"] = True
    if callable(default):
        return Field(
            default_factory=default,
            description=text,
            ge=least,
            le=greatest,
            validate_default=True,
            json_schema_extra=extra,
        )
    return Field(default, description=text, ge=least, le=greatest, validate_default=True, json_schema_extra=extra)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in any window of so many seconds, as `"20/minute"` says."""

    amount: int
    window_seconds: int

    def __str__(self) -> str:
        word = {seconds: name for name, seconds in _WINDOW_SECONDS.items()}[self.window_seconds]
        return f"{self.amount}/{word}"


def parse_rate(value: object) -> Rate:
    """The rate that `"20/minute"` or `"20 per minute"` stands for, as in the rates of keys; raises ValueError."""
    if isinstance(value, Rate):
        return value
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) < 1:
        raise ValueError(
            "is no rate: write a number of 1 or more, a slash and second, minute, hour or day ('20/minute')"
        )
    return Rate(int(match[1]), _WINDOW_SECONDS[match[2]])


def _read_secret(value: object, information: ValidationInfo) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text: ${NAME}, or file:PATH")
    if not value.startswith("file:"):
        return Secret(value)
    directory: Path = (information.context or {}).get("directory", Path())
    path = directory / Path(value.removeprefix("file:")).expanduser()
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "not UTF-8 text"
        raise ValueError(f"names the file {path}, which cannot be read ({reason})") from None
    if not text:
        raise ValueError(f"names the file {path}, which is empty")
    return Secret(text)


def _check_web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValueError("is no web address: write http:// or https://, a host and, where needed, a port and a path")
    return value.rstrip("/")


def _check_network(value: str) -> str:
    try:
        return str(ip_network(value, strict=False))
    except ValueError:
        raise ValueError("is no address or network: write 10.0.0.1, 10.0.0.0/8 or fd00::/8") from None


def _check_origin(value: str) -> str:
    """What browsers send as `Origin`: scheme, host and, unless it is the usual one, port; in small letters."""
    if value == "*":
        return value
    fault = ValueError("is no origin: write scheme and host, such as https://app.example or http://localhost:3000")
    try:
        parts = urlsplit(value.lower())
        port = parts.port
    except ValueError:
        raise fault from None
    is_bare = parts.path in {"", "/"} and not (parts.query or parts.fragment or "@" in parts.netloc)
    if not (parts.scheme and parts.hostname and is_bare) or port == 0:
        raise fault
    is_usual = port == {"http": 80, "https": 443}.get(parts.scheme, -1)
    return f"{parts.scheme}://{parts.netloc.removesuffix(f':{port}') if is_usual else parts.netloc}"


def _listed(value: object) -> object:
    """One entry may be written without its list."""
    return (value,) if isinstance(value, str) else value


def _frozen(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(value))


def over(defaults: Callable[[], Mapping[str, Any]]) -> BeforeValidator:
    """Lays the entries of a mapping over its default entries, one by one, instead of replacing them all."""
    return BeforeValidator(lambda value: {**defaults(), **value} if isinstance(value, Mapping) else value)


SecretText = Annotated[Secret, PlainValidator(_read_secret), Schema({"type": "string"})]
WebAddress = Annotated[str, AfterValidator(_check_web_address)]
Origin = Annotated[str, AfterValidator(_check_origin)]
Network = Annotated[str, AfterValidator(_check_network)]
RateText = Annotated[Rate, PlainValidator(parse_rate), Schema({"type": "string", "pattern": r"^\d+ ?(/|per) ?\w+$"})]
Rates = Annotated[tuple[RateText, ...], BeforeValidator(_listed)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_listed)]
Origins = Annotated[tuple[Origin, ...], BeforeValidator(_listed)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Frozen = AfterValidator(_frozen)
Dollars = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
